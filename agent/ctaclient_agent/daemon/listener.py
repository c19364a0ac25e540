"""The control socket: one request and one answer a connection, each in a thread with limits of its own."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
import threading
from typing import TYPE_CHECKING

from ctaclient._util.hint import command
from ctaclient._util.private import ensure_private_dir
from ctaclient._util.redact import printable
from ctaclient.control.address import check_peer, new_socket, socket_address
from ctaclient.control.messages import MAX_BYTES, decode_request, encode_refusal
from ctaclient.errors import AgentError, CtaError, UnsafePath

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient._util.clock import Clock
    from ctaclient.control.messages import Request

_log = logging.getLogger(__name__)

_SILENCE_S = 5.0
_PAUSE_S = 0.2
_LAST_WORDS_S = 1.0
_MAX_CONNECTIONS = 128


class Listener:
    """Listens at `path`; `answer` is called in a thread of each connection and returns the line to send."""

    def __init__(self, path: Path, answer: Callable[[Request], bytes], clock: Clock) -> None:
        self._path = path
        self._answer = answer
        self._clock = clock
        self._slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self._threads: list[threading.Thread] = []
        self._socket, self._inode = _bind(path)

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def accept(self) -> None:
        """Take one connection and serve it in the background; hardly blocks."""
        try:
            connection, _ = self._socket.accept()
        except BlockingIOError:
            return  # it went away again
        except OSError as error:
            _log.warning("no connection can be taken: %s", error.strerror)  # out of descriptors
            self._clock.sleep(_PAUSE_S)
            return
        if not self._slots.acquire(blocking=False):
            connection.close()
            return
        thread = threading.Thread(target=self._serve, args=(connection,), name="control", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the user's limit of processes
            _log.warning("no connection can be served: %s", error)
            connection.close()
            self._slots.release()
            return
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]

    def keep(self) -> None:
        """Listen anew when the socket was cleared away: systemd empties the runtime directory at the last logout.

        Where its directory cannot be looked at or made now, the next call tries again.
        """
        try:
            if os.lstat(self._path).st_ino == self._inode:
                return
        except FileNotFoundError:
            pass
        except OSError as error:  # an expired Kerberos ticket
            _log.debug("the control socket cannot be looked at: %s", error)
            return
        try:
            renewed, inode = _bind(self._path)
        except (OSError, CtaError) as error:
            _log.debug("no control socket: %s", error)
            return
        self._socket.close()
        self._socket, self._inode = renewed, inode

    def refuse(self) -> None:
        """Take no more connections. The socket's name stays until `close`: who waits for our end waits for that."""
        self._socket.close()

    def close(self) -> None:
        """Stop listening and remove the socket, unless another agent has put its own there."""
        self._socket.close()
        with contextlib.suppress(OSError):
            if os.lstat(self._path).st_ino == self._inode:
                os.unlink(self._path)

    def finish(self) -> None:
        """Let those who were answered hear it: who said `stop` must not take the agent's end for a failure."""
        deadline = self._clock.monotonic() + _LAST_WORDS_S
        for thread in self._threads:
            thread.join(max(deadline - self._clock.monotonic(), 0.0))

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                check_peer(connection)
                line = self._read_line(connection)
                if not line:
                    return
                answer = self._answer_to(line)
                connection.settimeout(_SILENCE_S)
                connection.sendall(answer)
        except (OSError, CtaError) as error:
            _log.debug("control connection ended: %s", error)
        finally:
            self._slots.release()

    def _answer_to(self, line: bytes) -> bytes:
        """The answer, or a refusal that says why there is none."""
        try:
            return self._answer(decode_request(line))
        except CtaError as error:
            return encode_refusal(error)
        except OSError as error:
            _log.warning("a request cannot be answered: %s", error)
            where = f"{error.filename}: " if error.filename else ""
            return encode_refusal(AgentError(printable(f"the agent cannot answer: {where}{error.strerror or error}")))
        except Exception as error:  # noqa: BLE001 - who asked must hear that it failed, not that the agent ended
            _log.exception("a request cannot be answered")
            why = f"the agent cannot answer: {type(error).__name__}"
            return encode_refusal(AgentError(why, hint="ctaclient agent logs"))

    def _read_line(self, connection: socket.socket) -> bytes:
        """One line, however slowly it drips in, within one limit of time and size."""
        deadline = self._clock.monotonic() + _SILENCE_S
        line = bytearray()
        while not line.endswith(b"\n") and len(line) <= MAX_BYTES:
            connection.settimeout(max(deadline - self._clock.monotonic(), 0.001))
            part = connection.recv(MAX_BYTES)
            if not part:
                break
            line += part
        return bytes(line)


def _bind(path: Path) -> tuple[socket.socket, int]:
    ensure_private_dir(path.parent)
    listener = new_socket()
    try:
        with socket_address(path) as address:
            if os.path.lexists(path):
                if not stat.S_ISSOCK(os.lstat(path).st_mode):
                    raise UnsafePath(f"{path} is not a socket", hint=command("rm", "-r", path))
                with new_socket() as probe:
                    probe.settimeout(_SILENCE_S)
                    # Only a refusal proves that nobody listens; a full backlog does not.
                    if probe.connect_ex(address) not in (errno.ECONNREFUSED, errno.EPROTOTYPE):
                        raise AgentError(
                            f"an agent of another store listens at {path}", hint="stop it with its own CTACLIENT_HOME"
                        )
                os.unlink(path)  # of an agent that was killed: we hold the store's lock
            listener.bind(address)
        os.chmod(path, 0o600)
        listener.listen(_MAX_CONNECTIONS)
        listener.settimeout(0)
        return listener, os.lstat(path).st_ino
    except BaseException:
        listener.close()
        raise
