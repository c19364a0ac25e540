"""Whatever lies in the place of a private file: it is refused with its name and a cure, not followed, not changed.

All of it as an ordinary user: root may read and write everything, so that it would see no difference.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import select
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Path below the home, and what uses it.
FILES = {
    "store/cta/token": "token",
    "store/cta/record.json": "record",
    "store/cta/login.sealed": "login",
    "machine/machine.key": "key",
    "machine/locks/cta": "lock",
    "run/agent.lock": "become agent",
    "state/agent.log": "log",
}
DIRECTORIES = {
    "store": "store",
    "store/cta": "lock",
    "store/machines": "store",
    "store/lease": "hold",
    "store/cta/spending": "spend",
    "machine/locks": "lock",
    "run": "become agent",
    "state": "log",
}
_NOBODY = "nobody"
# Longer than the longest wait in what is used, shorter than for ever.
_HANG_S = 15.0


@dataclass
class User:
    """An ordinary user, and the program that he runs."""

    name: str
    uid: int
    gid: int
    process: subprocess.Popen[str]

    def use(self, what: str, home: Path) -> dict[str, Any] | None:
        """Use it: what was raised, or None. Fails when it hangs."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([what, str(home)]) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], _HANG_S)[0]:
            self.process.kill()
            pytest.fail(f"{what} hangs")
        outcome: dict[str, Any] | None = json.loads(self.process.stdout.readline())
        return outcome

    def own(self, path: Path) -> None:
        """Make `path` his."""
        os.chown(path, self.uid, self.gid, follow_symlinks=False)


@pytest.fixture
def user(request: pytest.FixtureRequest) -> User:
    """The user's program; a new one after one that hung."""
    running: list[User] = request.getfixturevalue("users")
    if not running or running[-1].process.poll() is not None:
        running.append(_start())
    return running[-1]


@pytest.fixture(scope="module")
def users() -> Iterator[list[User]]:
    started: list[User] = []
    yield started
    for each in started:
        each.process.kill()
        each.process.communicate()


def _start() -> User:
    who = pwd.getpwnam(_NOBODY) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.agent.permissions.program", str(who.pw_uid), str(who.pw_gid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    return User(who.pw_name, who.pw_uid, who.pw_gid, process)


@pytest.fixture
def home(user: User) -> Iterator[Path]:
    """His directory with everything as it should be. Not below pytest's, which is closed to him."""
    outside = Path(tempfile.mkdtemp(prefix="ctaclient-test-"))
    user.own(outside)
    home = outside / "home"
    for each in (home, home / "store"):
        each.mkdir(mode=0o700)
        user.own(each)
    assert user.use("prepare", home) is None
    yield home
    for directory, names, _ in os.walk(outside):
        for name in names:  # closed ones could not be emptied
            Path(directory, name).chmod(0o700)
    shutil.rmtree(outside)


def _aside(path: Path) -> Path:
    """What was at `path`, moved to another private place."""
    return path.rename(path.parent.parent / f"aside-{path.name}")


def to_link(user: User, path: Path) -> str:
    path.symlink_to(_aside(path))
    os.chown(path, user.uid, user.gid, follow_symlinks=False)
    return "is a symbolic link"


def to_dangling_link(user: User, path: Path) -> str:
    _aside(path)
    path.symlink_to(path.with_name("nothing"))
    os.chown(path, user.uid, user.gid, follow_symlinks=False)
    return "is a symbolic link"


def to_fifo(user: User, path: Path) -> str:
    _aside(path)
    os.mkfifo(path, 0o600)
    user.own(path)
    return "is not a "


def to_the_other_kind(user: User, path: Path) -> str:
    kind = _aside(path).is_dir()
    path.touch(mode=0o600) if kind else path.mkdir(mode=0o700)
    user.own(path)
    return "is not a directory" if kind else "is not a regular file"


