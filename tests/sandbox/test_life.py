"""Start, end, files and secrets of a sandbox."""

from __future__ import annotations

import base64
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from ctaclient.errors import UsageError
from ctaclient.sandbox import Fault, Sandbox, approve
from tests.sandbox.conftest import Wire
from tests.support.waiting import eventually

_ROOT = Path(__file__).resolve().parents[2]
_DEADLINE_S = 20.0

needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks at processes through /proc")

_PARENT = """
import sys, time
from pathlib import Path
from ctaclient.sandbox import Sandbox
box = Sandbox.start(Path(sys.argv[1]))
print("started", flush=True)
time.sleep(600)
"""
_SHOW = """
import sys
from pathlib import Path
from ctaclient.sandbox import run
run(Path(sys.argv[1]) if sys.argv[1:] else None, lambda text: print(text, flush=True))
"""


def spawn(program: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    inherited = {**os.environ, "PYTHONPATH": str(_ROOT), **environment}
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True, env=inherited
    )


def servers_of(directory: Path) -> set[int]:
    """Processes whose command line names the directory's configuration files."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(directory / ".sandbox") in command:
                found.add(int(entry.name))
    return found


@needs_proc
def test_no_server_outlives_a_parent_that_was_killed(tmp_path: Path) -> None:
    with spawn(_PARENT, str(tmp_path / "box")) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        assert len(servers_of(tmp_path / "box")) == 3
        parent.kill()
    eventually(lambda: not servers_of(tmp_path / "box"))


def test_stop_ends_all_and_the_files_stay(tmp_path: Path) -> None:
    box = Sandbox.start(tmp_path / "box")
    assert Wire(box).door("PUT", "/f", body=b"x").status == 201
    box.stop()
    box.stop()
    with pytest.raises(ConnectionRefusedError):
        Wire(box).door("HEAD", "/f")
    with Sandbox.start(tmp_path / "box") as again:
        assert (again.storage_root / "f").read_bytes() == b"x"
        assert again.records("door") == []
        assert Wire(again).door("HEAD", "/f").status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_part_tells_what_to_type_and_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    with spawn(_SHOW, TMPDIR=str(place)) as program:
        assert program.stdout is not None
        lines = [program.stdout.readline() for _ in range(4)]
        assert lines[2].startswith("export CTACLIENT_HOME=")
        assert "CTACLIENT_CA_BUNDLE=" in lines[2]
        assert lines[3].startswith("ctaclient start-agent --profile sandbox --issuer https://localhost:")
        assert " --client-id sandbox --storage-url https://localhost:" in lines[3]
        program.send_signal(number)
        assert program.wait(_DEADLINE_S) == 0
    assert list(place.iterdir()) == []


def test_the_program_part_keeps_what_was_stored_in_a_given_directory(tmp_path: Path) -> None:
    with spawn(_SHOW, str(tmp_path / "box")) as program:
        assert program.stdout is not None
        while "Ctrl-C" not in program.stdout.readline():
            pass
        (tmp_path / "box/storage/kept").write_bytes(b"x")
        program.terminate()
    assert os.listdir(tmp_path / "box") == ["storage"]
    (tmp_path / "strange").mkdir(mode=0o700)
    (tmp_path / "strange/thesis.tex").touch()
    from ctaclient.sandbox import run

    with pytest.raises(UsageError):
        run(tmp_path / "strange", lambda _: None)
    assert os.listdir(tmp_path / "strange") == ["thesis.tex"]


def test_private_files_and_certificates(box: Sandbox) -> None:
    directory = box.ca_file.parent
    for path in [*directory.glob("*"), *(directory / ".sandbox").rglob("*")]:
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path
    assert box.environment() == {"CTACLIENT_HOME": str(directory / "home"), "CTACLIENT_CA_BUNDLE": str(box.ca_file)}
    authority = x509.load_pem_x509_certificate(box.ca_file.read_bytes())
    assert b"PRIVATE KEY" not in box.ca_file.read_bytes()
    server = x509.load_pem_x509_certificate((directory / "door.crt").read_bytes())
    server.verify_directly_issued_by(authority)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_nothing_that_is_written_down_holds_a_secret(box: Sandbox, wire: Wire) -> None:
    start = wire.start_login("openid offline_access", resource="https://x")
    approve(start["verification_uri_complete"], start["user_code"], box.ca_file)
    tokens = wire.poll(start["device_code"]).json()
    renewed = wire.refresh(tokens["refresh_token"]).json()
    client_secret = box.client_secret_file.read_text().strip()
    basic = base64.b64encode(f"{box.confidential_client_id}:{client_secret}".encode()).decode()
    wire.post("/device_authorization", {}, {"Authorization": f"Basic {basic}"})
    wire.door("PUT", "/secrets/f", body=b"x", token=tokens["access_token"])
    wire.door("GET", f"/secrets/f?authz={tokens['access_token']}")
    destination = f"{box.storage_url}/secrets/g?authz={tokens['access_token']}"
    wire.door("MOVE", "/secrets/f", {"Destination": destination, "Cookie": f"t={tokens['access_token']}"})
    location = wire.promise("GET", "/secrets/g")
    wire.ask("GET", location)
    box.fault("door", Fault("status", path_part="/secrets"))
    wire.door("HEAD", "/secrets")
    one_use_id = location.split("dcache-http-uuid=")[1].split("&")[0]
    secrets = {
        start["device_code"], start["user_code"], tokens["access_token"], tokens["id_token"], tokens["refresh_token"],
        renewed["refresh_token"], renewed["access_token"], client_secret, basic, one_use_id,
    }  # fmt: skip
    state = box.ca_file.parent
    written = [
        path for path in state.rglob("*") if path.suffix in (".records", ".log") or path.parent.name == "transfers"
    ]
    assert len(written) >= 6
    for path in written:
        text = f"{path}\n{path.read_text()}"
        assert not [secret for secret in secrets if secret in text]
    assert one_use_id not in " ".join(str(path) for path in state.rglob("*"))


@needs_proc
def test_arguments_and_environment_of_the_servers_hold_no_secret(tmp_path: Path) -> None:
    with spawn(_PARENT, str(tmp_path / "box"), BEARER_TOKEN="a-token-of-the-user") as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        key = (tmp_path / "box/.sandbox/client-secret").read_bytes().strip()
        for server in servers_of(tmp_path / "box"):
            process = Path("/proc") / str(server)
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            assert key not in told
            assert b"a-token-of-the-user" not in told
        parent.kill()
    eventually(lambda: not servers_of(tmp_path / "box"))


def test_records_show_headers_as_received(box: Sandbox, wire: Wire) -> None:
    wire.door("PROPFIND", "/", {"dEPTH": "0", "X-Strange": "value"})
    record = box.records("door")[-1]
    assert {"dEPTH", "X-Strange"} <= set(record.header_names)
    assert record.header("Depth") == "0"
    assert record.header("X-Strange") is None
    assert (record.method, record.path, record.status) == ("PROPFIND", "/", 207)
    with pytest.raises(UsageError):
        box.records("cellar")
