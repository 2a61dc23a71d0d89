"""From exceptions to exit codes: the last frame of every command, where a failure becomes two lines of text."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from reconciler.cli import exit_codes
from reconciler.cli.terminals import ink_for, printable
from reconciler.errors import ReconcilerError

TRACEBACK = "RECONCILER_TRACEBACK"


def told(command: Callable[[list[str]], int], argv: list[str]) -> int:
    """The exit code of `command`; whatever it raises is told on stderr."""
    try:
        _prepare_streams()
        code = command(argv)
        # Here, because the interpreter's own flush at exit could not be caught.
        sys.stdout.flush()
    except BrokenPipeError:
        code = exit_codes.FAILED
    except KeyboardInterrupt:
        code = _interrupted()
    except ReconcilerError as failure:
        code = _tell(_message(failure), failure.next_step, failure.exit_code)
    except OSError as failure:
        code = _tell(_os_message(failure), "", exit_codes.FAILED)
    except Exception as failure:  # noqa: BLE001 - nobody is left to handle it
        code = _interrupted() if _comes_of_ctrl_c(failure) else _bug(failure)
    _flush_or_forget()
    return code


def _bug(failure: Exception) -> int:
    next_step = f"this is a bug; {TRACEBACK}=1 shows where it happened, for a report"
    return _tell(f"Cannot go on: {type(failure).__name__}: {failure}", next_step, exit_codes.FAILED)


def _interrupted() -> int:
    end_echoed_line()
    return _tell("interrupted", "", exit_codes.INTERRUPTED)


def _comes_of_ctrl_c(failure: BaseException) -> bool:
    """During imports Python 3.11 wraps what interrupts the making of a class in an error of its own."""
    cause: BaseException | None = failure
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__
    return cause is not None


def end_echoed_line() -> None:
    """A terminal has written ^C, or a prompt is still open: what follows begins a line of its own."""
    if sys.stderr.isatty():
        print(file=sys.stderr)


def _prepare_streams() -> None:
    """Closed streams are empty ones, and a name that no encoding can express is printed with escapes."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - for as long as we run
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


def _flush_or_forget() -> None:
    """Whoever read us has gone, or the disk is full: what is still buffered must not fail again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _message(failure: ReconcilerError) -> str:
    reason = getattr(failure, "reason", "")
    return f"{reason}: {failure.message}" if reason else failure.message


def _os_message(failure: OSError) -> str:
    reason = failure.strerror or str(failure)
    return f"Cannot use {failure.filename}: {reason}" if failure.filename else f"Cannot go on: {reason}"


def _tell(message: str, next_step: str, code: int) -> int:
    ink = ink_for(sys.stderr)
    lines = [f"{ink.red('reconciler:')} {printable(message)}"]
    lines += [f"  {printable(line)}" for line in next_step.splitlines()]
    print(*lines, sep="\n", file=sys.stderr)
    if os.environ.get(TRACEBACK) == "1":
        traceback.print_exc()
    return code
