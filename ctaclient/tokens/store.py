"""The token store: one private directory per profile, written by the agent, read by everyone of the same user."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING

from ctaclient._util.private import ensure_private_dir, read_private, write_private
from ctaclient._util.redact import fingerprint
from ctaclient.tokens.record import Record, parse_record
from ctaclient.tokens.token import AccessToken, parse_token, token_text

if TYPE_CHECKING:
    from pathlib import Path

_ATTEMPTS = 5


class TokenStore:
    """The store in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def profile_dir(self, profile: str) -> Path:
        """Where the files of `profile` are."""
        return self.directory / profile

    def token_file(self, profile: str) -> Path:
        """The plain access token: what `BEARER_TOKEN_FILE` of another program may point to."""
        return _file(self.directory, profile, "token")

    def scoped(self, profile: str) -> TokenStore:
        """The tokens of `profile` for narrower purposes, under the keys of what was asked for."""
        return TokenStore(self.profile_dir(profile) / "scoped")

    def record_file(self, profile: str) -> Path:
        """What is known about it."""
        return _file(self.directory, profile, "record.json")

    def profiles(self) -> list[str]:
        """Names of the profiles that have a record."""
        return sorted(path.parent.name for path in self.directory.glob("*/record.json"))

    def record(self, profile: str) -> Record | None:
        """The record of `profile`, or None. Raises UnsafePath or ConfigError when it cannot be trusted or read."""
        path = self.record_file(profile)
        try:
            return parse_record(read_private(path), str(path))
        except FileNotFoundError:
            return None

    def read(self, profile: str) -> tuple[Record, AccessToken | None] | None:
        """The record and the token it describes, or None when there never was a login.

        The two files are replaced one after the other; a reader that meets the moment in between looks again. Should an
        agent have died there, the token stands with the end that it names itself.
        """
        path = self.token_file(profile)
        for attempt in itertools.count(1):
            record = self.record(profile)
            if record is None:
                break
            try:
                value = token_text(read_private(path).decode("ascii", "replace"), str(path))
            except FileNotFoundError:
                return record, None
            if value and fingerprint(value) == record.token:
                return record, AccessToken(value, record.expires_at)
            if attempt == _ATTEMPTS:
                return record, parse_token(value, str(path))
        return None

    def publish(self, record: Record, token: AccessToken | None) -> None:
        """Write token (if it is a new one) and record, each atomically and durably."""
        directory = self.profile_dir(record.profile)
        ensure_private_dir(directory)
        if token is not None:
            write_private(self.token_file(record.profile), token.value.encode("ascii"))
        write_private(self.record_file(record.profile), record.to_json())


@functools.lru_cache(maxsize=64)
def _file(directory: Path, profile: str, name: str) -> Path:
    # Kept, because making a Path takes as long as reading the file.
    return directory / profile / name
