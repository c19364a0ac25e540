"""A user manager of the test's own: `systemctl` and `loginctl` that know as much of systemd as our unit needs."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SYSTEMCTL = r"""
import os, shlex, signal, socket, subprocess, sys, time
place, home = {place!r}, {home!r}
words = [word for word in sys.argv[1:] if word not in ("--user", "--quiet")]
with open(place + "/calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\n")
if not os.path.exists(place + "/manager"):
    sys.exit("Failed to connect to bus: No medium found")
verb, unit = words[0], "ctaclient-agent.service"
now = "--now" in words
directory = home + "/.config/systemd/user"
file, link = directory + "/" + unit, directory + "/default.target.wants/" + unit

def read(name):
    try:
        with open(name) as opened:
            return opened.read()
    except FileNotFoundError:
        return ""

def pid():
    number = int(read(place + "/pid") or 0)
    try:
        state = number and read("/proc/%d/stat" % number).rpartition(")")[2].split()[0]
    except IndexError:
        return 0
    return number if state and state not in "ZX" else 0

def start():
    if pid():
        return
    if read(place + "/loaded") != read(file) or not read(file):
        sys.exit("the unit is not loaded: daemon-reload is missing")
    lines = [line.partition("=") for line in read(file).splitlines()]
    plain = lambda text: shlex.split(text.replace("%%", "%"))
    (command,) = [plain(value.replace("$$", "$")) for name, _, value in lines if name == "ExecStart"]
    settings = dict(word.split("=", 1) for name, _, value in lines if name == "Environment" for word in plain(value))
    (watchdog,) = [value for name, _, value in lines if name == "WatchdogSec"]
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind("")
    notify.settimeout(0.05)
    address = "@" + notify.getsockname()[1:].decode()
    own = {{"PATH": "/usr/bin:/bin", "HOME": home, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": watchdog + "000000"}}
    log = open(place + "/journal", "a")
    process = subprocess.Popen(
        command, env=own | settings, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )
    with open(place + "/pid", "w") as written:
        written.write(str(process.pid))
    while True:
        try:
            if b"READY=1" in notify.recv(4096).splitlines():
                return
        except TimeoutError:
            if process.poll() is not None:
                sys.exit("the service ended with %s before it was ready" % process.returncode)

def stop():
    number = pid()
    if number:
        os.kill(number, signal.SIGTERM)
        while pid():
            time.sleep(0.02)

if verb == "daemon-reload":
    with open(place + "/loaded", "w") as loaded:
        loaded.write(read(file))
elif verb == "enable":
    os.makedirs(os.path.dirname(link), exist_ok=True)
    if not os.path.lexists(link):
        os.symlink(file, link)
elif verb == "disable":
    os.path.lexists(link) and os.unlink(link)
    now and stop()
elif verb == "is-enabled":
    sys.exit(0 if os.path.lexists(link) else 1)
elif verb == "is-active":
    sys.exit(0 if pid() else 3)
elif verb == "start":
    start()
elif verb == "restart":
    stop()
    start()
elif verb == "show-environment":
    print("LANG=C")
else:
    sys.exit("Unknown command verb " + verb)
"""

_LOGINCTL = r"""
import sys
assert sys.argv[1] == "show-user" and "--property=Linger" in sys.argv
print(open({place!r} + "/linger").read())
"""


class FakeSystemd:
    """Its programs are first on `path`; `place` holds what it knows."""

    def __init__(self, place: Path, home: Path) -> None:
        self._place = place
        self.unit_file = home / ".config" / "systemd" / "user" / "ctaclient-agent.service"
        binaries = place / "bin"
        binaries.mkdir(parents=True)
        for name, program in {"systemctl": _SYSTEMCTL, "loginctl": _LOGINCTL}.items():
            file = binaries / name
            file.write_text(f"#!{sys.executable} -IS\n" + program.format(place=str(place), home=str(home)))
            file.chmod(0o755)
        self.path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
        self.linger("no")
        (place / "manager").touch()

    def linger(self, word: str) -> None:
        """What `loginctl` says."""
        (self._place / "linger").write_text(word)

    def vanish(self) -> None:
        """No manager can be reached any more."""
        (self._place / "manager").unlink()

    def calls(self) -> list[str]:
        """The command lines so far; questions are left out."""
        file = self._place / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if "is-" not in line and "show-" not in line]

    def pid(self) -> int:
        """The main process of the unit."""
        return int((self._place / "pid").read_text())

    def journal(self) -> str:
        """What the service wrote."""
        return (self._place / "journal").read_text()

    def end(self) -> None:
        """Kill the service, if one runs."""
        if (self._place / "pid").exists():
            try:
                os.kill(self.pid(), signal.SIGKILL)
            except ProcessLookupError:
                return
