"""Command lines, byte for byte: what fields and options become on a build of llama.cpp and on a fork.

`golden/<name>.<build>.txt` holds one word of argv in each line; the tree's directory is written as TREE. After a change
that is meant, `RECONCILER_WRITE_GOLDENS=1 pytest tests/control/test_goldens.py` writes them anew, to be reviewed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.manifest_trees import ManifestTree
from tests.fakes.scripted import DATA, IK_LLAMA

GOLDEN = Path(__file__).parent / "golden"
WRITE = os.environ.get("RECONCILER_WRITE_GOLDENS") == "1"
CUDA = {"devices_file": str(DATA / "list_devices_cuda.txt")}
BUILDS: dict[str, dict[str, Any]] = {"b11434": CUDA, "ik_llama": {**IK_LLAMA, **CUDA}, "cpu": {}}

DEPLOYMENTS: dict[str, dict[str, Any]] = {
    "smallest": {},
    "two-gpus": {
        "placement": {
            "gpus": ["gpu1", "gpu0"],
            "tensorSplit": [0.55, 0.45],
            "splitMode": "layer",
            "mainGpu": "gpu1",
            "gpuLayers": 30,
            "overrideTensors": ["blk\\.(1[0-9])\\.ffn_.*_exps\\.=CPU"],
            "memory": {"vram": "7Gi"},
        },
    },
    "context": {
        "context": {
            "size": 16384,
            "parallel": 2,
            "kvUnified": False,
            "kvType": {"k": "q8_0", "v": "q8_0"},
            "flashAttention": "on",
            "promptCache": "256Mi",
            "batch": 1024,
            "ubatch": 256,
        },
    },
    "files": {
        "model": {
            "draft": {"path": "draft.gguf", "gpuLayers": "all"},
            "loras": [{"path": "style.gguf"}, {"path": "tone.gguf", "scale": 0.25}],
        },
        "args": {"grammar-file": "x.gbnf", "chat-template-file": "x.jinja"},
    },
    "embedding": {"model": {"path": "embedding.gguf"}},
    "rerank": {"model": {"path": "rerank.gguf"}},
    "options": {
        "args": {
            "reasoning_format": "none",
            "jinja": False,
            "n_cpu_moe": 4,
            "rope-scaling": "yarn",
            "cb": True,
        },
        "extraArgs": ["--top-k", "20", "-r", "a, b", "-r", "User:"],
    },
}


@pytest.fixture
def tree(tmp_path: Path) -> ManifestTree:
    made = ManifestTree(tmp_path)
    made.host()
    for name, kind in (
        ("chat", "chat"),
        ("draft", "chat"),
        ("embedding", "embedding"),
        ("rerank", "rerank"),
        ("style", "lora"),
        ("tone", "lora"),
    ):
        made.model(f"{name}.gguf", kind)
    (made.models / "x.gbnf").write_text("root ::= x")
    (made.models / "x.jinja").write_text("{{ x }}")
    return made


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_command_line_is_this_one_to_the_byte(tree: ManifestTree, name: str, build: str) -> None:
    tree.scripted(BUILDS[build])
    tree.deployment(**DEPLOYMENTS[name])
    golden = GOLDEN / f"{name}.{build}.txt"

    errors = [line for line in tree.told() if ": warning: " not in line]
    words = [word.replace(str(tree.folder), "TREE") for word in tree.command()]
    text = "".join(f"{line}\n" for line in (errors or words)).replace(".bin/llama-server/", "")
    if WRITE:
        golden.write_text(text)

    assert golden.read_text() == text
    assert tree.command() == tree.command()


def test_every_golden_belongs_to_a_deployment() -> None:
    wanted = {f"{name}.{build}.txt" for name in DEPLOYMENTS for build in BUILDS}

    assert wanted == {path.name for path in GOLDEN.iterdir()}
