"""Installs the scripted llama-server as an executable, and reads back what it has recorded."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"
# A fork with other options, in the older layout of --help; it names no environment twins and no cache types.
IK_LLAMA = {
    "help_file": str(DATA / "help_ik_llama.txt"),
    "version": "version: 4250 (0a1b2c3d)\nbuilt with cc (Debian 12.2.0-14) 12.2.0 for x86_64-linux-gnu\n",
}
# No site-packages and no user settings: a quick start, and the same behaviour in a scrubbed environment.
LAUNCHER = """#!{python} -IS
import os, sys
sys.path.append({root!r})
from tests.fakes.llama_server import main
main(os.path.abspath(sys.argv[0]), sys.argv[1:])
"""


@dataclass(frozen=True, slots=True)
class ScriptedServer:
    """An installed double; `path` goes where a llama-server's path would."""

    path: Path

    def play(self, *scripts: dict[str, Any]) -> None:
        """The script of every start from now on; several belong to the starts in order, the last one repeats."""
        beside(self.path, "script.json").write_text(json.dumps(scripts))

    def starts(self) -> list[dict[str, Any]]:
        """argv, env, cwd, pid, ppid, pgid, sid, umask, fds and stdin of each start that is no probe."""
        return [line for line in _lines(beside(self.path, "record.jsonl")) if not line["probe"]]

    def probes(self) -> list[dict[str, Any]]:
        """The same for --help, --version and --list-devices."""
        return [line for line in _lines(beside(self.path, "record.jsonl")) if line["probe"]]

    def requests(self) -> list[dict[str, Any]]:
        """method, path, headers and body of each request."""
        return [line for line in _lines(beside(self.path, "events.jsonl")) if "method" in line]

    def signals(self) -> list[str]:
        """Names of the signals that it noticed."""
        return [line["signal"] for line in _lines(beside(self.path, "events.jsonl")) if "signal" in line]


def install(folder: Path, *scripts: dict[str, Any], name: str = "llama-server") -> ScriptedServer:
    """A llama-server in `folder`; `tests/fakes/llama_server.py` lists what a script may say."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.absolute() / name
    path.write_text(LAUNCHER.format(python=sys.executable, root=str(ROOT)))
    path.chmod(0o755)
    server = ScriptedServer(path)
    server.play(*(scripts or ({},)))
    return server


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}.{suffix}")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
