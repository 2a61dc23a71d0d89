"""The real command, as people and scripts run it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "reconciler")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ran:
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


def reconciler(
    *words: str | Path, stdin: str | bytes = "", env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Ran:
    """Runs to its end, with pipes for everything."""
    ran = subprocess.run(
        [*COMMAND, *map(str, words)],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        env=environment(env),
        cwd=cwd or ROOT,
        timeout=60,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode())


def on_terminal(*words: str | Path, env: Mapping[str, str] | None = None) -> str:
    """Everything that a terminal would show."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *map(str, words)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(env),
        cwd=ROOT,
    )
    os.close(theirs)
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as screen:
        try:
            while piece := screen.read(4096):
                shown += piece
        except OSError:
            pass  # Linux's way to say that the last writer has closed it
    process.wait(timeout=60)
    return shown.decode()


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", **(more or {})}
