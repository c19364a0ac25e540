"""The main job on a sandbox, as a user types it: log in, put, list, get, compare. Each command is shown, then run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient.errors import CtaError, IntegrityError
from ctaclient.sandbox.person import approve
from ctaclient.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_PAGE = re.compile(r"(https://\S+/device)\s*$")
_CODE = re.compile(r"\b([A-Z]{4}-[A-Z]{4})\b")


def demo(sources: Sequence[str], write: Callable[[str], None]) -> None:
    """Run the main job on copies of `sources` (local files and directories). Raises CtaError when a step fails."""
    with tempfile.TemporaryDirectory(prefix="ctaclient-demo-") as temporary:
        directory = Path(temporary)
        with Sandbox.start(directory / "sandbox") as sandbox:
            write(f"# A sandbox runs on this machine: issuer {sandbox.issuer_url}, storage {sandbox.storage_url}")
            exports = sandbox.environment()
            write("$ export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in exports.items()))
            shell = _Shell({**_basics(), **exports}, write)
            try:
                _login(shell, sandbox, write)
                _transfer(shell, sources, directory / "back", write)
                shell.run("agent", "status")
            finally:
                shell.run("stop-agent")
    write("# All of it worked, and nothing is left behind.")


class _Shell:
    """Shows a command as a user types it, then runs it."""

    def __init__(self, environment: Mapping[str, str], write: Callable[[str], None]) -> None:
        self._environment = environment
        self._write = write

    def run(self, *arguments: str) -> None:
        """Its output goes where ours goes. Raises CtaError when it fails."""
        with self.start(*arguments, stderr=None) as process:
            code = process.wait()
        if code:
            raise CtaError(f"'ctaclient {shlex.join(arguments)}' ended with {code}")

    def start(self, *arguments: str, stderr: int | None) -> subprocess.Popen[str]:
        self._write(f"\n$ ctaclient {shlex.join(arguments)}")
        command = [sys.executable, "-P", "-m", "ctaclient", *arguments]
        return subprocess.Popen(command, env=self._environment, stderr=stderr, text=True)


def _login(shell: _Shell, sandbox: Sandbox, write: Callable[[str], None]) -> None:
    """`start-agent`, and the person who opens the page that it prints and approves."""
    arguments = ["--profile", "sandbox", "--issuer", sandbox.issuer_url, "--client-id", sandbox.client_id]
    page = code = None
    with shell.start(
        "start-agent", *arguments, "--storage-url", sandbox.storage_url, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            write(line.rstrip("\n"))
            page = page or ((found := _PAGE.search(line)) and found[1])
            code = code or ((found := _CODE.search(line)) and found[1])
            if page and code:
                write("# (a browser opens the page, and somebody approves)")
                approve(page, code, sandbox.ca_file)
                break
        for line in process.stderr:
            write(line.rstrip("\n"))
    if process.returncode:
        raise CtaError(f"'ctaclient start-agent' ended with {process.returncode}")


def _transfer(shell: _Shell, sources: Sequence[str], back: Path, write: Callable[[str], None]) -> None:
    shell.run("put", "-r", *sources, "/demo/")
    shell.run("ls", "-l", "/demo")
    shell.run("stat", f"/demo/{_name(_first_file(sources))}")
    shell.run("get", "-r", "/demo", f"{back}/")
    count = sum(_compare(Path(source), back / "demo" / _name(source)) for source in sources)
    write(f"\n# Compared byte by byte: {count} files are the same.")


def _compare(one: Path, other: Path) -> int:
    """How many files were compared. Raises IntegrityError for the first difference."""
    if one.is_dir():
        names, copied = sorted(os.listdir(one)), sorted(os.listdir(other))
        if names != copied:
            raise IntegrityError(f"{one} and {other} do not hold the same names")
        return sum(_compare(one / name, other / name) for name in names)
    if one.read_bytes() != other.read_bytes():
        raise IntegrityError(f"{one} and {other} differ")
    return 1


def _first_file(sources: Sequence[str]) -> str:
    return next((source for source in sources if Path(source).is_file()), sources[0])


def _name(source: str) -> str:
    return Path(source).resolve().name


def _basics() -> dict[str, str]:
    """What a program needs of the environment; no token and no setting of the user's reaches the demo."""
    return {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}


def main() -> int:
    """`python -m ctaclient.sandbox.demo FILE_OR_DIRECTORY…`; the exit code."""

    def write(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    if len(sys.argv) < 2:
        sys.stderr.write("usage: python -m ctaclient.sandbox.demo FILE_OR_DIRECTORY…\n")
        return 2
    try:
        demo(sys.argv[1:], write)
    except CtaError as error:
        sys.stderr.write(f"demo: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
