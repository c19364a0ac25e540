"""Makes `errors.md` from the error classes: `python docs/errors_page.py`. A test fails when the two differ."""

from __future__ import annotations

from pathlib import Path

from ctaclient import errors

PAGE = Path(__file__).with_name("errors.md")


def page() -> str:
    """The whole page."""
    lines = [
        "# Errors and exit codes",
        "",
        "Made from `ctaclient/errors.py` by `docs/errors_page.py`. `agent status` alone follows the LSB: 0 running and",
        "healthy, 3 not running, 4 login needed.",
        "",
        "| exit code | meaning |",
        "|---|---|",
        *(f"| {code} | {meaning} |" for code, meaning in errors.EXIT_CODES.items()),
        "",
        "Every error has a `slug` (in JSON), a message of one line, and mostly a `hint`: what to type next.",
        "",
        "| error | exit code | slug | trying again may help | meaning |",
        "|---|---|---|---|---|",
        *(_row(kind) for kind in _kinds(errors.CtaError)),
    ]
    return "\n".join(lines) + "\n"


def _kinds(kind: type[errors.CtaError]) -> list[type[errors.CtaError]]:
    below = sorted(kind.__subclasses__(), key=lambda each: (each.exit_code, each.__name__))
    return [kind, *(one for each in below if each.__module__ == errors.__name__ for one in _kinds(each))]


def _row(kind: type[errors.CtaError]) -> str:
    builtin = next((base.__name__ for base in kind.__bases__ if not issubclass(base, errors.CtaError)), None)
    name = f"`{kind.__name__}`" + (f" (`{builtin}`)" if builtin and builtin != "Exception" else "")
    meaning = (kind.__doc__ or "").split("\n")[0]
    return f"| {name} | {kind.exit_code} | `{kind.slug}` | {'yes' if kind.retryable else 'no'} | {meaning} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
