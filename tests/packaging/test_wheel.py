"""The wheel: both packages, typed, with the documented programs, and nothing else."""

from __future__ import annotations

import configparser
import importlib
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest

import ctaclient
from tests.packaging.conftest import ROOT, relative, sources

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy, so that nothing is left in the checkout. Needs the build back end, and no network."""
    pytest.importorskip("hatchling", reason="the build back end is not installed")
    directory = tmp_path_factory.mktemp("wheel")
    source = directory / "source"
    source.mkdir()
    skipped = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("ctaclient", "agent"):
        shutil.copytree(ROOT / name, source / name, ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    code = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(directory)], cwd=source, check=True, capture_output=True)
    return zipfile.ZipFile(next(directory.glob("*.whl")))


def test_top_level_names(wheel: zipfile.ZipFile) -> None:
    top = {name.partition("/")[0] for name in wheel.namelist()}
    assert top == {"ctaclient", "ctaclient_agent", f"ctaclient-{ctaclient.__version__}.dist-info"}


def test_all_modules_and_only_these(wheel: zipfile.ZipFile) -> None:
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = {relative(path).removeprefix("agent/") for path in sources(ROOT / "ctaclient", ROOT / "agent")}
    assert packed == expected | {"ctaclient/py.typed", "ctaclient_agent/py.typed"}


def test_programs(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    parser = configparser.ConfigParser()
    parser.read_string(wheel.read(name).decode())
    assert dict(parser["console_scripts"]) == PROJECT["scripts"]


def test_metadata(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
    text = wheel.read(name).decode()
    for line in ("Name: ctaclient", f"Version: {ctaclient.__version__}", "License-Expression: BSD-3-Clause"):
        assert f"{line}\n" in text
    assert "Requires-Python: >=3.11" in text
    assert any(each.endswith("licenses/LICENSE") for each in wheel.namelist())


@pytest.mark.parametrize("name", ["ctaclient", "ctaclient-agent"])
def test_the_documented_programs_are_functions(name: str) -> None:
    assert set(PROJECT["scripts"]) == {"ctaclient", "ctaclient-agent"}
    module, _, function = PROJECT["scripts"][name].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_both_packages_are_typed() -> None:
    assert (ROOT / "ctaclient" / "py.typed").exists()
    assert (ROOT / "agent" / "ctaclient_agent" / "py.typed").exists()
