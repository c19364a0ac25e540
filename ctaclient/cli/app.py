"""The command group. Commands are loaded when they are used, so that `token` does not import an HTTP stack."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from ctaclient import __version__

# name on the command line: module in `commands`. Two names of one module are aliases.
COMMANDS = {
    "agent": "agent",
    "config": "config",
    "exec": "exec_",
    "get": "get",
    "logout": "logout",
    "ls": "ls",
    "mkdir": "mkdir",
    "put": "put",
    "rm": "rm",
    "sandbox": "sandbox",
    "start-agent": "start_agent",
    "stat": "stat",
    "stop-agent": "stop_agent",
    "token": "token",
}
ALIASES = {"list": "ls", "print-token": "token"}
# What users of other programs type. A guess never leads to `rm`.
SYNONYMS = {
    **dict.fromkeys(("login", "start", "agent-start"), "start-agent"),
    **dict.fromkeys(("stop", "agent-stop"), "stop-agent"),
    **{name: f"agent {name}" for name in ("status", "logs", "errors", "install", "uninstall")},
    "run": "exec",
    **dict.fromkeys(("upload", "copyto"), "put"),
    **dict.fromkeys(("download", "fetch"), "get"),
    "cp": "get' or 'put",
    **dict.fromkeys(("delete", "remove", "rmdir"), "rm"),
    **dict.fromkeys(("logoff", "revoke", "agent-logout"), "logout"),
    "info": "stat",
    "lst": "ls",
}


class LazyGroup(click.Group):
    """Finds commands by table and suggests the nearest name for an unknown one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(ALIASES.get(cmd_name, cmd_name))
        if module is None:
            return None
        command = import_module(f"ctaclient.cli.commands.{module}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        known = [*COMMANDS, *ALIASES]
        if args and args[0] not in known and not args[0].startswith("-"):
            near = SYNONYMS.get(args[0]) or _nearest(args[0], [name for name in known if name != "rm"])
            ctx.fail(f"there is no command {args[0]!r}" + (f"; did you mean '{near}'?" if near else ""))
        return super().resolve_command(ctx, args)


def _nearest(word: str, known: list[str]) -> str | None:
    import difflib

    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.5)), None)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ctaclient")
def app() -> None:
    """Data on token-protected WebDAV storage: list, get, put.

    \b
    First, once per machine:   ctaclient start-agent
    Then:                      ctaclient ls -l /data
                               ctaclient get /data/run1.fits .
                               ctaclient put -r results /data/

    REMOTE is a path below the profile's storage URL, cta://PROFILE/path, or a full https:// URL.
    """
