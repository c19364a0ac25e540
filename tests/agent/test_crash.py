"""kill -9 at every system call: the store can always be read, and no login is lost that need not be."""

from __future__ import annotations

import contextlib
import queue
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.agent.crash.actions import LIFE_S
from tests.agent.crash.aftermath import SCENARIOS, Aftermath, Scenario
from tests.agent.crash.strace import Program, needs_strace
from tests.agent.hosts.issuer import Family, RotatingIssuer
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# They wait for the disk more than for a processor.
_AT_ONCE = 3


class Sweep:
    """One scenario, done by `programs` and killed in copies of what it begins with."""

    def __init__(self, directory: Path, scenario: Scenario, programs: list[Program]) -> None:
        self._directory = directory
        self._scenario = scenario
        self._programs = programs
        self._template = directory / "template"
        for name in ("", "store"):
            (self._template / name).mkdir(mode=0o700)
        scenario.prepare(self._template)
        for program in programs:
            with self._world("warm") as (base, _):
                program.warm(scenario.action, base)
        with self._world("list") as (base, _):
            self.calls = programs[0].calls(scenario.action, base)
        self.sent_at = self._index("sendto", ".first")
        self.stored_at = self._index("rename", "login.sealed")

    def kill_at(self, points: list[int]) -> None:
        """Kill at each of these calls, and look what is left."""
        idle: queue.SimpleQueue[Program] = queue.SimpleQueue()
        for program in self._programs:
            idle.put(program)

        def kill(point: int) -> None:
            program = idle.get()
            try:
                self._kill(program, point)
            finally:
                idle.put(program)

        with ThreadPoolExecutor(len(self._programs)) as pool:
            list(pool.map(kill, points))

    def _kill(self, program: Program, point: int) -> None:
        call = self.calls[point]
        sent = self.sent_at is not None and point > self.sent_at
        stored = self.stored_at is not None and point > self.stored_at
        with self._world(f"{point:04}") as (base, issuer):
            program.kill_at(self._scenario.action, base, call)
            given_at = issuer.families["old"].given_at
            if sent:
                eventually(lambda: given_at)
            assert len(given_at) == sent
            try:
                self._scenario.check(Aftermath(base, issuer, sent, stored))
            except Exception as error:
                error.add_note(f"killed before {call.text}, call {point} of {len(self.calls)}; {sent=}, {stored=}")
                raise

    @contextlib.contextmanager
    def _world(self, name: str) -> Iterator[tuple[Path, RotatingIssuer]]:
        """A copy, and an issuer that knows the logins in it."""
        base = self._directory / name
        shutil.copytree(self._template, base)
        issuer = RotatingIssuer(base / "issuer", LIFE_S)
        for family in ("old", "new"):
            issuer.families[family] = Family(f"{family}.first")
        try:
            yield base, issuer
        finally:
            issuer.shutdown()
            issuer.server_close()
            shutil.rmtree(base)
            shutil.rmtree(base.with_name(f"{name}-again"), ignore_errors=True)

    def _index(self, name: str, text: str) -> int | None:
        found = (n for n, call in enumerate(self.calls) if call.name.startswith(name) and text in call.text)
        return next(found, None)


def sample(sweep: Sweep, count: int) -> list[int]:
    """Some calls, those round the sending and the renaming among them."""
    size = len(sweep.calls)
    edges = {at + step for at in (sweep.sent_at, sweep.stored_at) if at is not None for step in (0, 1)}
    return sorted({*edges, *range(0, size, max(size // count, 1))})


@pytest.fixture(scope="module")
def programs() -> Iterator[list[Program]]:
    needs_strace()
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Program()) for _ in range(_AT_ONCE)]


# Argon2 takes its time.
@pytest.mark.parametrize("name", sorted(set(SCENARIOS) - {"protect"}))
def test_some_system_calls(private: Path, programs: list[Program], name: str) -> None:
    sweep = Sweep(private, SCENARIOS[name], programs)
    sweep.kill_at(sample(sweep, 5))


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_system_call(private: Path, programs: list[Program], name: str) -> None:
    sweep = Sweep(private, SCENARIOS[name], programs)
    sweep.kill_at(list(range(len(sweep.calls))))


@pytest.mark.parametrize("name", ["refresh", "scoped"])
def test_nothing_else_is_written_before_the_answer_is_safe(private: Path, programs: list[Program], name: str) -> None:
    """The calls at which an answer can be lost are as few as can be: nothing waits for a disk but the one file."""
    sweep = Sweep(private, SCENARIOS[name], programs)
    assert sweep.sent_at is not None
    assert sweep.stored_at is not None
    between = [call.name for call in sweep.calls[sweep.sent_at + 1 : sweep.stored_at + 1]]
    assert [name for name in between if name.startswith(("write", "fsync", "rename", "sendto", "connect"))] == [
        "write",
        "fsync",
        sweep.calls[sweep.stored_at].name,
    ]
