"""Options that many commands share, and the context they fill."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ctaclient.config.settings import Arguments

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctaclient.client import Client
    from ctaclient.identity import Identity

_Function = TypeVar("_Function", bound="Callable[..., Any]")


@dataclass(frozen=True, slots=True)
class Context:
    """What the shared options said, and the things made from it. Nothing is made before a command asks."""

    profile: str | None
    storage_url: str | None
    ca_bundle: str | None
    verbose: bool
    quiet: bool

    @property
    def arguments(self) -> Arguments:
        """The settings among them."""
        return Arguments(profile=self.profile, storage_url=self.storage_url, ca_bundle=self.ca_bundle)

    def client(self) -> Client:
        """A client for these settings. What the user must know of the logins is said first."""
        from ctaclient._util.clock import SystemClock
        from ctaclient.cli.announcing import announce
        from ctaclient.client import Client
        from ctaclient.config.paths import Paths
        from ctaclient.tokens.error_file import ErrorFile
        from ctaclient.tokens.store import TokenStore

        if not self.quiet:
            paths = Paths.of(os.environ)
            announce(ErrorFile(paths.state), TokenStore(paths.store), SystemClock().now(), self.note)
        return Client(self.profile, storage_url=self.storage_url, ca_bundle=self.ca_bundle)

    def identity(self) -> Identity:
        """Who acts, without any HTTP."""
        from ctaclient._util.clock import SystemClock
        from ctaclient.identity import Identity

        return Identity(self.arguments, os.environ, SystemClock())

    def note(self, text: str) -> None:
        """Tell the user something on stderr, unless it is to be quiet."""
        if not self.quiet:
            click.echo(text, err=True)


def opens_key(function: _Function) -> _Function:
    """Adds what commands need that open a login themselves; the agent's program takes the same options."""
    function = click.option(
        "--passphrase-command", metavar="COMMAND", help="What prints the passphrase of this machine's key; no shell."
    )(function)
    return click.option("--passphrase-fd", metavar="N", type=int, help="Where to read that passphrase.")(function)


def shared(function: _Function) -> _Function:
    """Adds the options that every command has; the function gets them as `context`."""

    @click.option("--profile", metavar="NAME", help="Profile to use instead of the default one.")
    @click.option("--storage-url", metavar="URL", help="Storage to use instead of the profile's own.")
    @click.option("--ca-bundle", metavar="FILE", help="PEM file of CAs to trust besides the system's.")
    @click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
    @click.option("-q", "--quiet", is_flag=True, help="Say nothing on stderr but errors.")
    @debuggable
    @functools.wraps(function)
    def wrapper(
        *args: Any,
        profile: str | None,
        storage_url: str | None,
        ca_bundle: str | None,
        verbose: bool,
        quiet: bool,
        **kwargs: Any,
    ) -> Any:
        return function(*args, context=Context(profile, storage_url, ca_bundle, verbose, quiet), **kwargs)

    return wrapper  # type: ignore[return-value]  # click's decorators keep no signatures


def debuggable(function: _Function) -> _Function:
    """Adds `--debug`, which `run` looks for itself."""
    text = "Show what is sent, without secrets, and tracebacks."
    return click.option("--debug", is_flag=True, help=text, expose_value=False)(function)


def as_json(function: _Function) -> _Function:
    """Adds `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line for lists.")(function)
