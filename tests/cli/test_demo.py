from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.cli.running import COMMAND, ROOT, environment, reconciler
from tests.eventually import eventually


@dataclass(frozen=True)
class Demo:
    """A demo that runs, what it printed, and the directory that its own lie in."""

    process: subprocess.Popen[bytes]
    printed: str
    temporary: Path

    @property
    def engine(self) -> psutil.Process:
        (engine,) = psutil.Process(self.process.pid).children()
        return engine

    @property
    def curls(self) -> list[list[str]]:
        return [shlex.split(line) for line in self.printed.splitlines() if line.startswith("curl ")]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    temporary, out = tmp_path / "tmp", tmp_path / "out"
    temporary.mkdir()
    with out.open("wb") as file:
        process = subprocess.Popen(
            [*COMMAND, "demo"],
            stdout=file,
            stderr=file,
            env=environment({"TMPDIR": str(temporary)}),
            cwd=ROOT,
        )
    try:
        eventually(lambda: "Ctrl-C ends it." in out.read_text(), within=30)
        yield Demo(process, out.read_text(), temporary)
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_once_prints_an_answer_and_leaves_nothing(tmp_path: Path, own_environment: Path) -> None:
    before = set(own_environment.rglob("*"))

    ran = reconciler("demo", "--once", env={"TMPDIR": str(tmp_path)})

    assert (0, "") == (ran.code, ran.stderr)
    assert len(ran.stdout.split()) > 2
    assert [] == list(tmp_path.iterdir())
    assert before == set(own_environment.rglob("*"))


def test_once_takes_the_llama_server_of_the_machine(llama_server: Path) -> None:
    ran = reconciler(
        "demo", "--once", "--runtime", "llama-server", env={"PATH": f"{llama_server.parent}:/usr/bin:/bin"}
    )

    assert 0 == ran.code
    assert len(ran.stdout.split()) > 2


def test_every_printed_curl_line_works_as_printed(demo: Demo) -> None:
    answers = [
        json.loads(subprocess.run(words, capture_output=True, check=True).stdout) for words in demo.curls
    ]

    openai, anthropic = answers
    assert openai["choices"][0]["message"]["content"].strip()
    assert anthropic["content"][0]["text"].strip()


def test_nobody_without_the_key_gets_an_answer(demo: Demo) -> None:
    words = [re.sub(r"Bearer .*", "Bearer wrong", word) for word in demo.curls[0]]

    answer = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)

    assert 401 == answer["error"]["code"]


def test_the_key_is_on_no_command_line(demo: Demo) -> None:
    key = next(word for word in demo.curls[0] if "Bearer" in word).split()[-1]

    assert key not in " ".join(demo.engine.cmdline())


def test_the_welcome_says_what_is_not_there(demo: Demo) -> None:
    assert "Ollama's API comes with the gateway, which this demo does not start" in demo.printed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_any_signal_stops_everything_and_is_the_normal_end(demo: Demo, number: signal.Signals) -> None:
    engine = demo.engine

    demo.process.send_signal(number)

    assert 0 == demo.process.wait(timeout=30)
    assert not engine.is_running()
    assert [] == list(demo.temporary.iterdir())


def test_a_second_signal_does_not_cut_the_end_short(demo: Demo) -> None:
    engine = demo.engine

    for _ in range(5):
        demo.process.send_signal(signal.SIGINT)

    assert 0 == demo.process.wait(timeout=30)
    assert not engine.is_running()
    assert [] == list(demo.temporary.iterdir())


def test_an_engine_that_ends_by_itself_is_a_failure(demo: Demo) -> None:
    demo.engine.kill()

    assert 1 == demo.process.wait(timeout=30)
    assert [] == list(demo.temporary.iterdir())


def test_a_port_that_is_taken_is_told_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = reconciler("demo", "--once", "--port", str(port))

    assert 1 == ran.code
    assert f"reconciler: Cannot use port {port}: Address already in use\n" in ran.stderr


def test_a_port_of_choice_is_used() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ran = reconciler("demo", "--once", "--port", str(port))

    assert 0 == ran.code


def test_a_runtime_that_is_not_here_is_told_with_what_to_do() -> None:
    ran = reconciler("demo", "--runtime", "llamafile", env={"PATH": "/nowhere"})

    assert 1 == ran.code
    assert "reconciler: RuntimeMissing: llamafile is not on PATH\n" in ran.stderr


def test_an_interruption_before_it_is_ready_ends_with_130(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "demo"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment({"TMPDIR": str(tmp_path)}),
        cwd=ROOT,
    )
    eventually(lambda: any(tmp_path.iterdir()), every=0.001)

    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)

    assert (130, "reconciler: interrupted; nothing is left behind\n") == (process.returncode, told)
    assert [] == list(tmp_path.iterdir())
