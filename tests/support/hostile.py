"""Input that nobody writes by accident: for parsers, which have to say no in words that can be shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctaclient.errors import CtaError

# What has broken parsers of others: sizes, kinds that look alike, and text that speaks to a terminal.
NASTY: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, False, 0, -1, 2**63, 10**400, -(10**400), 0.5, 1e300, float("inf"), float("nan")),
        *("", " ", "0", "a\nb", "\0", "\x1b[2J", "\u202e", "\ud800", "\udcff", "é" * 300, "9" * 5000, "{}", "AAAA"),
        *([], [[]], {}, {"": None}),
    ]
)
JSON: st.SearchStrategy[Any] = st.recursive(
    NASTY | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
# Deeper than the interpreter goes, longer than it reads numbers.
DEEP = [b"[" * 100_000, b'{"a":' * 20_000, b"9" * 10_000]
BYTES: st.SearchStrategy[bytes] = st.binary() | JSON.map(lambda value: json.dumps(value).encode())


def changed(document: Mapping[str, Any], values: st.SearchStrategy[Any] = JSON) -> st.SearchStrategy[dict[str, Any]]:
    """`document` with some of its fields gone and others with a value of `values`."""
    return st.builds(
        lambda gone, other: {name: value for name, value in {**document, **other}.items() if name not in gone},
        st.sets(st.sampled_from(sorted(document)), max_size=1),
        st.dictionaries(st.sampled_from([*sorted(document), "other"]), values, max_size=2),
    )


def as_bytes(documents: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[bytes]:
    """These documents as a file or an answer holds them, and bytes that are none."""
    return documents.map(lambda document: json.dumps(document).encode()) | BYTES


def is_shown(*texts: str | None) -> bool:
    """Whether a terminal can be given all of these."""
    return all(text.isprintable() for text in texts if text is not None)


def check_words(error: CtaError, *secrets: str, where: str = "") -> None:
    """What `error` says of `where` can be shown, and tells none of these."""
    assert is_shown(error.message, error.hint)
    assert where in error.message
    assert len(error.message) < 1000
    assert not [secret for secret in secrets if secret in f"{error.message} {error.hint}"]
