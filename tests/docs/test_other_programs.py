"""The lines of docs/other-programs.md, each run against the program that it is for."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import pytest

from tests.programs import xrootd
from tests.support.user_home import UserHome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctaclient.sandbox import Record, Sandbox
    from tests.programs.xrootd import Xrootd

PAGE = Path(__file__).parents[2] / "docs" / "other-programs.md"
SCOPE = "storage.read:/ storage.modify:/"
_APT = "apt-get install --no-install-recommends"
_numbers = itertools.count()


class Block(NamedTuple):
    """A fenced block: the heading that it stands under, its language, its text."""

    heading: str
    language: str
    text: str


def blocks() -> list[Block]:
    found = []
    for section in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        fenced = re.findall(r"^```(\w+)\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        found += [Block(section.splitlines()[0], language, text) for language, text in fenced]
    return found


def block(heading: str, language: str = "shell") -> str:
    """The one block of a language under a heading."""
    (text,) = [each.text for each in blocks() if each[:2] == (heading, language)]
    return text


def needs(install: str, *programs: str) -> None:
    """Skip the test when one of `programs` is missing, unless none may be skipped (`.ci/run`)."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        give_up(f"{missing[0]} is missing: {install}")


def give_up(why: str) -> NoReturn:
    """Skip the test, or fail it where nothing may be skipped."""
    if os.environ.get("CTACLIENT_TEST_SERVERS") == "required":
        pytest.fail(why)
    pytest.skip(why)


def make_script(path: Path, text: str) -> Path:
    """An executable file for bash."""
    path.write_text(f"#!/bin/bash\nset -eu\n{text}")
    path.chmod(0o755)
    return path


