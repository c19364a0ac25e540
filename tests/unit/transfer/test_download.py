"""One file down: believed only as far as it was compared."""

from __future__ import annotations

import ssl
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient.errors import (
    Changed,
    CtaError,
    Disconnected,
    Exists,
    IntegrityError,
    Nearline,
    ProtocolError,
    ServerError,
    UsageError,
)
from ctaclient.storage.entry import Entry
from ctaclient.storage.path import RemotePath
from ctaclient.storage.storage import Storage
from ctaclient.transfer.download import download
from ctaclient.transfer.progress import NoProgress
from ctaclient.transport.access import Access
from ctaclient.transport.dial import Dialer
from ctaclient.transport.limits import Timeouts
from ctaclient.transport.pool import Pool
from ctaclient.transport.proxy import Proxies
from ctaclient.transport.requests import Requests
from ctaclient.transport.session import Session
from ctaclient.transport.wire import Wire
from tests.support.clock import FakeClock
from tests.unit.storage.conftest import URL
from tests.unit.transport.conftest import Backend, Stream

if TYPE_CHECKING:
    from pathlib import Path

    import httpcore

    from ctaclient.transfer.result import TransferResult

CONTENT = b"content"
ADLER = f"{zlib.adler32(CONTENT):08x}"


def answer(body: bytes = CONTENT, *, status: int = 200, headers: bytes = b"Content-Length: 7\r\n") -> bytes:
    return b"HTTP/1.1 %d X\r\nServer: Apache\r\n%s\r\n%s" % (status, headers, body)


class Server(Backend):
    """Answers GET with `content` and other questions with nothing of use; one answer for each connection."""

    def __init__(self, content: bytes, name: bytes) -> None:
        super().__init__()
        self._content = content
        self._nothing = answer(b"", headers=b"Content-Length: 0\r\n").replace(b"Apache", name)
        self._made: list[Stream] = []

    def connect_tcp(self, *_: object, **__: object) -> httpcore.NetworkStream:
        self._made.append(Stream(lambda sent: self._content if sent.startswith(b"GET ") else self._nothing))
        return self._made[-1]

    @property
    def methods(self) -> list[str]:
        return [stream.sent.partition(b" ")[0].decode() for stream in self._made]


def get(local: Path, content: bytes, *, overwrite: bool = False, **known: Any) -> TransferResult:
    """Download with a listing that said `known`, from a server whose answer to GET is `content`."""
    return get_from(Server(content, b"Apache"), local, overwrite=overwrite, **known)


def get_from(server: Server, local: Path, *, overwrite: bool = False, **known: Any) -> TransferResult:
    """The same from `server`."""
    facts = {"size_bytes": len(CONTENT), **known}
    entry = Entry(RemotePath.parse("/data/a"), is_dir=facts.pop("is_dir", False), **facts)
    clock = FakeClock()
    dialer = Dialer(ssl.create_default_context(), Proxies({}), Timeouts(), server)
    session = Session(Wire(Pool(dialer, clock), Timeouts()), Access({}, clock))
    storage = Storage(URL, Requests(session))
    return download(storage, entry, local, overwrite=overwrite, progress=NoProgress(), clock=clock)


@pytest.fixture
def local(tmp_path: Path) -> Path:
    return tmp_path / "a"


def test_with_a_checksum(local: Path) -> None:
    result = get(local, answer(), checksums={"adler32": ADLER, "md5": "0"})
    assert (result.state, result.verified, result.checksum) == ("done", "checksum", f"adler32:{ADLER}")
    assert local.read_bytes() == CONTENT


def test_without_a_checksum_the_size_was_compared(local: Path) -> None:
    assert get(local, answer()).verified == "size"


def test_where_nothing_could_be_compared_nothing_is_claimed(local: Path) -> None:
    result = get(local, answer(headers=b"Connection: close\r\n"), size_bytes=None)
    assert result.verified is None
    assert result.size_bytes == len(CONTENT)


