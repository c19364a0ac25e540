"""Who may ask: a token that the server does not know changes nothing and shows nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import AuthError
from tests.servers.conftest import client_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.conftest import Place
    from tests.servers.storage_server import StorageServer


class TestAccess:
    def test_a_wrong_token(self, server: StorageServer, place: Place, tmp_path: Path) -> None:
        place.plant("f", b"precious")
        (tmp_path / "local").write_bytes(b"new")
        with client_of(replace(server, token="of-nobody"), place.url, tmp_path) as client:
            for attempt in (
                lambda: client.ls("/"),
                lambda: client.stat("/f"),
                lambda: client.get("/f", tmp_path / "got"),
                lambda: client.put(tmp_path / "local", "/f", overwrite=True),
                lambda: client.mkdir("/d"),
                lambda: client.rm("/f"),
            ):
                with pytest.raises(AuthError) as caught:
                    attempt()
                assert caught.value.exit_code == 4
                assert "of-nobody" not in f"{caught.value} {caught.value.hint}"
        assert place.picture() == {"f": b"precious"}
        assert not (tmp_path / "got").exists()
