"""Where a machine's key lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctaclient.config.paths import Paths
from ctaclient_agent.machines.place import is_shared, machine_directory

MOUNTS = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:26 / /home rw,relatime shared:2 - nfs4 filer:/home rw,vers=4.2
31 30 8:2 / /home/local\\040disk rw - xfs /dev/sdb1 rw
32 21 0:40 / /net rw - ext4 /dev/sdc1 rw
33 21 0:41 / /net rw - fuse.sshfs host: rw
34 21 0:42 / /tmp rw - tmpfs tmpfs rw
garbage
"""


@pytest.mark.parametrize(
    ("path", "shared"),
    [
        ("/root", False),
        ("/home/me/.local/state", True),
        ("/home/local disk/me", False),
        ("/homes", False),
        ("/net/x", True),
        ("/tmp", False),
    ],
)
def test_file_systems_that_other_machines_see(path: str, shared: bool) -> None:
    assert is_shared(Path(path), MOUNTS) == shared


def test_no_mount_table() -> None:
    assert not is_shared(Path("/home"), "")


def test_one_directory_for_all_means_the_key_too(tmp_path: Path) -> None:
    environ = {"CTACLIENT_HOME": str(tmp_path)}
    assert machine_directory(Paths.of(environ), environ) == tmp_path / "state" / "machine"
