"""What unit tests share: tokens that look real, and a umask for a moment."""

from __future__ import annotations

import base64
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from tests.support.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

# A busy machine is no finding.
settings.register_profile("unit", deadline=None)
settings.load_profile("unit")

NOW = FakeClock().now()
# RFC 6750 2.1: b64token. Long enough not to stand in a text by accident.
BEARER_TOKENS = st.from_regex(r"[A-Za-z0-9\-._~+/]{16,60}={0,2}", fullmatch=True)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a directory to another group")
as_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")


def jwt(**claims: Any) -> str:
    """A JWT with `claims` and a signature that nobody checks."""
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"signature"))


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """The process's umask for a moment."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
