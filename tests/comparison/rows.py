"""The rows of the comparison: each does the same to every contender, and says in a few words what was seen."""

from __future__ import annotations

import itertools
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.comparison.contender import run
from tests.providers.device_pkce import DevicePkce
from tests.providers.fault import DEVICE, HTML, PORTAL, REFRESH, Fault, oauth_error, unavailable
from tests.support.waiting import looks

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.comparison.contender import Contender, Said
    from tests.providers.fault import Action
    from tests.providers.fault_layer import Certificate
    from tests.providers.issuer import Issuer
    from tests.providers.layered import Layered

_WATCH_S = 25.0
_STEP_S = 0.4
_ECHO = oauth_error("invalid_token", status=401, description="Invalid refresh token: {refresh_token}")


@dataclass(frozen=True, slots=True)
class Bench:
    """A contender before the issuer; `other` is an issuer that no fault touches, `place` an empty directory."""

    contender: Contender
    layered: Layered
    other: Issuer
    place: Path

    def log_in(self, kind: str = "brisk") -> Said:
        return self.contender.log_in(self.layered.issuer(kind))


@dataclass(frozen=True, slots=True)
class Row:
    """`check` is what is done; `see` does it and says what came of it; `debug`: with the debug log turned on."""

    check: str
    see: Callable[[Bench], str]
    debug: bool = False


