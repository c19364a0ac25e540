"""Sinks: blocks at their offsets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctaclient.transport.sink import FileSink

if TYPE_CHECKING:
    from pathlib import Path


@given(blocks=st.lists(st.binary(min_size=1, max_size=50), max_size=10), order=st.randoms())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_gives_the_same_file(tmp_path: Path, blocks: list[bytes], order: object) -> None:
    path = tmp_path / "file"
    placed = [(sum(map(len, blocks[:n])), block) for n, block in enumerate(blocks)]
    order.shuffle(placed)  # type: ignore[attr-defined]
    with path.open("wb") as file:
        sink = FileSink(file.fileno())
        for offset, block in placed:
            sink.write(offset, memoryview(block))
    assert path.read_bytes() == b"".join(blocks)
