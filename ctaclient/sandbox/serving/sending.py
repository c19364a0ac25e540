"""Putting an answer on the wire, with whatever disturbance it carries."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ctaclient.sandbox.serving.answer import Answer, Cut, FileSlice
from ctaclient.sandbox.serving.body import BLOCK_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def send_body(
    answer: Answer,
    write: Callable[[memoryview], object],
    sleep: Callable[[float], None],
    on_last: Callable[[int], None],
) -> None:
    """Send a body that is not empty, block by block.

    `on_last` is called with the number of bytes just before the last block goes out, so that a client which has the
    whole answer finds it recorded. Raises Cut where the delivery ends early, also when a file has become shorter.
    """
    plan = answer.delivery
    end = answer.size_bytes if plan.cut_after is None else min(plan.cut_after, answer.size_bytes)
    stops = {end} | ({plan.stall_after} if plan.stall_after is not None and plan.stall_after < end else set())
    sent = 0
    if plan.stall_after == 0:
        sleep(plan.stall_s)
    for block in _blocks(answer.body, sorted(stops)):
        if plan.flip_first and sent == 0:
            block[0] ^= 1
        if sent + len(block) == end:
            on_last(end)
        write(block)
        sent += len(block)
        if sent == plan.stall_after:
            sleep(plan.stall_s)
    if sent < answer.size_bytes:
        raise Cut


def _blocks(body: bytes | FileSlice, stops: list[int]) -> Iterator[memoryview]:
    """Writable blocks that end exactly at each stop. One buffer serves all of a file's."""
    position = 0
    buffer = memoryview(bytearray(BLOCK_BYTES if isinstance(body, FileSlice) else len(body)))
    for stop in stops:
        while position < stop:
            wanted = min(len(buffer), stop - position)
            if isinstance(body, FileSlice):
                size = os.preadv(body.fd, [buffer[:wanted]], body.start + position)
            else:
                size = wanted
                buffer[:size] = body[position : position + size]
            if not size:
                return
            yield buffer[:size]
            position += size
