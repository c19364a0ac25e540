"""`docs/errors.md` says what `errors.py` says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_errors_is_made_from_the_classes() -> None:
    spec = importlib.util.spec_from_file_location("errors_page", DOCS / "errors_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    assert (DOCS / "errors.md").read_text(encoding="utf-8") == module.page(), "run: python docs/errors_page.py"
