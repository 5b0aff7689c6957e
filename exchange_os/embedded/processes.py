"""Starting and stopping programs so that none outlives the one who started it."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from exchange_os.embedded.accounts import Account

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _tether(death_signal: int, parent: int) -> Callable[[], None]:
    """A function for the new process: ask the system to send it ``death_signal`` when its parent is gone."""

    def ask() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return ask


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
    death_signal: int = signal.SIGKILL,
) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own, its output appended to the file ``log``.

    A session of its own keeps Ctrl-C in the terminal for the supervisor, which stops the rest in order. If this
    process dies, the program receives ``death_signal`` (Linux). With ``account`` the program runs as that user.
    Raises OSError if the program cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_tether(death_signal, os.getpid()),
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
        )


def stop(
    process: "subprocess.Popen[bytes]", *, polite: int = signal.SIGTERM, timeout_seconds: float = 15.0
) -> int:
    """Ask a program to end with the signal ``polite``; after ``timeout_seconds`` end its whole group by force.

    Returns the exit code. A program that has already ended is not signalled.
    """
    if process.poll() is None:
        process.send_signal(polite)
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            signal_group(process.pid, signal.SIGKILL)
    code = process.wait()
    signal_group(process.pid, signal.SIGKILL)
    return code


def signal_group(leader_pid: int, number: int) -> None:
    """Send a signal to every process of the group that ``leader_pid`` founded; a group that is gone is fine."""
    try:
        os.killpg(leader_pid, number)
    except (ProcessLookupError, PermissionError):
        return


def is_running(pid: int) -> bool:
    """Whether a process with this id exists, of whatever user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def wait_until_gone(pid: int, timeout_seconds: float) -> bool:
    """Wait until the process ``pid``, which need not be ours, has ended; False if it is there after the timeout."""
    deadline = time.monotonic() + timeout_seconds
    while is_running(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on ``host:port`` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None) -> int:
    """A free loopback port: ``preferred`` if it is free, else one that the system picks."""
    if preferred is not None and port_is_free(preferred):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def last_lines(log: Path, count: int = 8) -> str:
    """The last lines of a log file, for a message about its program; an empty text if there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
