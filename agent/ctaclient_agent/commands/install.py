"""`install` and `uninstall`: the agent as a service of the user's systemd."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ctaclient._util.private import read_private
from ctaclient.config.paths import Paths
from ctaclient.control.stop import stop_agent
from ctaclient.errors import AgentError, ConfigError, CtaError
from ctaclient.tokens.lock import FileLock
from ctaclient_agent.commands import unit
from ctaclient_agent.commands.systemd import UserManager
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.keypair import Protection, kind_of
from ctaclient_agent.machines.machine import Machine
from ctaclient_agent.machines.os_keyring import OsKeyring
from ctaclient_agent.machines.passphrase import passphrase_source
from ctaclient_agent.machines.place import machine_directory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctaclient._util.clock import Clock
    from ctaclient_agent.login.terminal import Terminal

# Two requests at their limits.
_END_TIMEOUT_S = 65.0


def install(
    environ: Mapping[str, str],
    passphrase_command: str | None,
    terminal: Terminal,
    clock: Clock,
    *,
    debug: bool = False,
) -> None:
    """Install, enable and start the unit; doing it again changes nothing. With `debug` the service logs more.

    `passphrase_command` is for a machine key with a passphrase, which a service cannot ask for. Raises CtaError kin.
    """
    paths, manager = Paths.of(environ), UserManager(environ)
    before = manager.unit()
    if not manager.is_there():
        raise CtaError(
            "there is no systemd user manager here, so nothing can be installed; start-agent runs the agent in the "
            "background all the same (login nodes may end it when you log out)",
            hint="ctaclient start-agent",
        )
    machine = _machine(paths, environ, passphrase_command)
    text = unit.unit_text(sys.executable, paths.store, environ, passphrase_command, debug=debug)
    for name in sorted(name for name, value in environ.items() if unit.holds_password(name, value)):
        terminal.warn(f"{name} holds a password and is not written into the unit")
    if text != before:
        manager.write(text)
        terminal.say(f"{'replaced' if before else 'installed'} {manager.file}")
    else:
        terminal.say(f"{manager.file} is installed already")
    manager.enable()
    if not Vault(paths.store, machine).profiles():
        terminal.say("there is no login yet; this logs in and starts the service: ctaclient start-agent")
    elif not manager.is_active():
        _make_room(paths, clock)
        manager.start()
        terminal.say("the agent is running as a service")
    elif text != before:
        manager.restart()
        terminal.say("the agent was restarted")
    if manager.lingers() is False:
        terminal.say("it ends with your last session here; to keep it, and to start it at boot: loginctl enable-linger")


def _machine(paths: Paths, environ: Mapping[str, str], passphrase_command: str | None) -> Machine:
    """This machine, whose key the service will be able to open. Raises ConfigError when it will not."""
    protection = Protection(passphrase_source(None, passphrase_command), OsKeyring())
    machine = Machine(machine_directory(paths, environ), paths.store, protection)
    try:
        is_locked = passphrase_command is None and kind_of(read_private(machine.key_file)) == "passphrase"
    except FileNotFoundError:
        return machine
    if is_locked:
        raise ConfigError(
            "a service cannot ask for the passphrase of this machine's key",
            hint="ctaclient agent install --passphrase-command COMMAND",
        )
    machine.key()
    return machine


def _make_room(paths: Paths, clock: Clock) -> None:
    """Stop an agent that was started in the background; it holds the store until its last refresh is done."""
    if (socket := stop_agent(paths.agent_socket, paths.store, clock)) is not None:
        lock = FileLock(socket.with_name("agent.lock"))
        deadline = clock.monotonic() + _END_TIMEOUT_S
        while not lock.acquire(wait=False):
            if clock.monotonic() > deadline:
                raise AgentError("the agent is still finishing", hint="ctaclient agent install again")
            clock.sleep(0.05)
        lock.release()


def uninstall(environ: Mapping[str, str], terminal: Terminal) -> None:
    """Stop and remove the unit; logins stay. Raises CtaError kin."""
    manager = UserManager(environ)
    if manager.unit() is None:
        terminal.say("no service is installed")
        return
    manager.remove()
    terminal.say(f"removed {manager.file}; the logins stay, and ctaclient start-agent runs the agent without a service")
