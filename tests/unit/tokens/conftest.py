"""Logins to read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient._util.redact import fingerprint
from ctaclient.tokens.record import Record
from ctaclient.tokens.store import TokenStore
from tests.unit.conftest import NOW

if TYPE_CHECKING:
    from pathlib import Path


def a_record(value: str = "token-1", **changes: Any) -> Record:
    """A record of a fresh login whose access token is `value`."""
    record = Record(
        profile="site",
        issuer="https://issuer.example",
        client_id="cta",
        storage_url="https://site.example",
        scope="openid",
        state="fresh",
        token=fingerprint(value),
        issued_at=NOW,
        expires_at=NOW + 600,
        generation=1,
    )
    return replace(record, **changes)


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "store")
