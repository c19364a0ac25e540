"""Changes that move no data: what is sent, what is refused, what is never touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import (
    ConflictError,
    CtaError,
    Exists,
    Forbidden,
    NoSpace,
    NotFound,
    ProtocolError,
    ServerError,
    SomeItemsFailed,
    UsageError,
)
from ctaclient.storage.namespace import delete, delete_known, make_directory, move
from ctaclient.storage.path import RemotePath
from tests.unit.storage.conftest import Wire, a_storage, item, listing, response

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from ctaclient.storage.storage import Storage

A = RemotePath.parse("/a b")
DEEP = RemotePath.parse("/x/y")


class Server:
    """A namespace: names of files and of directories, which end in a slash."""

    def __init__(self, *there: str, forbids: int | None = None) -> None:
        self.there = set(there)
        self.forbids = forbids

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().rstrip("/")
        if request.method == "PROPFIND":
            found = [name for name in self.there if name.rstrip("/") == path]
            size = None if found and found[0].endswith("/") else 1
            return listing(item(found[0], size=size)) if found else response(404)
        if self.forbids:
            return response(self.forbids)
        if request.method == "MKCOL":
            if {path, f"{path}/"} & self.there:
                return response(405)
            parent = path.rpartition("/")[0]
            if parent and f"{parent}/" not in self.there:
                return response(409)
            self.there.add(f"{path}/")
            return response(201)
        return response(204)


def test_mkdir_quotes_names() -> None:
    wire = Wire(Server())
    make_directory(a_storage(wire), RemotePath.parse("/a%20b#?"))
    assert [line.rstrip("/") for line in wire.lines] == ["MKCOL /a%2520b%23%3F"]


@pytest.mark.parametrize("parents", [False, True])
@pytest.mark.parametrize("there", ["/a%20b", "/a%20b/"])
def test_mkdir_where_something_is(there: str, parents: bool) -> None:
    storage = a_storage(Wire(Server(there)))
    if parents and there.endswith("/"):
        make_directory(storage, A, parents=True)
        return
    with pytest.raises(Exists, match=r"exists and is a (file|directory)"):
        make_directory(storage, A, parents=parents)


def test_mkdir_with_and_without_parents() -> None:
    server = Server()
    storage = a_storage(Wire(server))
    with pytest.raises(NotFound, match="/x does not exist") as caught:
        make_directory(storage, DEEP)
    assert caught.value.hint == "ctaclient mkdir -p /x/y"
    make_directory(storage, DEEP, parents=True)
    assert server.there == {"/x/", "/x/y/"}


def test_the_root_is_there() -> None:
    wire = Wire(Server())
    make_directory(a_storage(wire), RemotePath(), parents=True)
    with pytest.raises(Exists):
        make_directory(a_storage(wire), RemotePath())
    assert wire.asked == []


@pytest.mark.parametrize(
    ("status", "kind"), [(403, Forbidden), (405, ConflictError), (500, ServerError), (507, NoSpace)]
)
def test_mkdir_refused(status: int, kind: type[CtaError]) -> None:
    with pytest.raises(kind) as caught:
        make_directory(a_storage(Wire(Server(forbids=status))), A, parents=True)
    assert caught.value.status == status
    assert "/a b" in str(caught.value)


@pytest.mark.parametrize(("overwrite", "said"), [(True, "T"), (False, "F")])
def test_move_always_says_whether_it_may_overwrite(overwrite: bool, said: str) -> None:
    wire = Wire(Server())
    move(a_storage(wire), A, RemotePath.parse("/c#d"), overwrite=overwrite)
    request = wire.asked[-1]
    assert wire.lines == ["MOVE /a%20b"]
    assert request.headers["Overwrite"] == said
    assert request.headers["Destination"] == "https://door.example:2880/c%23d"


@pytest.mark.parametrize(
    ("status", "kind"), [(412, Exists), (403, Forbidden), (404, NotFound), (409, ConflictError), (502, ServerError)]
)
def test_move_refused(status: int, kind: type[CtaError]) -> None:
    with pytest.raises(kind) as caught:
        move(a_storage(Wire(Server(forbids=status))), A, DEEP, overwrite=False)
    assert caught.value.status == status


def test_the_root_is_never_deleted() -> None:
    wire = Wire(Server())
    with pytest.raises(UsageError, match="the root is not deleted"):
        delete(a_storage(wire), RemotePath(), recursive=True)
    assert wire.asked == []


def test_delete_looks_first() -> None:
    wire = Wire(Server("/a%20b/"))
    with pytest.raises(UsageError, match="/a b is a directory") as caught:
        delete(a_storage(wire), A)
    assert caught.value.hint == "ctaclient rm -r '/a b'"
    with pytest.raises(NotFound):
        delete(a_storage(wire), DEEP, recursive=True)
    assert all(line.startswith("PROPFIND") for line in wire.lines)


@pytest.mark.parametrize(("there", "sent"), [("/a%20b", "DELETE /a%20b"), ("/a%20b/", "DELETE /a%20b/")])
def test_delete_names_the_kind(there: str, sent: str) -> None:
    wire = Wire(Server(there))
    delete(a_storage(wire), A, recursive=True)
    assert wire.lines[-1] == sent
    assert wire.asked[-1].headers.get("Depth") == ("infinity" if there.endswith("/") else None)


def test_what_could_not_be_deleted_is_counted() -> None:
    left = [f"<D:response><D:href>/a/{n}%20</D:href><D:status>HTTP/1.1 403 No</D:status></D:response>" for n in "xy"]
    storage = a_storage(Wire(lambda _: listing(*left)))
    with pytest.raises(SomeItemsFailed, match=r"2 things in .*, the first is /a/x "):
        delete_known(storage, RemotePath.parse("/a"), is_dir=True)


class EmptyOnly:
    """A server that deletes a directory only when nothing is in it; `names` of directories end in a slash."""

    def __init__(self, server: str, *names: str, forbids: str = "") -> None:
        self.server = server
        self.there = set(names)
        self._forbids = forbids

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.rstrip("/")
        name = path if path in self.there else f"{path}/"
        below = {each for each in self.there if each.startswith(f"{path}/") and each != name}
        if name not in self.there:
            return response(404, Server=self.server)
        if request.method == "PROPFIND":
            direct = [each for each in below if "/" not in each[len(path) + 1 : -1]]
            listed = [name, *sorted(direct)] if request.headers["Depth"] == "1" else [name]
            return listing(*(item(each, size=None if each.endswith("/") else 1) for each in listed), server=self.server)
        if below or path == self._forbids:
            return response(409, "directory not empty", Server=self.server)
        self.there.remove(name)
        return response(204, Server=self.server)


TREE = ("/beside", "/d/", "/d/a", "/d/below/", "/d/below/a%20b", "/d/below/c d", "/d/empty/")


def test_where_only_empty_directories_can_be_deleted_it_goes_bottom_up() -> None:
    wire = Wire(server := EmptyOnly("XrootD/v5.5.3", *TREE))
    delete(a_storage(wire), RemotePath.parse("/d"), recursive=True)
    assert server.there == {"/beside"}
    assert [line for line in wire.lines if line.startswith("DELETE")] == [
        "DELETE /d/a",
        "DELETE /d/below/a%2520b",
        "DELETE /d/below/c%20d",
        "DELETE /d/below/",
        "DELETE /d/empty/",
        "DELETE /d/",
    ]


def test_elsewhere_a_directory_goes_with_one_request() -> None:
    wire = Wire(EmptyOnly("dCache/9.2", *TREE))
    with pytest.raises(ConflictError):
        delete(a_storage(wire), RemotePath.parse("/d"), recursive=True)
    assert wire.lines == ["PROPFIND /d", "DELETE /d/"]


def test_bottom_up_ends_at_what_cannot_be_deleted() -> None:
    wire = Wire(server := EmptyOnly("XrootD/v5.5.3", *TREE, forbids="/d/below/c d"))
    with pytest.raises(ConflictError, match=r"cannot delete /d/below/c d: 409 .*directory not empty"):
        delete(a_storage(wire), RemotePath.parse("/d"), recursive=True)
    assert server.there == {"/beside", "/d/", "/d/below/", "/d/below/c d", "/d/empty/"}


CHANGES: dict[str, Callable[[Storage], None]] = {
    "MKCOL": lambda storage: make_directory(storage, A, parents=True),
    "MOVE": lambda storage: move(storage, A, DEEP, overwrite=False),
    "DELETE": lambda storage: delete_known(storage, A),
}


@pytest.mark.parametrize("status", [203, 205, 206, 226, 300, 304, 305])
@pytest.mark.parametrize("method", CHANGES)
def test_only_an_answer_that_says_so_means_done(method: str, status: int) -> None:
    wire = Wire(lambda _: response(status))
    with pytest.raises(ProtocolError, match=f"/a b.*: unexpected answer {status}") as caught:
        CHANGES[method](a_storage(wire))
    assert caught.value.status == status
    assert [line.partition(" ")[0] for line in wire.lines] == [method]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("method", CHANGES)
def test_answers_that_say_so(method: str, status: int) -> None:
    CHANGES[method](a_storage(Wire(lambda _: response(status))))


@pytest.mark.parametrize("method", CHANGES)
def test_a_part_that_remains_is_a_failure_of_any_change(method: str) -> None:
    left = "<D:response><D:href>/a%20b/x</D:href><D:status>HTTP/1.1 423 Locked</D:status></D:response>"
    with pytest.raises(SomeItemsFailed, match="1 things in it remain, the first is /a b/x"):
        CHANGES[method](a_storage(Wire(lambda _: listing(left))))


@pytest.mark.parametrize("method", CHANGES)
def test_what_the_server_says_is_in_the_message(method: str) -> None:
    with pytest.raises(Forbidden, match=r"/a b.*: 403 .*no write permission here"):
        CHANGES[method](a_storage(Wire(lambda _: response(403, "no write permission here"))))
