"""`import ctaclient`: which names, where from, at what price."""

from __future__ import annotations

import ast
import builtins
import pickle
import sys
from typing import TYPE_CHECKING

import pytest

import ctaclient
from ctaclient import errors
from tests.packaging.conftest import PACKAGES, python

if TYPE_CHECKING:
    from pathlib import Path

INIT = (PACKAGES["ctaclient"] / "__init__.py").read_text(encoding="utf-8")


def imported_for_type_checkers() -> set[str]:
    """The names under `if TYPE_CHECKING`, apart from typing's own."""
    block = next(
        node for node in ast.parse(INIT).body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    return {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}


def test_all_is_sorted_without_doubles_and_what_type_checkers_see() -> None:
    assert ctaclient.__all__ == sorted(set(ctaclient.__all__))
    assert set(ctaclient.__all__) == imported_for_type_checkers()


def test_every_error_is_public() -> None:
    kinds = {
        name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, errors.CtaError)
    }
    assert kinds <= set(ctaclient.__all__)


@pytest.mark.parametrize("name", ctaclient.__all__)
def test_every_name_can_be_had(name: str) -> None:
    value = getattr(ctaclient, name)
    assert value.__name__ == name
    assert value.__doc__
    assert pickle.loads(pickle.dumps(value)) is value


def test_no_name_hides_a_builtin() -> None:
    assert set(ctaclient.__all__).isdisjoint(dir(builtins))


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'ctaclient' has no attribute 'login'"):
        _ = ctaclient.login
    assert dir(ctaclient) == sorted([*ctaclient.__all__, "__version__"])


def test_star_import() -> None:
    names = python("from ctaclient import *; print(*sorted(n for n in dir() if n[:2] != '__'))").split()
    assert names == ctaclient.__all__


THIRD_PARTY = ["httpx", "httpcore", "h11", "click", "cryptography", "authlib", "joserfc", "webdav4", "tqdm", "tomlkit"]


def loaded_after(code: str, *args: str, **environ: str) -> set[str]:
    """Top-level modules of others that `code` loads, apart from those that this Python loads at its start anyway."""
    before = "import sys; before = set(sys.modules)"
    listing = python(f"{before}\n{code}\nprint()\nprint(*set(sys.modules) - before)", *args, **environ)
    top = {name.partition(".")[0] for name in listing.splitlines()[-1].split()}
    return top - sys.stdlib_module_names - {"ctaclient"}


def test_importing_loads_nothing_of_others_and_writes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "empty"
    home.mkdir()
    loaded = loaded_after("import ctaclient", HOME=str(home))
    assert loaded.isdisjoint({*THIRD_PARTY, "platformdirs", "certifi"}), loaded
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    "code",
    [
        "from ctaclient.errors import CtaError",
        "from ctaclient.tokens import discovery, lock, record, source, store, token",
        "from ctaclient.control import address, client, messages",
    ],
)
def test_reading_a_token_takes_the_standard_library_only(code: str) -> None:
    assert loaded_after(code).isdisjoint({*THIRD_PARTY, "platformdirs"})


def test_printing_a_token_loads_no_http_stack_and_no_cryptography(tmp_path: Path) -> None:
    code = "from ctaclient.cli.run import run; import sys; assert run(sys.argv[1:]) == 0"
    loaded = loaded_after(code, "token", BEARER_TOKEN="x" * 20, CTACLIENT_HOME=str(tmp_path / "none"))
    assert loaded.isdisjoint(set(THIRD_PARTY) - {"click"}), loaded
    assert not (tmp_path / "none").exists()
