"""`ctaclient sandbox`: run one for a person, say how to use it, clean up at the end."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import signal
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient._util.private import ensure_private_dir
from ctaclient.errors import UsageError
from ctaclient.sandbox.layout import Layout
from ctaclient.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


def run(directory: Path | None, write: Callable[[str], None]) -> None:
    """Run a sandbox until SIGINT or SIGTERM. Call it in the main thread.

    Without `directory` all of it is temporary. A given one must be empty, missing, or of an earlier sandbox: at the end
    the stored files stay in it and nothing else. Raises UsageError for a directory with other things in it.
    """
    with _place(directory) as place, _until_told() as told, Sandbox.start(place) as sandbox:
        write(describe(sandbox))
        told.wait()


def describe(sandbox: Sandbox) -> str:
    """What to type in another shell."""
    exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in sandbox.environment().items())
    return f"""\
The sandbox is running: an issuer, a door and a pool on this machine. In another shell:

export {exports}
ctaclient start-agent --profile sandbox --issuer {sandbox.issuer_url} --client-id {sandbox.client_id} \
--storage-url {sandbox.storage_url}

The login page is {sandbox.issuer_url}/device (its certificate is of the sandbox's own CA: {sandbox.ca_file}).
Stored files lie in {sandbox.storage_root}. Ctrl-C ends it."""


@contextlib.contextmanager
def _place(directory: Path | None) -> Iterator[Path]:
    if directory is None:
        with tempfile.TemporaryDirectory(prefix="ctaclient-sandbox-") as made:  # mode 0700
            yield Path(made)
        return
    layout = Layout(directory)
    ensure_private_dir(directory)
    if strangers := set(directory.iterdir()) - {layout.state, layout.storage}:
        raise UsageError(f"{directory} holds other things: {min(strangers).name}", hint="name an empty directory")
    try:
        yield directory
    finally:
        shutil.rmtree(layout.state, ignore_errors=True)
        with contextlib.suppress(OSError):  # something was stored
            layout.storage.rmdir()
            directory.rmdir()


@contextlib.contextmanager
def _until_told() -> Iterator[threading.Event]:
    told = threading.Event()

    def tell(_signal: int, _frame: FrameType | None) -> None:
        told.set()

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
