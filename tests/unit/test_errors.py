"""The error tree is what its docstring draws, and survives pickling."""

from __future__ import annotations

import builtins
import inspect
import pickle
import re

import pytest

from ctaclient import errors
from ctaclient.errors import CtaError

CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, CtaError)]


def drawn() -> dict[str, tuple[str | None, int, str | None]]:
    """name: (parent, exit code, built-in kin) as the module's docstring draws them."""
    tree: dict[str, tuple[str | None, int, str | None]] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"(?P<lead>[ │├└─]*)(?P<name>[A-Z]\w+)(?:\s{2,}(?P<rest>.*))?$", line)
        if not match or not (above or match["name"] == "CtaError"):
            continue
        indent = len(match["lead"])
        while above and above[-1][0] >= indent:
            above.pop()
        parent = above[-1][1] if above else None
        rest = match["rest"] or ""
        code = re.match(r"\d+(?=\s|$)", rest)
        kin = re.search(r"\((\w+)\)", rest)
        inherited = tree[parent][1] if parent else 1
        tree[match["name"]] = parent, int(code[0]) if code else inherited, kin[1] if kin else None
        above.append((indent, match["name"]))
    return tree


def test_the_drawn_tree_is_the_tree() -> None:
    found = {}
    for each in CLASSES:
        parent = next((base.__name__ for base in each.__bases__ if issubclass(base, CtaError)), None)
        kin = next((base.__name__ for base in each.__bases__ if hasattr(builtins, base.__name__)), None)
        found[each.__name__] = parent, each.exit_code, None if each is CtaError else kin
    assert found == drawn()


def test_slugs_are_unique_words() -> None:
    slugs = [each.slug for each in CLASSES]
    assert len(set(slugs)) == len(slugs)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", slug) for slug in slugs)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_pickling_keeps_all(kind: type[CtaError]) -> None:
    back = pickle.loads(pickle.dumps(kind("cannot list /a", hint="try again", status=503)))
    assert type(back) is kind
    assert (str(back), back.hint, back.status) == ("cannot list /a", "try again", 503)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_to_dict_says_what_the_class_says(kind: type[CtaError]) -> None:
    assert kind("why", hint="what").to_dict() == {
        "error": kind.slug,
        "message": "why",
        "hint": "what",
        "status": None,
        "exit_code": kind.exit_code,
        "retryable": kind.retryable,
    }


def test_only_network_trouble_is_worth_a_retry() -> None:
    retryable = {each.__name__ for each in CLASSES if each.retryable}
    expected = {"NetworkError", "ConnectError", "Timeout", "Disconnected", "ServerError", "AgentError"}
    assert retryable == expected
