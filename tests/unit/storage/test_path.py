"""Remote paths: the names themselves, quoted by us alone."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.errors import UsageError
from ctaclient.storage.path import RemotePath, check_name

BAD = {"", ".", ".."}
NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda name: name not in BAD
)
# What a local name that is no UTF-8 looks like.
RAW_NAMES = (
    st.binary(min_size=1, max_size=12)
    .map(lambda data: data.decode("utf-8", "surrogateescape"))
    .filter(lambda name: name not in BAD and "/" not in name and "\0" not in name)
)
PATHS = st.lists(NAMES | RAW_NAMES, max_size=5).map(lambda names: RemotePath(tuple(names)))


@given(PATHS)
def test_parse_and_str_are_inverse(path: RemotePath) -> None:
    assert RemotePath.parse(str(path)) == path
    assert RemotePath.parse(str(path).removeprefix("/")) == path
    assert RemotePath.parse(str(path).removesuffix("/") + "/") == path


@given(PATHS)
def test_quoting_loses_nothing_and_httpx_leaves_it_alone(path: RemotePath) -> None:
    quoted = path.quoted()
    back = [unquote_to_bytes(part).decode("utf-8", "surrogateescape") for part in quoted.split("/")[1:]]
    assert tuple(back) == (path.segments or ("",))
    assert httpx.URL(f"https://door{quoted}").raw_path.decode() == quoted


@given(PATHS, NAMES)
def test_family(path: RemotePath, name: str) -> None:
    child = path.child(name)
    assert (child.name, child.parent) == (name, path)


def test_the_root() -> None:
    root = RemotePath.parse("/")
    assert root == RemotePath.parse("") == root.parent == RemotePath()
    assert (str(root), root.quoted(), root.name) == ("/", "/", "")


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("a b", "a%20b"),
        ("a+b", "a%2Bb"),
        ("100%", "100%25"),
        ("a%20b", "a%2520b"),
        ("a#b", "a%23b"),
        ("a?b", "a%3Fb"),
        ("a;b", "a%3Bb"),
        ("\u00fc", "%C3%BC"),
        ("u\u0308", "u%CC%88"),
        ("'\"", "%27%22"),
        ("-rf", "-rf"),
        ("a\\b", "a%5Cb"),
        ("a:b@c", "a%3Ab%40c"),
        ("...", "..."),
        ("\udcff", "%FF"),
        ("a\nb", "a%0Ab"),
        ("~._-", "~._-"),
    ],
)
def test_names_of_all_kinds(name: str, quoted: str) -> None:
    assert RemotePath.parse(f"/d/{name}").quoted() == f"/d/{quoted}"


@pytest.mark.parametrize("text", ["..", "/..", "a/../b", "a/./b", ".", "a//b", "//a", "a\0b", "/a//", "../", "\ud800"])
def test_what_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        RemotePath.parse(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "a\0", "\udfff"])
def test_no_way_around_the_check(name: str) -> None:
    for make in (check_name, RemotePath().child, lambda name: RemotePath((name,))):
        with pytest.raises(UsageError):
            make(name)


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_a_path_or_a_usage_error(text: str) -> None:
    try:
        path = RemotePath.parse(text)
    except UsageError:
        return
    assert path.quoted().isascii()
    assert not BAD & set(path.segments)


def test_sorting_is_by_segment_so_that_a_directory_stands_before_what_is_in_it() -> None:
    paths = [RemotePath.parse(text) for text in ("/a.b", "/a/b", "/a", "/")]
    assert [str(path) for path in sorted(paths)] == ["/", "/a", "/a/b", "/a.b"]
