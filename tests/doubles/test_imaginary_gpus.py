"""The real llama-server sees, shares, fills and gives back imaginary GPUs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.fakes import compiled, gpus
from tests.fakes.compiled import NativeDouble
from tests.fakes.engines import serving, started
from tests.fakes.gpus import MIB, ImaginaryGpus

Imagine = Callable[..., ImaginaryGpus]
CACHE_OF_64_MIB = ("-c", "131072", "-np", "1", "-ub", "64")  # 512 bytes a token


def _list_devices(llama_server: Path, env: dict[str, str]) -> list[str]:
    result = subprocess.run(
        [llama_server, "--list-devices"], env=env, capture_output=True, text=True, check=True
    )
    return [line.strip() for line in result.stdout.splitlines()[1:]]


def _on(gpu_names: Sequence[str], model: Path) -> tuple[str, ...]:
    return ("-m", str(model), "-dev", ",".join(gpu_names), "-ngl", "99")


def test_the_engine_lists_the_declared_devices(llama_server: Path, imaginary_gpus: Imagine) -> None:
    world = imaginary_gpus([24576, 12288], prefix="CUDA")

    assert ("CUDA0", "CUDA1") == world.names
    assert [
        "CUDA0: Imaginary GPU 24576 MiB (24576 MiB, 24576 MiB free)",
        "CUDA1: Imaginary GPU 12288 MiB (12288 MiB, 12288 MiB free)",
    ] == _list_devices(llama_server, world.env)


def test_a_model_on_two_devices_answers_and_is_in_the_ledger(
    llama_server: Path, tiny_chat: Path, imaginary_gpus: Imagine, tmp_path: Path
) -> None:
    world = imaginary_gpus([600, 400])
    options = (*_on(world.names, tiny_chat), "-c", "4096", "-ts", "1,1")

    with serving([llama_server], *options, log=tmp_path / "gpu", env=world.env) as engine:
        answer = engine.chat().body["choices"][0]["message"]["content"]
        held = world.used()
        pid = engine.process.pid
    with serving([llama_server], "-m", str(tiny_chat), log=tmp_path / "cpu") as engine:
        expected = engine.chat().body["choices"][0]["message"]["content"]

    assert expected == answer
    assert {0: {pid}, 1: {pid}} == {device: set(pids) for device, pids in held.items()}
    assert {} == world.used()


def test_processes_share_a_device_and_the_one_too_many_runs_out_of_memory(
    llama_server: Path, tiny_chat: Path, imaginary_gpus: Imagine, tmp_path: Path
) -> None:
    world = imaginary_gpus([700], context_mib=10)
    options = (*_on(world.names, tiny_chat), *CACHE_OF_64_MIB)

    with serving([llama_server], *options, log=tmp_path / "first", env=world.env) as first:
        alone = world.used()[0][first.process.pid]
        (line,) = _list_devices(llama_server, world.env)
        assert f"{700 - alone // MIB - 1} MiB free" in line
        world.occupy(0, 700 - alone // MIB - 50)
        with started([llama_server], *options, log=tmp_path / "second", env=world.env) as second:
            assert 1 == second.process.wait(30)
        world.occupy(0, 0)
        with serving([llama_server], *options, log=tmp_path / "third", env=world.env) as third:
            assert {first.process.pid, third.process.pid} == world.used()[0].keys()

    assert alone > 64 * MIB
    assert "cudaMalloc failed: out of memory" in (tmp_path / "second").read_text()


def test_a_killed_process_gives_its_memory_back(
    llama_server: Path, tiny_chat: Path, imaginary_gpus: Imagine, tmp_path: Path
) -> None:
    world = imaginary_gpus([700])
    options = (*_on(world.names, tiny_chat), "-c", "4096")

    with serving([llama_server], *options, log=tmp_path / "log", env=world.env) as engine:
        assert world.used()
        engine.process.send_signal(signal.SIGKILL)
        # Not waited for yet: a zombie holds nothing, as on a real card.
        eventually(lambda: not world.used())

        assert ["FAKE0: Imaginary GPU 700 MiB (700 MiB, 700 MiB free)"] == _list_devices(
            llama_server, world.env
        )


def test_foreign_memory_counts_while_its_process_lives(imaginary_gpus: Imagine) -> None:
    world = imaginary_gpus([100, 100])

    with subprocess.Popen(["sleep", "60"]) as foreign:
        world.occupy(1, 30, pid=foreign.pid)
        world.occupy(1, 5)
        held = world.used()
        foreign.kill()

    assert {1: {foreign.pid: 30 * MIB, os.getpid(): 5 * MIB}} == held
    assert {1: {os.getpid(): 5 * MIB}} == world.used()


def test_the_shipped_build_is_of_these_sources_and_works(
    llama_server: Path, imaginary_gpus: Imagine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "which", lambda _: None)
        world = imaginary_gpus([100])

    assert gpus.BACKEND.prebuilt_hash.read_text().strip() == gpus.BACKEND.sources_hash()
    assert str(gpus.BACKEND.prebuilt) == world.env["GGML_BACKEND_PATH"]
    assert ["FAKE0: Imaginary GPU 100 MiB (100 MiB, 100 MiB free)"] == _list_devices(llama_server, world.env)


def test_a_build_is_kept_by_the_content_of_its_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "CACHE", tmp_path / "cache")
    source = tmp_path / "some.c"
    double = NativeDouble(sources=(source,), library="some.so", compilers=("cc",), flags=("-shared", "-fPIC"))
    compiler = shutil.which("cc")
    if compiler is None:
        return  # nothing is built on this machine

    builds = []
    for text in ("int one;", "int two;", "int one;"):
        source.write_text(text)
        builds.append(double.build(compiler))

    assert builds[0] == builds[2] != builds[1]
