"""Our agent beside Debian's oidc-agent: the same provider, the same layer, the same faults; prints Markdown.

    python -m tests.comparison [WORDS]      only the rows with WORDS in them

Takes about ten minutes. Needs `apt install oidc-agent-cli` and what the provider's tests need.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import ctaclient
from ctaclient.sandbox import Options, Sandbox
from tests.comparison.oidc_agent import OidcAgent, version
from tests.comparison.ours import Ours
from tests.comparison.rows import ROWS, Bench
from tests.providers.layered import running_layered
from tests.providers.oidc_provider import running_provider

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.comparison.contender import Contender
    from tests.comparison.rows import Row
    from tests.providers.issuer import Issuer
    from tests.providers.layered import Layered


def main(wanted: str) -> None:
    """Run the rows and print the table."""
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "other").mkdir()
        with (
            running_layered(directory / "layered") as layered,
            running_provider(directory / "other") as other,
            Sandbox.start(directory / "sandbox", Options()) as sandbox,
        ):
            print(
                f"{datetime.now(UTC):%Y-%m-%d}, {version()}, ctaclient {ctaclient.__version__}, {platform.system()}\n"
            )
            print(f"| check | {version()} | ctaclient |\n|---|---|---|", flush=True)
            contenders: list[Callable[[Path, bool], Contender]] = [
                lambda home, debug: OidcAgent(home, debug=debug),
                lambda home, debug: Ours(home, sandbox, layered.issuer("quick"), debug=debug),
            ]
            for number, row in enumerate(row for row in ROWS if wanted in row.check):
                places = [directory / f"{number}-{each}" for each in range(len(contenders))]
                seen = [
                    _see(row, make, place, layered, other.issuer("quick"))
                    for make, place in zip(contenders, places, strict=True)
                ]
                print(f"| {row.check} | {' | '.join(seen)} |", flush=True)


def _see(row: Row, make: Callable[[Path, bool], Contender], place: Path, layered: Layered, other: Issuer) -> str:
    place.mkdir(mode=0o700)
    layered.reset()
    contender = make(place / "home", row.debug)
    try:
        return row.see(Bench(contender, layered, other, place)).replace("|", "\\|")
    finally:
        contender.end()
        layered.reset()


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
