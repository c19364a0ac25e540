"""`python -m ctaclient_agent`: `start` and `logout` on the user's terminal, `run` as the daemon."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ctaclient.errors import ConfigError, ConflictError, CtaError, Interrupted, LoginRequired, NoSpace, UsageError
from ctaclient_agent.login.terminal import Terminal, ask_secret, has_terminal
from ctaclient_agent.process.log import Secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    from ctaclient_agent.login.surroundings import Surroundings
    from ctaclient_agent.machines.holder import Holder
    from ctaclient_agent.machines.keypair import Kind, Protection


# As `ctaclient` has it for SIGTERM and SIGHUP.
_TERMINATED = 128 + signal.SIGTERM


class _Terminated(BaseException):
    """SIGTERM or SIGHUP came while a person was waited for."""


class _Parser(argparse.ArgumentParser):
    """Complains as the rest of the program does."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    secrets = Secrets()
    terminal = Terminal(hide=secrets.hide)
    debug = "--debug" in (sys.argv[1:] if argv is None else argv)
    try:
        if os.name == "nt":
            raise ConfigError("the token agent runs on Linux and macOS only", hint="set BEARER_TOKEN_FILE instead")
        arguments = _parser().parse_args(argv)
        if arguments.command == "start":
            _start(arguments, terminal, secrets)
        elif arguments.command == "logout":
            _log_out(arguments, terminal, secrets)
        elif arguments.command == "run":
            _run(arguments, terminal)
        else:
            _service(arguments, terminal)
    except KeyboardInterrupt:
        return _fail(terminal, Interrupted("interrupted"), debug=debug)
    except _Terminated:
        terminal.warn("terminated")
        return _TERMINATED
    except CtaError as error:
        return _fail(terminal, error, debug=debug)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        text = f"{(error.strerror or type(error).__name__).lower()}{where}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _fail(terminal, NoSpace(text, hint="free space where your logins are kept"), debug=debug)
        return _fail(terminal, CtaError(text, hint="export CTACLIENT_HOME=/a/private/directory"), debug=debug)
    except Exception as error:  # noqa: BLE001 - the last resort of a program
        return _fail(terminal, CtaError(f"internal error: {type(error).__name__}", hint="add --debug"), debug=debug)
    return 0


def _start(arguments: argparse.Namespace, terminal: Terminal, secrets: Secrets) -> None:
    from ctaclient.config.settings import Arguments
    from ctaclient_agent.commands.start import start
    from ctaclient_agent.login.manner import Manner

    around = _surroundings(arguments, terminal, secrets)
    given = Arguments(
        profile=arguments.profile,
        storage_url=arguments.storage_url,
        issuer=arguments.issuer,
        client_id=arguments.client_id,
        scope=arguments.scope,
        ca_bundle=arguments.ca_bundle,
    )
    # A batch system, a service manager or a lost connection may end this while somebody is waited for.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _terminate)
    start(
        given,
        arguments.client_secret_file,
        Manner(arguments.flow, arguments.qr),
        around,
        new_login=arguments.new_login,
        foreground=arguments.foreground,
    )


def _terminate(*_: object) -> None:
    # Once: a terminal that hangs up tells us more than once, and what is begun is undone meanwhile.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise _Terminated


def _log_out(arguments: argparse.Namespace, terminal: Terminal, secrets: Secrets) -> None:
    from ctaclient.config.settings import Arguments
    from ctaclient_agent.commands.logout import log_out

    around = _surroundings(arguments, terminal, secrets)
    log_out(Arguments(profile=arguments.profile, ca_bundle=arguments.ca_bundle), around)


def _surroundings(arguments: argparse.Namespace, terminal: Terminal, secrets: Secrets) -> Surroundings:
    from ctaclient._util.clock import SystemClock
    from ctaclient_agent.login.surroundings import Surroundings
    from ctaclient_agent.process.hygiene import harden
    from ctaclient_agent.process.log import log_to_terminal

    harden()
    log_to_terminal(secrets, debug=arguments.debug)
    return Surroundings(
        os.environ,
        terminal,
        ask_secret,
        has_terminal,
        SystemClock(),
        secrets.learn,
        _protection(arguments),
        debug=arguments.debug,
    )