CASES: dict[str, tuple[bytes, dict[str, Any], type[CtaError]]] = {
    "cut": (answer(b"cont"), {}, Disconnected),
    "cut without a length": (answer(b"cont", headers=b""), {}, IntegrityError),
    "too long": (answer(b"content and more"), {}, ProtocolError),
    "another size": (answer(b"content", headers=b""), {"size_bytes": 8}, IntegrityError),
    "another checksum": (answer(b"CONTENT"), {"checksums": {"adler32": ADLER}}, IntegrityError),
    "another etag": (answer(headers=b'ETag: "2"\r\nContent-Length: 7\r\n'), {"etag": '"1"'}, Changed),
    "a part": (answer(status=206), {}, ProtocolError),
    "zipped": (answer(b"zip", headers=b"Content-Encoding: gzip\r\nContent-Length: 3\r\n"), {}, ProtocolError),
    "busy": (answer(status=503), {}, ServerError),
    "on tape": (b"", {"locality": "NEARLINE"}, Nearline),
    "lost": (b"", {"locality": "LOST"}, ServerError),
    "directory": (b"", {"is_dir": True, "size_bytes": None}, UsageError),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("before", [None, b"what was there"])
def test_what_fails_leaves_the_disk_as_it_was(local: Path, case: str, before: bytes | None) -> None:
    last, known, kind = CASES[case]
    if before is not None:
        local.write_bytes(before)
    with pytest.raises(kind) as caught:
        get(local, last, overwrite=True, **known)
    assert "/data/a" in str(caught.value) or "door.example" in str(caught.value)
    assert [path.read_bytes() for path in local.parent.iterdir() if path.is_file()] == ([before] if before else [])


@pytest.mark.parametrize("listed", ['"1-2"', 'W/"1-2"'])
@pytest.mark.parametrize("sent", [b'"1-2"', b'W/"1-2"'])
def test_an_etag_that_becomes_strong_is_no_change(local: Path, listed: str, sent: bytes) -> None:
    """Apache's is weak while the file is younger than a second."""
    get(local, answer(headers=b"Content-Length: 7\r\nETag: " + sent + b"\r\n"), etag=listed)
    assert local.read_bytes() == CONTENT


@pytest.mark.parametrize("sent", [b'"1-3"', b'W/"1-3"'])
def test_another_etag_is_a_change_however_weak(local: Path, sent: bytes) -> None:
    with pytest.raises(Changed):
        get(local, answer(headers=b"Content-Length: 7\r\nETag: " + sent + b"\r\n"), etag='W/"1-2"')
    assert not local.exists()


def test_a_label_on_a_file_that_is_sent_as_it_is(local: Path) -> None:
    """Apache's AddEncoding for x.fits.gz: the length is that of the listing."""
    get(local, answer(headers=b"Content-Length: 7\r\nContent-Encoding: x-gzip\r\n"))
    assert local.read_bytes() == CONTENT


@pytest.mark.parametrize("headers", [b"Content-Length: 6", b"Transfer-Encoding: chunked", b"Connection: close"])
def test_an_encoding_is_refused_otherwise(local: Path, headers: bytes) -> None:
    with pytest.raises(ProtocolError, match="came as x-gzip although that was refused"):
        get(local, answer(CONTENT[:6], headers=headers + b"\r\nContent-Encoding: x-gzip\r\n"))
    assert not local.exists()


@pytest.mark.parametrize(("name", "asked"), [(b"Apache", False), (b"nginx/1.22.1", False), (b"dCache/9.2", True)])
def test_checksums_are_asked_for_where_there_may_be_some(local: Path, name: bytes, asked: bool) -> None:
    server = Server(answer(), name)
    get_from(server, local)
    assert ("HEAD" in server.methods, server.methods[-1]) == (asked, "GET")


def test_the_same_is_already_there(local: Path) -> None:
    local.write_bytes(CONTENT)
    result = get(local, b"", checksums={"adler32": ADLER})
    assert (result.state, result.verified) == ("already there", "checksum")


@pytest.mark.parametrize("known", [{"checksums": {"adler32": "00000001"}}, {}])
def test_the_same_size_alone_proves_nothing(local: Path, known: dict[str, Any]) -> None:
    local.write_bytes(b"CONTENT")
    with pytest.raises(Exists, match="exists and differs") as caught:
        get(local, b"", **known)
    assert "--overwrite" in (caught.value.hint or "")
    assert local.read_bytes() == b"CONTENT"


def test_replacing_keeps_who_may_read_it(local: Path) -> None:
    local.write_bytes(b"private")
    local.chmod(0o600)
    get(local, answer(), overwrite=True)
    assert local.read_bytes() == CONTENT
    assert local.stat().st_mode & 0o777 == 0o600