class Workplace:
    """A shell of somebody who is logged in, in a directory with files of theirs."""

    def __init__(self, sandbox: Sandbox, directory: Path) -> None:
        self.sandbox = sandbox
        self.directory = directory / "work"
        self.directory.mkdir()
        name = f"other-programs-{next(_numbers)}"
        self.stored = sandbox.storage_root / name / "data"
        self.stored.mkdir(parents=True)
        (self.stored / "run1.fits").write_text("42 events\n")
        (self.directory / "events.txt").write_text("events of mine\n")
        make_script(self.directory / "analyse.sh", 'cat "$BEARER_TOKEN_FILE" > token-of-the-job\n')
        self.token = sandbox.mint(scope=SCOPE)
        self.home = UserHome(directory / "user")
        url = f"{sandbox.storage_url}/{name}"
        self.home.log_in(self.token, storage_url=url)
        self.environ = {
            **self.home.environ,
            "HOME": os.environ["HOME"],
            "STORAGE": url,
            "CTACLIENT_CA_BUNDLE": str(sandbox.ca_file),
            # What stands for the system's CAs: for OpenSSL and Go, and for curl.
            "SSL_CERT_FILE": str(sandbox.ca_file),
            "CURL_CA_BUNDLE": str(sandbox.ca_file),
        }
        self._before = len(sandbox.records("door"))

    def run(self, text: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a block in bash; it must work."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            env={**self.environ, **environ},
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert self.token not in done.stdout + done.stderr
        return done

    def read(self, name: str) -> str:
        return (self.directory / name).read_text()

    def asked(self) -> list[Record]:
        """What the storage's door has seen of this place."""
        return [each for each in self.sandbox.records("door")[self._before :] if self.stored.parent.name in each.path]


@pytest.fixture
def work(sandbox: Sandbox, tmp_path: Path) -> Workplace:
    return Workplace(sandbox, tmp_path)


@pytest.fixture(scope="session")
def xrootd_server(sandbox: Sandbox) -> Iterator[Xrootd]:
    with xrootd.running_xrootd(sandbox) as running:
        (running.files / "data").mkdir()
        (running.files / "data" / "run1.fits").write_text("42 events\n")
        yield running


def test_curl(work: Workplace) -> None:
    needs(f"{_APT} curl", "curl")
    work.run(block("curl"))
    assert work.read("run1.fits") == work.read("copy.fits") == "42 events\n"
    assert (work.stored / "curl" / "events.txt").read_text() == "events of mine\n"


def test_rclone(work: Workplace) -> None:
    needs(f"{_APT} rclone", "rclone")
    done = work.run(block("rclone"))
    assert done.stdout.count("run1.fits\n") == 1
    assert done.stdout.endswith("42 events\n")
    assert work.read("copied/run1.fits") == "42 events\n"
    assert (work.stored / "rclone" / "events.txt").read_text() == "events of mine\n"
    saved = Path(work.environ["HOME"], ".config/rclone/rclone.conf").read_text()
    assert "ctaclient token" in saved
    assert work.token not in saved


def test_rclone_asks_again_when_the_token_is_refused(work: Workplace, tmp_path: Path) -> None:
    needs(f"{_APT} rclone", "rclone")
    work.home.log_in("refused-by-the-storage", storage_url=work.environ["STORAGE"])
    (tmp_path / "renewed").write_text(work.token)
    # The first call gives what is refused; then the agent has something new.
    file = work.home.store.token_file("here")
    asks = make_script(tmp_path / "token", f"ctaclient token\ncp {tmp_path}/renewed {file}\n")
    done = work.run(f'rclone cat :webdav:data/run1.fits --webdav-url "$STORAGE" --webdav-bearer-token-command {asks}')
    assert done.stdout == "42 events\n"
    assert {record.status for record in work.asked()} > {401}


def test_xrdcp(work: Workplace, request: pytest.FixtureRequest) -> None:
    needs(f"{_APT} {xrootd.PACKAGES}", *xrootd.PROGRAMS)
    server = request.getfixturevalue("xrootd_server")
    environ = {"XROOTD": server.address, "X509_CERT_DIR": str(server.ca_directory)}
    work.run(block("xrdcp"), **environ)
    assert work.read("xrdcp.fits") == "42 events\n"

    work.home.log_in("of-nobody", storage_url=work.environ["STORAGE"])
    with pytest.raises(AssertionError, match="Auth failed"):
        work.run(block("xrdcp"), **environ)


def test_the_default_place(work: Workplace, request: pytest.FixtureRequest) -> None:
    needs(f"{_APT} {xrootd.PACKAGES}", *xrootd.PROGRAMS)
    server = request.getfixturevalue("xrootd_server")
    environ = {"XROOTD": server.address, "X509_CERT_DIR": str(server.ca_directory)}
    work.run(block("Programs that look in the default place"), **environ)
    assert work.read("linked.fits") == "42 events\n"
    assert not os.path.lexists(work.home.well_known)


def test_gfal(work: Workplace) -> None:
    needs(f"{_APT} gfal2-util-scripts gfal2-plugin-http", "gfal-ls", "gfal-cat")
    environ = {"GFAL_PYTHONBIN": "/usr/bin/python3"}  # the packages are for the system's Python
    done = work.run(block("gfal"), **environ)
    assert "run1.fits" in done.stdout
    assert work.read("gfal.fits") == "42 events\n"


def test_davix(work: Workplace) -> None:
    needs(f"{_APT} davix", "davix-ls", "davix-get")
    done = work.run(block("davix"))
    assert "run1.fits" in done.stdout
    assert work.read("davix.fits") == "42 events\n"


def test_slurm(work: Workplace) -> None:
    """A node of the cluster: no runtime directory, no agent, little else in the environment."""
    del work.environ["XDG_RUNTIME_DIR"]
    work.run(block("Slurm"), SLURM_JOB_ID="1", TMPDIR=str(work.directory))
    assert work.read("input/run1.fits") == "42 events\n"
    assert work.read("token-of-the-job") == work.token


def test_htcondor_with_a_shared_home(work: Workplace) -> None:
    submit = dict(re.findall(r"^(\w+) *= (.*)$", block("HTCondor", "condor"), re.MULTILINE))
    installed = Path(work.environ["HOME"], ".local/bin/ctaclient")
    installed.parent.mkdir(parents=True)
    installed.symlink_to(Path(sys.executable).with_name("ctaclient"))

    def expand(text: str) -> str:
        return re.sub(r"\$ENV\((\w+)\)", lambda match: work.environ[match[1]], text)

    environ = dict(word.split("=", 1) for word in shlex.split(shlex.split(expand(submit["environment"]))[0]))
    assert set(environ) == {"HOME", "PATH"}
    shared = {name: work.environ[name] for name in ("CTACLIENT_HOME", "PYTHONPATH")}  # the tests' own
    done = subprocess.run(
        [expand(submit["executable"]), *shlex.split(submit["arguments"])],
        env={**environ, **shared, "_CONDOR_SCRATCH_DIR": str(work.directory)},
        cwd=work.directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert work.read("token-of-the-job") == work.token


def test_htcondor_with_its_own_credentials(work: Workplace, tmp_path: Path) -> None:
    credentials = tmp_path / "condor_creds"
    credentials.mkdir(mode=0o700)
    (credentials / "cta.use").write_text(f"{work.token}\n")
    work.run(block("HTCondor"), _CONDOR_CREDS=str(credentials), CTACLIENT_HOME=str(tmp_path / "of-the-job"))
    assert work.read("condor/run1.fits") == "42 events\n"


# What `podman run` does with a volume, by hand: a mount of its own, read-only, for the command alone.
_PODMAN = """\
[ "$1 $2 $3 $5" = "run --rm --volume --env" ]
IFS=: read -r outside inside mode <<< "$4"
unshare --user --map-root-user --mount --propagation private bash -euc '
    mount -t tmpfs none /mnt
    mkdir "/mnt$2"
    mount --bind "$1" "/mnt$2"
    mount -o "remount,bind,$3" "/mnt$2"
    export "${4%%=*}=/mnt${4#*=}"
    shift 5
    "$@"
' podman "$outside" "$inside" "$mode" "${@:6}"
"""


def test_containers(work: Workplace, tmp_path: Path) -> None:
    needs(f"{_APT} util-linux", "unshare")
    tried = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "true"], capture_output=True, check=False
    )
    if tried.returncode != 0:
        give_up("ordinary users may not mount here: sysctl kernel.unprivileged_userns_clone=1")
    tools = tmp_path / "tools"
    tools.mkdir()
    make_script(tools / "podman", _PODMAN)
    other = work.sandbox.mint(scope=SCOPE)
    make_script(
        work.directory / "analyse.sh",
        'cat "$BEARER_TOKEN_FILE" > before\n./renew\ncat "$BEARER_TOKEN_FILE" > after\n'
        'if echo mine 2> /dev/null > "$BEARER_TOKEN_FILE"; then exit 1; fi\n'
        'if rm -f "$BEARER_TOKEN_FILE" 2> /dev/null; then exit 2; fi\n',
    )
    file = work.home.store.token_file("here")
    # Outside, as the agent does it: a new file in the old one's place.
    make_script(work.directory / "renew", f"printf %s {other} > {file}.new\nmv {file}.new {file}\n")
    work.run(block("Containers"), IMAGE="image", PATH=f"{tools}:{work.environ['PATH']}")
    assert work.read("before") == work.token
    assert work.read("after") == other


def test_httpx(work: Workplace) -> None:
    text = shlex.quote(block("httpx", "python"))
    assert work.run(f"python -P -c {text}").stdout == "42 events\n\n"
    assert {record.status for record in work.asked()} == {302}  # to the pool, which wants no token


def test_fsspec(work: Workplace) -> None:
    found = subprocess.run([sys.executable, "-c", "import fsspec, aiohttp"], capture_output=True, check=False)
    if found.returncode != 0:
        give_up("fsspec and aiohttp are missing: pip install 'fsspec[http]'")
    text = shlex.quote(block("fsspec and aiohttp", "python"))
    assert work.run(f"python -P -c {text}").stdout == "42 events\n\n"


def test_every_block_is_run() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    for each in blocks():
        call = f'block("{each.heading}"' + ("" if each.language == "shell" else f', "{each.language}"') + ")"
        assert call in source, f"{each.heading}: {each.language}"