def _service(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from ctaclient._util.clock import SystemClock
    from ctaclient_agent.commands.install import install, uninstall

    if arguments.command == "install":
        install(os.environ, arguments.passphrase_command, terminal, SystemClock(), debug=arguments.debug)
    else:
        uninstall(os.environ, terminal)


def _run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from ctaclient_agent.commands.spawn import ReadyPipe
    from ctaclient_agent.process.footprint import slim

    slim()
    pipe = ReadyPipe(arguments.ready_fd)
    try:
        # Below this line too much can be missing or broken for a process without a terminal to keep it to itself.
        from ctaclient._util.clock import SystemClock
        from ctaclient.config.paths import Paths
        from ctaclient_agent.daemon.service import serve
        from ctaclient_agent.logins.vault import Vault
        from ctaclient_agent.machines.holder import this_process
        from ctaclient_agent.machines.lease import Terms
        from ctaclient_agent.machines.machine import Machine
        from ctaclient_agent.machines.place import machine_directory
        from ctaclient_agent.process.hygiene import harden

        harden()
        paths = Paths.of(os.environ)
        key = _handed_over(arguments.key_fd)
        machine = Machine(machine_directory(paths, os.environ), paths.store, _protection(arguments), key)

        def ready(holder: Holder) -> None:
            terminal.say(f"the agent is running ({holder}), its log is {paths.agent_log}")
            pipe.ready(str(holder), already=False)

        if not Vault(paths.store, machine).profiles():
            raise LoginRequired("there is no login to keep", hint="ctaclient start-agent")
        me = this_process(SystemClock().now(), socket_path=str(paths.agent_socket))
        other = serve(paths, machine, me, Terms(), debug=arguments.debug, ready=ready, to_stderr=arguments.foreground)
        if other is not None and arguments.ready_fd is None:
            # A service that ended well without ever being ready would be started again.
            raise ConflictError(f"an agent is running already ({other})", hint="ctaclient stop-agent")
        if other is not None:
            terminal.say(f"the agent is running already ({other})")
            pipe.ready(str(other), already=True)
    except CtaError as error:
        pipe.failed(error)
        raise
    except Exception as error:
        pipe.failed(CtaError(f"the agent failed: {type(error).__name__}"))
        raise


def _protection(arguments: argparse.Namespace) -> Protection:
    from ctaclient_agent.machines.keypair import Protection
    from ctaclient_agent.machines.os_keyring import OsKeyring
    from ctaclient_agent.machines.passphrase import passphrase_source

    passphrase = passphrase_source(arguments.passphrase_fd, arguments.passphrase_command)
    kind: Kind = "passphrase" if passphrase else "keyring" if arguments.keyring else "plain"
    return Protection(passphrase, OsKeyring(), kind)


def _handed_over(fd: int | None) -> X25519PrivateKey | None:
    """The machine's key from the process that started us."""
    if fd is None:
        return None
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    with os.fdopen(fd, "rb") as pipe:
        return X25519PrivateKey.from_private_bytes(pipe.read(32))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="ctaclient-agent", description="The token agent: log in once, stay logged in.")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="log in if needed, and start the agent if none runs", allow_abbrev=False)
    start.add_argument("--profile", metavar="NAME", help="which login; default: the selected profile")
    start.add_argument("--issuer", metavar="URL", help="the identity provider")
    start.add_argument("--client-id", metavar="ID", help="the client's name there")
    start.add_argument(
        "--client-secret-file", metavar="FILE", type=Path, help="a file of mode 0600 with the client's secret"
    )
    start.add_argument("--scope", metavar="TEXT", help="what to ask for; default: openid offline_access")
    start.add_argument("--storage-url", metavar="URL", help="the storage that the tokens are for")
    start.add_argument("--ca-bundle", metavar="FILE", help="certificates to trust besides the system's")
    start.add_argument("--flow", choices=("device", "code"), default="device", help="approve on any device, or here")
    start.add_argument("--no-qr", dest="qr", action="store_false", help="show no QR code")
    start.add_argument("--new-login", action="store_true", help="log in anew even if the login still works")
    start.add_argument("--foreground", action="store_true", help="be the agent instead of starting one")
    logout = commands.add_parser("logout", help="end a login at its issuer and delete its files", allow_abbrev=False)
    logout.add_argument("--profile", metavar="NAME", help="which login; default: the selected profile")
    logout.add_argument("--ca-bundle", metavar="FILE", help="certificates to trust besides the system's")
    run = commands.add_parser("run", help="be the agent of logins that are there", allow_abbrev=False)
    run.add_argument("--foreground", action="store_true", help="log to stderr, too")
    run.add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)
    run.add_argument("--key-fd", type=int, help=argparse.SUPPRESS)
    install = commands.add_parser("install", help="have systemd run the agent for this user", allow_abbrev=False)
    uninstall = commands.add_parser("uninstall", help="undo that", allow_abbrev=False)
    for command in (start, logout, run):
        command.add_argument(
            "--passphrase-fd", metavar="N", type=int, help="where to read the machine key's passphrase"
        )
        command.add_argument("--keyring", action="store_true", help="keep the machine's key in the system's keyring")
    for command in (start, logout, run, install):
        command.add_argument("--passphrase-command", metavar="COMMAND", help="what prints that passphrase; no shell")
    for command in (start, logout, run, install, uninstall):
        command.add_argument("--debug", action="store_true", help="log more, and show tracebacks")
    return parser


def _fail(terminal: Terminal, error: CtaError, *, debug: bool) -> int:
    if debug:
        terminal.warn(traceback.format_exc())
    terminal.report(error)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
