"""Rules that no linter of ours knows."""

from __future__ import annotations

import ast
import statistics
from typing import TYPE_CHECKING

import pytest

from tests.packaging.conftest import PACKAGES, ROOT, relative, sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIBRARY = sources(*PACKAGES.values())
TESTS = sources(ROOT / "tests")
# The one shared helper that waits for other processes sleeps between two looks.
WAITING = {"tests/support/waiting.py"}
# These talk to a person: the program, and the agent's login.
TALKING = ("ctaclient/cli/", "agent/ctaclient_agent/login/terminal.py")
PROGRAMS = (
    "ctaclient/cli/",
    "ctaclient/sandbox/demo.py",
    "ctaclient/__main__.py",
    "agent/ctaclient_agent/__main__.py",
    "ctaclient/sandbox/__main__.py",
)


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Each call with the dotted name of what is called."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def keyword(call: ast.Call, name: str) -> str:
    return next((ast.unparse(each.value) for each in call.keywords if each.arg == name), "")


@pytest.mark.parametrize("path", LIBRARY, ids=relative)
def test_libraries(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    name = relative(path)
    for forbidden in ("CERT_NONE", "check_hostname = False", "_create_unverified_context"):
        assert forbidden not in text
    for called, call in calls(path):
        assert keyword(call, "shell") in ("", "False"), f"{name}:{call.lineno}"
        assert keyword(call, "verify") != "False", f"{name}:{call.lineno}"
        assert called not in ("os.system", "os.popen", "eval", "exec"), f"{name}:{call.lineno}"
        assert called != "logging.basicConfig", f"{name}:{call.lineno}"
        if not name.startswith(TALKING):
            assert called != "print", f"{name}:{call.lineno}"
        if not name.startswith(PROGRAMS):
            assert called not in ("sys.exit", "exit", "quit"), f"{name}:{call.lineno}"


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_tests_neither_sleep_nor_patch(path: Path) -> None:
    name = relative(path)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [each.name for each in node.names] + [getattr(node, "module", None) or ""]
            assert not any(module.startswith("unittest") or module == "mock" for module in modules), name
    for called, call in calls(path):
        assert called != "monkeypatch.setattr", f"{name}:{call.lineno}"
        assert not called.endswith("mocker.patch"), f"{name}:{call.lineno}"
        if name not in WAITING:
            assert called not in ("time.sleep", "sleep"), f"{name}:{call.lineno}"


def test_modules_are_small() -> None:
    lines = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in LIBRARY}
    assert statistics.median(lines.values()) < 150
    assert {name: count for name, count in lines.items() if count > 400} == {}


@pytest.mark.parametrize("path", LIBRARY, ids=relative)
def test_every_module_says_what_it_is(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring


def test_nothing_of_one_machine_is_in_the_sources() -> None:
    for path in (*LIBRARY, *TESTS):
        if path.name != "test_source_rules.py":
            text = path.read_text(encoding="utf-8")
            assert "/work/" not in text, relative(path)
            assert "/root/" not in text, relative(path)
