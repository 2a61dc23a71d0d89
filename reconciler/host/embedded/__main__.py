"""The process: information and refusals first, then signals, then the engine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Sequence

from reconciler.host.embedded.arguments import ArgumentWrong, asked_for, parse
from reconciler.host.embedded.helptexts import help_text
from reconciler.host.embedded.signals import exit_cleanly_on_signals

NOT_IMPORTED = "Cannot import the extension xllamacpp"


def main(argv: Sequence[str]) -> int:
    if asked := asked_for(argv):
        return _inform(asked)
    try:
        settings = parse(argv)
    except ArgumentWrong as failure:
        return _refuse(str(failure))
    exit_cleanly_on_signals()
    try:
        from reconciler.host.embedded.engine import EngineFailed, serve
    except ImportError as error:
        return _refuse(f"{NOT_IMPORTED}: {error}")
    try:
        serve(settings, os.environ)
    except EngineFailed as failure:
        # The extension writes its log from a thread of its own; our line is to be the last.
        time.sleep(0.05)
        return _refuse(str(failure))
    return 0


def _inform(asked: str) -> int:
    if asked == "--help":
        _say(help_text())
    elif asked == "--version":
        _say(f"version: xllamacpp {_version()}\nbuilt for {platform.system()} {platform.machine()}")
    else:
        try:
            from reconciler.host.embedded.engine import device_lines
        except ImportError as error:
            return _refuse(f"{NOT_IMPORTED}: {error}")
        _say("\n".join(device_lines()))
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _version() -> str:
    try:
        return importlib.metadata.version("xllamacpp")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _refuse(message: str) -> int:
    sys.stderr.write(f"error: {message}\n")
    return 1


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # The extension's threads may still run; its static destructors would race with them.
    os._exit(status)
