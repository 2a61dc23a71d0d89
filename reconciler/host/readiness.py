"""From a process that `processes` started to an engine that serves: asks `/health` until it says 200.

Whoever got the port first may answer instead of the engine, and anything: each question has a time limit as a whole,
and of an answer only the first line is read.
"""

from __future__ import annotations

import re
import socket
import time

from reconciler.errors import StartFailed
from reconciler.host.processes import Started, ending, identity_of

FIRST_PAUSE = 0.005
LONGEST_PAUSE = 0.25
ANSWER_WITHIN = 1.0

READY = "/health says 200"
NOBODY = "nobody listens"
NO_ANSWER = "what listens does not answer /health"

_LONGEST_LINE = 1024
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")


def wait_ready(started: Started, *, port: int, within: float, host: str = "127.0.0.1") -> float:
    """Seconds until `/health` said 200. Raises StartFailed where the process ends or the time is over before."""
    begun = time.monotonic()
    pause = FIRST_PAUSE
    while True:
        health = _health(host, port)
        program = started.launch.argv[0]
        next_step = f"read {started.launch.log_path}"
        if identity_of(started.pid) != started.identity:
            raise StartFailed("ExitedEarly", f"{program} {ending(started)}", next_step=next_step)
        elapsed = time.monotonic() - begun
        if health == READY:
            return elapsed
        if elapsed > within:
            message = f"{program} was not ready within {within:g} s: {health}"
            raise StartFailed("NotReadyInTime", message, next_step=next_step)
        time.sleep(min(pause, max(within - elapsed, FIRST_PAUSE)))
        pause = min(pause * 1.3, LONGEST_PAUSE)


def _health(host: str, port: int) -> str:
    """What `/health` says, or what happened instead."""
    deadline = time.monotonic() + ANSWER_WITHIN
    try:
        connection = socket.create_connection((host, port), timeout=ANSWER_WITHIN)
    except OSError:
        return NOBODY
    with connection:
        try:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            found = _STATUS.match(_first_line(connection, deadline))
        except OSError:
            return NO_ANSWER
    return f"/health says {found[1].decode()}" if found else NO_ANSWER


def _first_line(connection: socket.socket, deadline: float) -> bytes:
    line = b""
    while b"\n" not in line and len(line) < _LONGEST_LINE:
        # A time limit of 0 would mean none at all.
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        if not (piece := connection.recv(_LONGEST_LINE)):
            break
        line += piece
        if time.monotonic() > deadline:
            raise TimeoutError
    return line
