"""Foreign text on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient._util.redact import printable

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_nothing_that_moves_the_cursor_is_left(text: str) -> None:
    shown = printable(text)
    assert all(character == " " or unicodedata.category(character)[0] not in "CZ" for character in shown)
    assert shown.isprintable()


@given(ANY_TEXT, st.integers(0, 50))
def test_the_limit_counts_what_was_given(text: str, limit: int) -> None:
    assert printable(text, limit=limit).endswith("…") or len(text) <= limit


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("run 1.fits", "run 1.fits"),
        ("Größe λ 星", "Größe λ 星"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\u202egnp.exe", r"a\u202egnp.exe"),
        ("\udcff", r"\udcff"),
        ("\u2028", r"\u2028"),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert printable(text) == shown
