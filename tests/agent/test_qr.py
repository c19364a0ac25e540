"""The QR code on a terminal, read back from its blocks."""

from __future__ import annotations

import re

import pytest
import segno

from ctaclient_agent.login.qr import qr_lines

URL = "https://issuer.example/device?user_code=ABCD-EFGH"
_HALVES = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}


def test_the_blocks_are_the_code() -> None:
    lines = qr_lines(URL, 80, "utf-8")
    rows: list[list[int]] = []
    for line in lines:
        match = re.fullmatch(r"\x1b\[30;107m([ ▀▄█]+)\x1b\[0m", line)
        assert match is not None
        rows += [[_HALVES[block][half] for block in match[1]] for half in (0, 1)]
    expected = [[int(bool(module)) for module in row] for row in segno.make_qr(URL, error="l").matrix_iter(border=2)]
    assert rows[: len(expected)] == expected
    assert all(not any(row) for row in rows[len(expected) :])
    assert len(rows[0]) < 50


@pytest.mark.parametrize(
    ("text", "columns", "encoding"),
    [(URL, 20, "utf-8"), (URL, 80, "ascii"), (URL, 80, "latin-1"), (URL, 80, "nothing"), ("x" * 10_000, 500, "utf-8")],
)
def test_where_there_is_no_room_there_is_no_code(text: str, columns: int, encoding: str) -> None:
    assert qr_lines(text, columns, encoding) == []
