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
    ServerError,
    SomeItemsFailed,
    UsageError,
)
from ctaclient.storage.namespace import delete, delete_known, make_directory, move
from ctaclient.storage.path import RemotePath
from tests.unit.storage.conftest import Wire, a_storage, item, listing, response

if TYPE_CHECKING:
    import httpx

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
