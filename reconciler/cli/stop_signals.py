"""Signals that end a command which runs until it is told to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked for the end. Like KeyboardInterrupt it passes whatever handles ordinary failures."""


class StopSignals:
    """While it is entered, the first signal raises Stopped where the program is; later ones do nothing."""

    def __init__(self) -> None:
        self._held = False
        self._asked = False

    def __enter__(self) -> Self:
        for number in SIGNALS:
            # Under nohup the end of the terminal is meant to change nothing.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The process ends soon; a late signal must not break the cleaning up that follows.
        self.ignore()

    def ignore(self) -> None:
        """From here on nothing interrupts."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    @contextmanager
    def held(self) -> Iterator[None]:
        """No interruption inside: what is made there would get lost before the variable that remembers it is set."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._asked:
            raise Stopped

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the form that signal wants
        if self._asked:
            return
        self._asked = True
        if not self._held:
            raise Stopped