def to_foreign(user: User, path: Path) -> str:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, 0, 0)
    path.chmod(0o700 if path.is_dir() else 0o644)
    return "belongs to user 0, not to you"


def to_foreign_and_closed(user: User, path: Path) -> str:
    to_foreign(user, path)
    path.chmod(0)
    return "belongs to user 0, not to you"


def to_closed(user: User, path: Path) -> str:
    kind = path.is_dir()
    path.chmod(0)
    return "cannot be used by you (mode 0000)" if kind else "cannot be opened by you"


def to_mode(mode: int) -> Callable[[User, Path], str]:
    def change(user: User, path: Path) -> str:
        path.chmod(mode)
        return f"is open to others (mode {mode:04o})"

    return change


ANYTHING = {
    "link": to_link,
    "dangling link": to_dangling_link,
    "fifo": to_fifo,
    "other kind": to_the_other_kind,
    "foreign": to_foreign,
    "foreign and closed": to_foreign_and_closed,
    "closed": to_closed,
}
FILE_CHANGES = {**ANYTHING, **{f"{mode:04o}": to_mode(mode) for mode in (0o640, 0o604, 0o660)}}
DIRECTORY_CHANGES = {**ANYTHING, **{f"{mode:04o}": to_mode(mode) for mode in (0o750, 0o701, 0o770, 0o777)}}


