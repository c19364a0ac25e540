"""An address as a QR code of half blocks, for a telephone held to the terminal. In the login process only."""

from __future__ import annotations

import segno
from segno.encoder import DataOverflowError

_BORDER = 2  # ISO 18004 wants 4; 2 are read well where the colours are our own, and 4 lines more fit
# Black on bright white, whatever the terminal's own colours are: many readers know no other way round.
_BEGIN, _END = "\x1b[30;107m", "\x1b[0m"
_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def qr_lines(text: str, columns: int, encoding: str) -> list[str]:
    """The code of `text`, or nothing where `columns` are too few or `encoding` has no blocks."""
    try:
        "".join(_BLOCKS.values()).encode(encoding)
        code = segno.make_qr(text, error="l")
    except (UnicodeEncodeError, LookupError, DataOverflowError):
        return []
    rows = [[bool(module) for module in row] for row in code.matrix_iter(border=_BORDER)]
    if len(rows[0]) > columns:
        return []
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return [_BEGIN + "".join(_BLOCKS[each] for each in zip(*pair, strict=True)) + _END for pair in pairs]
