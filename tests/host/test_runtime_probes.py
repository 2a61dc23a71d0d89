from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from reconciler.host.runtime_probes import OUTPUT_LIMIT, ProbeFailed, Texts, ask, texts
from tests.eventually import eventually
from tests.fakes import scripted

ENVIRONMENT = {"PATH": os.defpath}


def shell(text: str) -> list[str]:
    return ["/bin/sh", "-c", text]


def test_both_outputs_and_the_status_are_kept_apart(tmp_path: Path) -> None:
    answer = ask(shell("echo out; echo err >&2; exit 3"), environment=ENVIRONMENT, folder=tmp_path)

    assert (answer.status, answer.stdout, answer.stderr) == (3, "out\n", "err\n")
    assert answer.last_line() == "err"


def test_the_probe_sees_the_given_environment_and_an_empty_input(tmp_path: Path) -> None:
    answer = ask(shell("cat; pwd; env"), environment={**ENVIRONMENT, "ONLY": "this"}, folder=tmp_path)

    lines = answer.stdout.splitlines()
    assert lines[0] == str(tmp_path)
    assert {line.partition("=")[0] for line in lines[1:]} <= {"PATH", "ONLY", "PWD", "OLDPWD", "SHLVL", "_"}


def test_a_binary_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    begun = time.monotonic()

    with pytest.raises(ProbeFailed, match=r"did not end within 0\.3 s"):
        ask(
            shell(f"sleep 60 & echo $! > {mark}; wait"),
            environment=ENVIRONMENT,
            folder=tmp_path,
            time_limit=0.3,
        )

    assert time.monotonic() - begun < 5
    child = int(mark.read_text())
    assert eventually(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie")


def test_what_a_binary_leaves_running_neither_delays_nor_survives_it(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    begun = time.monotonic()

    answer = ask(shell(f"sleep 60 & echo $! > {mark}; echo help"), environment=ENVIRONMENT, folder=tmp_path)

    assert answer.stdout == "help\n"
    assert time.monotonic() - begun < 5
    child = int(mark.read_text())
    assert eventually(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie")


def test_a_binary_that_floods_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(ProbeFailed, match=f"printed more than {OUTPUT_LIMIT >> 20} MiB"):
        ask(["/usr/bin/yes"], environment=ENVIRONMENT, folder=tmp_path)


def test_a_binary_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ProbeFailed, match="Cannot run /nonexistent --help: No such file"):
        ask(["/nonexistent", "--help"], environment=ENVIRONMENT, folder=tmp_path)


def probe(server: scripted.ScriptedServer, folder: Path, **environment: str) -> Texts:
    return texts(
        [str(server.path)],
        [server.path],
        environment={**ENVIRONMENT, **environment},
        folder=folder,
        cache=folder / "runtimes",
    )


def test_a_binary_is_asked_once_for_as_long_as_it_is_the_same(tmp_path: Path) -> None:
    server = scripted.install(tmp_path / "bin")

    first = probe(server, tmp_path)
    again = probe(server, tmp_path)

    assert first == again
    assert first.version == "0.6.0-dev (build 0, commit unknown)"
    assert "--ctx-size" in first.help
    assert len(server.probes()) == 2
    os.utime(server.path, ns=(1, 1))
    probe(server, tmp_path)
    assert len(server.probes()) == 2, "the same content under another time"
    server.path.write_text(server.path.read_text() + "\n# another build\n")
    probe(server, tmp_path)
    assert len(server.probes()) == 4


def test_another_environment_is_another_binary(tmp_path: Path) -> None:
    server = scripted.install(tmp_path / "bin")

    probe(server, tmp_path)
    probe(server, tmp_path, LD_LIBRARY_PATH="/opt/lib")

    assert len(server.probes()) == 4


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 1, "help": []}', b"\xff\xfe"])
def test_a_damaged_record_is_written_anew(tmp_path: Path, content: bytes) -> None:
    server = scripted.install(tmp_path / "bin")
    first = probe(server, tmp_path)
    (record,) = (tmp_path / "runtimes").iterdir()
    record.write_bytes(content)

    assert probe(server, tmp_path) == first
    assert probe(server, tmp_path) == first
    assert len(server.probes()) == 4


def test_a_state_directory_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    server = scripted.install(tmp_path / "bin")
    (tmp_path / "runtimes").write_text("a file where the folder should be")

    assert "--ctx-size" in probe(server, tmp_path).help