def seen(home: Path) -> dict[str, tuple[object, ...]]:
    """All that lies below, with what would change if somebody wrote there."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(home.rglob("*")):
        info = path.lstat()
        content = path.read_bytes() if os.geteuid() == 0 and stat.S_ISREG(info.st_mode) else b""
        when = None if stat.S_ISDIR(info.st_mode) else info.st_mtime_ns
        found[str(path)] = (info.st_ino, info.st_mode, info.st_uid, info.st_size, when, content)
    return found


def refused(user: User, use: str, home: Path) -> dict[str, Any]:
    """What was said; nothing was changed."""
    before = seen(home)
    outcome = user.use(use, home)
    assert outcome is not None, "it was not refused"
    assert (outcome["message"] + outcome["hint"]).isprintable()
    assert seen(home) == before
    return outcome


def check(user: User, use: str, home: Path, path: Path, why: str) -> None:
    outcome = refused(user, use, home)
    assert outcome["kind"] == "UnsafePath", outcome
    assert f"{path} {why}" in outcome["message"]
    assert str(path) in outcome["hint"]


@pytest.mark.parametrize("change", FILE_CHANGES)
@pytest.mark.parametrize("file", FILES)
def test_files(user: User, home: Path, file: str, change: str) -> None:
    path = home / file
    why = FILE_CHANGES[change](user, path)
    check(user, FILES[file], home, path, why)


@pytest.mark.parametrize("change", DIRECTORY_CHANGES)
@pytest.mark.parametrize("directory", DIRECTORIES)
def test_directories(user: User, home: Path, directory: str, change: str) -> None:
    path = home / directory
    why = DIRECTORY_CHANGES[change](user, path)
    check(user, DIRECTORIES[directory], home, path, why)


def _skip_with_own_group(user: User, home: Path, for_the_group: bool) -> None:
    group = grp.getgrgid(home.stat().st_gid)
    if for_the_group and group.gr_name == user.name and set(group.gr_mem) <= {user.name}:
        pytest.skip("this user has a group of his own")


@pytest.mark.parametrize("mode", [0o777, 0o707, 0o770])
@pytest.mark.parametrize("directory", [*DIRECTORIES, "fresh-machine", "config"])
def test_parents_that_others_can_write(user: User, home: Path, directory: str, mode: int) -> None:
    _skip_with_own_group(user, home, mode == 0o770)
    parent = home.parent
    parent.chmod(mode)
    use = {**DIRECTORIES, "fresh-machine": "make key", "config": "save profile"}[directory]
    check(user, use, home, parent, f"can be written by others (mode {mode:04o})")


@pytest.mark.parametrize("change", DIRECTORY_CHANGES)
def test_the_place_of_a_key(user: User, home: Path, change: str) -> None:
    """Where there may be a key already, it is looked for first."""
    path = home / "fresh-machine"
    why = DIRECTORY_CHANGES[change](user, path)
    outcome = refused(user, "make key", home)
    assert outcome["kind"] == "UnsafePath"
    file = path / "machine.key"
    found = (f"{path} {why}", f"{file} cannot be opened by you", f"{file} is below something that is no directory")
    assert outcome["message"].startswith(found)
    assert str(path) in outcome["hint"]


@pytest.mark.parametrize("change", DIRECTORY_CHANGES)
def test_the_place_of_the_settings(user: User, home: Path, change: str) -> None:
    """They may lie behind a link, but nothing is written there."""
    path = home / "config"
    why = DIRECTORY_CHANGES[change](user, path)
    outcome = refused(user, "save profile", home)
    file = path / "config.toml"
    assert outcome["message"].startswith((f"{path} {why}", f"{file} cannot be read: "))
    assert str(path) in outcome["hint"]


@pytest.mark.parametrize("change", [*ANYTHING, "0620", "0602", "0666"])
def test_settings(user: User, home: Path, change: str) -> None:
    """They are no secret, but whoever writes them says whose storage it is and what the agent runs."""
    path = home / "config/config.toml"
    if change.isdigit():
        _skip_with_own_group(user, home, change == "0620")
        path.chmod(int(change, 8))
    else:
        ANYTHING[change](user, path)
    if change in ("link", "foreign"):  # the user's own elsewhere, or root's
        assert user.use("configure", home) is None
        return
    outcome = refused(user, "configure", home)
    assert outcome["kind"] in ("ConfigError", "UnsafePath")
    assert outcome["message"].startswith(f"{path} ")
    assert str(path) in outcome["hint"]


def test_settings_of_another_user(user: User, home: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    path = home / "config/config.toml"
    os.chown(path, 1, 1)
    path.chmod(0o644)
    assert refused(user, "configure", home)["message"] == f"{path} belongs to user 1, not to you"


@pytest.mark.parametrize("use", ["listen", "ask"])
@pytest.mark.parametrize("change", ["link", "dangling link", "fifo", "other kind"])
def test_in_place_of_the_socket(user: User, home: Path, use: str, change: str) -> None:
    path = home / "run/agent.sock"
    path.touch(mode=0o600)
    user.own(path)
    ANYTHING[change](user, path)
    if use == "ask":
        before = seen(home)
        assert user.use(use, home) is None  # nobody listens there
        assert seen(home) == before
        return
    check(user, use, home, path, "is not a socket")


@pytest.mark.parametrize("change", ANYTHING)
@pytest.mark.parametrize("use", ["hold", "spend"])
def test_a_post_is_somebody_elses_until_its_time_is_over(user: User, home: Path, use: str, change: str) -> None:
    """Better nobody refreshes for a while than two do."""
    posts = home / {"hold": "store/lease", "spend": "store/cta/spending"}[use]
    path = max(posts.iterdir(), key=lambda post: int(post.name))
    os.utime(path)
    ANYTHING[change](user, path)
    if change in ("foreign", "foreign and closed"):
        os.utime(path)
    outcome = user.use(use, home)
    assert outcome is not None
    assert outcome["kind"] == "AssertionError"  # it was not taken
    assert sorted(posts.iterdir()) == [path]


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_a_sticky_parent_is_fine(user: User, home: Path, directory: str) -> None:
    home.parent.chmod(0o1777)
    assert user.use(DIRECTORIES[directory], home) is None


@pytest.mark.parametrize("use", sorted({*FILES.values(), *DIRECTORIES.values(), "listen", "configure"}))
def test_all_is_well_before(user: User, home: Path, use: str) -> None:
    assert user.use(use, home) is None
