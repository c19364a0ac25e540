"""Checksums of local bytes."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.transfer.checksum import ALGORITHMS, Adler32, choose, file_checksum, new_checksum

if TYPE_CHECKING:
    from pathlib import Path


def reference(algorithm: str, data: bytes) -> str:
    return f"{zlib.adler32(data):08x}" if algorithm == "adler32" else hashlib.new(algorithm, data).hexdigest()


@given(st.lists(st.binary(max_size=100), max_size=6))
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_in_pieces_as_in_one(algorithm: str, pieces: list[bytes]) -> None:
    running = new_checksum(algorithm)
    for piece in pieces:
        running.update(memoryview(piece))
    assert running.hexdigest() == reference(algorithm, b"".join(pieces))


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 1024 * 1024 + 1])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_of_a_file(tmp_path: Path, algorithm: str, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xff" * size)
    assert file_checksum(path, algorithm) == reference(algorithm, b"\xff" * size)


def test_adler32_keeps_leading_zeros_and_begins_anew() -> None:
    running = Adler32()
    assert running.hexdigest() == "00000001"
    running.update(b"Wikipedia")
    assert running.hexdigest() == "11e60398"
    running.reset()
    assert running.hexdigest() == "00000001"


def test_the_cheapest_is_chosen() -> None:
    assert choose({"sha256": "c", "md5": "b", "adler32": "a"}) == ("adler32", "a")
    assert choose({"sha512": "d", "sha1": "c"}) == ("sha1", "c")
    assert choose({"crc32c": "x"}) is None
    assert choose({}) is None
