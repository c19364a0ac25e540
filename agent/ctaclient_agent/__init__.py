"""The token agent: logs in once, keeps the refresh token sealed, and keeps each profile's access token fresh."""

from __future__ import annotations

from importlib import import_module


def version() -> str:
    """The distribution's version, one for both packages."""
    # By name: the other package's face imports the client for type checkers, and the agent may not know the client.
    return str(import_module("ctaclient").__version__)
