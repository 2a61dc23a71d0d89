"""Two hundred starts and stops of a real engine: what it took is given back, and so is what we took for it."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.fakes.manifest_trees import ManifestTree

CYCLES = 200


def below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.soak
@pytest.mark.usefixtures("llama_server")
def test_two_hundred_starts_and_stops_leave_nothing(
    llama_server: Path, tmp_path: Path, own_environment: Path
) -> None:
    """Descriptors, threads, children and files are as many after the last cycle as after the first."""
    tree = ManifestTree(tmp_path)
    tree.model("chat.gguf")
    tree.host()
    tree.runtime("llama-server", llama_server)
    tree.deployment()
    ourselves = psutil.Process()

    def cycle() -> tuple[int, str]:
        with tree.serving() as running:
            return running.chat().status, running.ask("/props").body["model_alias"]

    def held() -> tuple[int, int, list[psutil.Process], set[Path], set[Path]]:
        children = ourselves.children(recursive=True)
        return ourselves.num_fds(), ourselves.num_threads(), children, below(own_environment), below(tmp_path)

    answers = [cycle()]
    after_the_first = held()
    answers += [cycle() for _ in range(CYCLES - 1)]

    assert {(200, "chat")} == set(answers)
    assert after_the_first == held()