class Job:
    """Asks for a token again and again, as a job does, and counts what it does not get."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.failed: list[Said] = []
        self.first = bench.contender.token().stdout.strip()

    def asks_until(self, enough: Callable[[Said], bool], limit_s: float) -> bool:
        """Whether that came within `limit_s`."""
        for _ in looks(limit_s, every_s=_STEP_S):
            said = self._bench.contender.token()
            if not said.is_good(self._bench.layered.now()):
                self.failed.append(said)
            if enough(said):
                return True
        return False

    def gets_another(self, limit_s: float = _WATCH_S) -> bool:
        """Whether a token comes that lives and is not the first one."""
        return self.asks_until(
            lambda said: said.is_good(self._bench.layered.now()) and said.stdout.strip() != self.first, limit_s
        )

    def complaints(self) -> str:
        """What it was told instead of a token."""
        if not self.failed:
            return "no call for a token failed"
        words = " then ".join(dict.fromkeys(said.words() for said in self.failed))
        return f"{len(self.failed)} call{'s' * (len(self.failed) > 1)} failed: {words}"


def _one_fault(bench: Bench, fault: Fault, *, grace_s: float = 0) -> str:
    layer = bench.layered.layer
    if (said := bench.log_in()).exit_code != 0:
        return f"no login: {said.words()}"
    layer.grace_s = grace_s
    layer.fault(fault)
    job = Job(bench)
    hit = job.asks_until(lambda _: bool(_hits(bench)), _WATCH_S)
    if not hit:
        return "the fault was not met"
    if job.gets_another():
        return f"goes on by itself; {job.complaints()}"
    return f"**login lost**; {job.complaints()}"


def _outage(bench: Bench, fault: Fault, outage_s: float) -> str:
    layer = bench.layered.layer
    if (said := bench.log_in()).exit_code != 0:
        return f"no login: {said.words()}"
    layer.fault(replace(fault, times=None))
    job = Job(bench)
    if not job.asks_until(lambda _: bool(_hits(bench)), _WATCH_S):
        return "the fault was not met"
    begun = time.monotonic()
    job.asks_until(lambda _: time.monotonic() - begun > outage_s, 10 * outage_s)
    tries = len(_hits(bench))
    layer.clear()
    cleared = time.monotonic()
    if job.gets_another(40):
        after_s = time.monotonic() - cleared
        return f"{tries} refresh requests in it, new token {after_s:.1f} s after its end; {job.complaints()}"
    return f"**login lost**; {job.complaints()}"


def _hits(bench: Bench) -> list[float]:
    return [exchange.asked_at_s for exchange in bench.layered.layer.asked(grant=REFRESH) if exchange.fault]


def _retry_after(bench: Bench) -> str:
    bench.log_in()
    bench.layered.layer.fault(unavailable(retry_after="5"))
    job = Job(bench)
    if not job.gets_another():
        return f"**login lost**; {job.complaints()}"
    refused, following = bench.layered.layer.asked(grant=REFRESH)[:2]
    return f"asks again after {following.asked_at_s - (refused.ended_at_s or 0):.1f} s; {job.complaints()}"


def _a_hanging_issuer(bench: Bench) -> str:
    """Another account, at another issuer, has a token that lives; how long does it take to get it?"""
    bench.log_in()
    bench.contender.log_in(bench.other, "other")
    bench.layered.layer.fault(Fault("hang", times=None))
    begun = time.monotonic()
    hanging = None
    while not _hits(bench) and time.monotonic() - begun < _WATCH_S:
        hanging = bench.contender.token()
    said = bench.contender.token("other")
    words = f"{said.took_s * 1000:.0f} ms" if said.exit_code == 0 else said.words()
    own = f"; its own account meanwhile: {hanging.words()}" if hanging else ""
    return f"token of the other account: {words}{own}"


def _polls(bench: Bench, *faults: Fault, polls: int) -> str:
    layer = bench.layered.layer
    layer.fault(*faults)
    issuer = bench.layered.issuer("quick")

    def approve_late(verification_uri: str, user_code: str, ca_file: Path, *, deny: bool = False) -> None:
        for _ in looks(60, every_s=0.05):
            if len(layer.asked(grant=DEVICE)) >= polls:
                break
        issuer.approve(verification_uri, user_code, ca_file, deny=deny)

    said = bench.contender.log_in(replace(issuer, approve=approve_late))
    seen = layer.asked(grant=DEVICE)
    waits = [f"{b.asked_at_s - (a.ended_at_s or 0):.1f}" for a, b in itertools.pairwise(seen)]
    end = "login works" if said.exit_code == 0 else f"**no login**: {_last_line(said)}"
    return f"{end}; seconds between polls: {', '.join(waits) or 'one poll only'}"


def _pkce(bench: Bench) -> str:
    bench.layered.layer.device_pkce = DevicePkce()
    said = bench.log_in("quick")
    return "login works" if said.exit_code == 0 else f"**no login**: {_last_line(said)}"


def _certificate(certificate: Certificate) -> Callable[[Bench], str]:
    def see(bench: Bench) -> str:
        bench.layered.layer.present(certificate)
        said = bench.log_in("quick")
        return f"refused: {_last_line(said)}" if said.exit_code != 0 else "**accepted**"

    return see


def _plain_http(bench: Bench) -> str:
    layer = bench.layered.layer
    layer.plain_too = True
    issuer = bench.layered.issuer("quick")

    def approve(verification_uri: str, user_code: str, ca_file: Path, *, deny: bool = False) -> None:
        issuer.approve(verification_uri.replace("http://", "https://"), user_code, ca_file, deny=deny)

    said = bench.contender.log_in(replace(issuer, url=layer.url.replace("https", "http"), approve=approve))
    return (
        "**accepted**, client secret and refresh token in clear"
        if said.exit_code == 0
        else f"refused: {_last_line(said)}"
    )


def _echo(bench: Bench) -> str:
    """The secrets in what is printed and in the debug log."""
    layer = bench.layered.layer
    login = bench.log_in()
    layer.fault(_ECHO)
    job = Job(bench)
    job.asks_until(lambda said: bool(_hits(bench)) and not said.is_good(bench.layered.now()), _WATCH_S)
    refresh_tokens = {exchange.form["refresh_token"] for exchange in layer.asked(grant=REFRESH)}
    printed = login.stderr + "".join(said.stderr + said.stdout for said in job.failed)
    where = [
        place
        for place, text in (("what it prints", printed), ("the debug log", bench.contender.log()))
        if any(token in text for token in refresh_tokens)
    ]
    leak = f"**refresh token in {' and in '.join(where)}**" if where else "refresh token nowhere in output or debug log"
    seen = job.failed[-1] if job.failed else None
    told = f"; told {seen.took_s:.1f} s after asking: {_hidden(seen.words(), refresh_tokens)}" if seen else ""
    return leak + told


def _wrong_clock(shift_s: float) -> Callable[[Bench], str]:
    def see(bench: Bench) -> str:
        bench.layered.shift_clock(shift_s)
        said = bench.contender.log_in(bench.layered.issuer("quick"))
        if said.exit_code != 0:
            return f"**no login**: {_last_line(said)}"
        left = bench.contender.end_s() - time.time()
        warned = "; warns" if "clock" in said.stderr else "; no warning"
        before = len(bench.layered.layer.asked(grant=REFRESH))
        for _ in range(10):
            bench.contender.token()
        more = len(bench.layered.layer.asked(grant=REFRESH)) - before
        return f"says that the token of 300 s lives {left:.0f} s; {more} refreshes for 10 calls{warned}"

    return see


def _file_modes(bench: Bench) -> str:
    bench.log_in("quick")
    files = bench.contender.secret_files()
    return ", ".join(
        f"file {path.stat().st_mode & 0o777:04o} in a directory {path.parent.stat().st_mode & 0o777:04o}"
        for path in files
    )


def _copy(bench: Bench) -> str:
    """Both hosts ask in turn, for longer than four tokens live."""
    bench.log_in()
    other = bench.contender.copy(bench.place / "copy")
    try:
        last: list[Said] = []
        for _ in looks(18, every_s=_STEP_S):
            last = [contender.token() for contender in (bench.contender, other)]
    finally:
        other.end()
    refused = sum(exchange.issuer_status == 400 for exchange in bench.layered.layer.asked(grant=REFRESH))
    good = [said.is_good(bench.layered.now()) for said in last]
    outcome = {2: "both go on", 1: "one goes on", 0: "**both logins lost**"}[sum(good)]
    told = {said.words() for said, is_good in zip(last, good, strict=True) if not is_good}
    return "; ".join([outcome, f"refreshes refused: {refused}", *sorted(told)])


def _kill(bench: Bench) -> str:
    """After a refresh, so that the first refresh token is spent."""
    if (said := bench.log_in()).exit_code != 0:
        return f"no login: {said.words()}"
    if not Job(bench).gets_another():
        return "no refresh came"
    bench.contender.kill()
    restarted = bench.contender.restart()
    said = bench.contender.token()
    if said.is_good(bench.layered.now()):
        return f"goes on after a restart without a person ({restarted.took_s:.1f} s)"
    return f"**login lost**; {_last_line(restarted if restarted.exit_code else said)}"


def _end_of_life(bench: Bench) -> str:
    """The slowest of many calls while three tokens come and go: who waits for the network?"""
    bench.log_in()
    job = Job(bench)
    took: list[float] = []

    def enough(said: Said) -> bool:
        took.append(said.took_s)
        return len(took) == 30

    job.asks_until(enough, 60)
    return f"slowest call {max(took) * 1000:.0f} ms, median {statistics.median(took) * 1000:.0f} ms; {job.complaints()}"


def _reading(bench: Bench) -> str:
    bench.log_in("quick")
    took = [bench.contender.token().took_s for _ in range(50)]
    words = f"median {statistics.median(took) * 1000:.1f} ms by its command"
    if (file := bench.contender.token_file()) is not None:
        took = [run(["cat", str(file)], {}).took_s for _ in range(50)]
        words += f", {statistics.median(took) * 1000:.1f} ms by cat"
    return words


def _memory(bench: Bench) -> str:
    bench.log_in("quick")
    bench.contender.token()
    sizes = [_resident_mb(pid) for pid in bench.contender.pids()]
    return " + ".join(f"{size:.1f}" for size in sizes) + " MB"


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _last_line(said: Said) -> str:
    lines = [line.strip() for line in said.stderr.splitlines() if line.strip()]
    complaints = [line for line in lines if line.startswith(("ctaclient: ", "Error"))]
    return f"«{(complaints or lines or [''])[-1][:240]}», exit code {said.exit_code}"


def _hidden(text: str, secrets: set[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "(the refresh token)")
    return text


def _after(action: Action, *, grace: bool) -> Callable[[Bench], str]:
    return lambda bench: _one_fault(bench, Fault(action, grant=REFRESH), grace_s=60 if grace else 0)


ROWS = [
    Row("503 once", lambda bench: _one_fault(bench, unavailable())),
    Row(
        "connection dropped once before the issuer",
        lambda bench: _one_fault(bench, Fault("drop_before", grant=REFRESH)),
    ),
    Row(
        "captive portal once: HTML with 200, issuer not reached",
        lambda bench: _one_fault(bench, Fault("answer", grant=REFRESH, status=200, headers=HTML, body=PORTAL.decode())),
    ),
    Row("503 for 15 s", lambda bench: _outage(bench, unavailable(), 15)),
    Row("503 with Retry-After: 5", _retry_after),
    Row("reply lost after rotation, issuer has a grace period", _after("drop_after", grace=True)),
    Row("reply lost after rotation, no grace period", _after("drop_after", grace=False)),
    Row("reply cut in the middle, grace", _after("cut", grace=True)),
    Row("half of the JSON, grace", _after("truncate", grace=True)),
    Row("HTML instead of the reply, grace", _after("html", grace=True)),
    Row("one issuer hangs", _a_hanging_issuer),
    Row("refused with IAM's 401 invalid_token, which echoes the refresh token", _echo, debug=True),
    Row("killed (SIGKILL) after a rotation", _kill),
    Row("whole home copied, keys included, and an agent run on each (here on one machine)", _copy),
    Row("issuer's clock 1 h ahead", _wrong_clock(3600)),
    Row("issuer's clock 1 h behind", _wrong_clock(-3600)),
    Row(
        "device flow: slow_down at the second poll (interval 1 s)",
        lambda bench: _polls(
            bench, oauth_error("authorization_pending", grant=DEVICE), oauth_error("slow_down", grant=DEVICE), polls=3
        ),
    ),
    Row(
        "device flow: first poll dropped, second 503",
        lambda bench: _polls(bench, Fault("drop_before", grant=DEVICE), Fault("answer", grant=DEVICE), polls=2),
    ),
    Row("device flow: PKCE demanded, as by Keycloak", _pkce),
    Row("certificate for another host", _certificate("other-host")),
    Row("certificate of an unknown CA", _certificate("unknown-ca")),
    Row("expired certificate", _certificate("expired")),
    Row("http issuer", _plain_http),
    Row("where the refresh token lies (umask 022)", _file_modes),
    Row("30 calls while three tokens of 4 s come and go", _end_of_life),
    Row("reading a token that lives", _reading),
    Row("resident memory", _memory),
]
