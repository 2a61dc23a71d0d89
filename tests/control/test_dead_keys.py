"""Row B4.15: no field is only decoration. Each one that is said to restart a model changes how it is started.

So do those that leave alone what runs and decide whether it may start again.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import ReconcilerError
from reconciler.spec.explanations import every_field
from tests.fakes.manifest_trees import ManifestTree
from tests.fakes.scripted import DATA, IK_LLAMA, install

KINDS = ("ModelDeployment", "Runtime", "Host", "ArgPolicy")
DEFAULTS = "Host.spec.defaults"
NEXT_START = (
    "ArgPolicy.metadata.name",
    "ArgPolicy.spec.",
    "Runtime.spec.argPolicy",
    "Runtime.spec.sha256",
    "Host.spec.argPolicy",
    "Host.spec.paths.allowed",
)

#: Fields that nothing of this issue uses, each with what will.
LATER = {
    "ModelDeployment.spec.schedules.context.size": "the schedule decides when a window is open",
    "ModelDeployment.spec.schedules.context.parallel": "the schedule decides when a window is open",
    "Host.spec.ports.range": "the controller takes the port of a start from it",
    "Host.metadata.name": "the owner of processes, which marks them",
}

#: What each field is changed to. A list of pairs changes several places at once.
CHANGES: dict[str, Any] = {
    "ModelDeployment.metadata.name": "other",
    "ModelDeployment.spec.model.path": "b.gguf",
    "ModelDeployment.spec.model.mmproj.path": "b.gguf",
    "ModelDeployment.spec.model.mmproj.offload": False,
    "ModelDeployment.spec.model.draft.path": "b.gguf",
    "ModelDeployment.spec.model.draft.gpuLayers": 3,
    "ModelDeployment.spec.model.draft.max": 5,
    "ModelDeployment.spec.model.loras": [{"path": "b.gguf"}],
    "ModelDeployment.spec.model.loras.path": [{"path": "b.gguf", "scale": 0.5}],
    "ModelDeployment.spec.model.loras.scale": [{"path": "a.gguf", "scale": 0.75}],
    "ModelDeployment.spec.runtime": "second",
    "ModelDeployment.spec.placement.gpus": ["gpu1", "gpu0"],
    "ModelDeployment.spec.placement.tensorSplit": [0.25, 0.75],
    "ModelDeployment.spec.placement.splitMode": "row",
    "ModelDeployment.spec.placement.mainGpu": "gpu1",
    "ModelDeployment.spec.placement.gpuLayers": 7,
    "ModelDeployment.spec.placement.overrideTensors": ["exps=CPU"],
    "ModelDeployment.spec.context.size": 2048,
    "ModelDeployment.spec.context.parallel": 2,
    "ModelDeployment.spec.context.kvUnified": False,
    "ModelDeployment.spec.context.kvType.k": "q8_0",
    "ModelDeployment.spec.context.kvType.v": "q8_0",
    "ModelDeployment.spec.context.flashAttention": "on",
    "ModelDeployment.spec.context.promptCache": "64Mi",
    "ModelDeployment.spec.context.batch": 1024,
    "ModelDeployment.spec.context.ubatch": 256,
    "ModelDeployment.spec.args": {"threads": 3},
    "ModelDeployment.spec.extraArgs": ["--keep", "9"],
    "ModelDeployment.spec.env": {"OMP_NUM_THREADS": "3"},
    "ModelDeployment.spec.secretEnv": {"HF_TOKEN": {"fromFile": "hf"}},
    "ModelDeployment.spec.secretEnv.fromFile": {"HF_TOKEN": {"fromFile": "hf"}},
    "ModelDeployment.spec.secretEnv.fromEnv": {"HF_TOKEN": {"fromEnv": "HOME"}},
    "ModelDeployment.spec.capabilities.embeddings": True,
    "ModelDeployment.spec.capabilities.rerank": True,
    "ModelDeployment.spec.port": 9099,
    "Runtime.metadata.name": "unused",
    "Runtime.spec.kind": "llamafile",
    "Runtime.spec.path": "SECOND",
    "Runtime.spec.sha256": "0" * 64,
    "Runtime.spec.args": {"threads": 3},
    "Runtime.spec.env": {"GGML_CUDA_FORCE_MMQ": "1"},
    "Runtime.spec.argPolicy": "strict",
    "ArgPolicy.metadata.name": "other",
    "ArgPolicy.spec.allow": ["keep"],
    "ArgPolicy.spec.deny": ["top-k"],
    "ArgPolicy.spec.passthrough": ["mla"],
    "ArgPolicy.spec.limits": {"top-k": {"max": 1}},
    "ArgPolicy.spec.limits.min": {"top-k": {"min": 30}},
    "ArgPolicy.spec.limits.max": {"top-k": {"max": 10}},
    "Host.spec.paths.models": "more",
    "Host.spec.paths.allowed": ["grammars"],
    "Host.spec.runtime": "second",
    "Host.spec.argPolicy": "strict",
    "Host.spec.gpuNames": {"big": "gpu1"},
}
#: What allows something that is refused without it.
ALLOWING = frozenset({"ArgPolicy.spec.passthrough", "Host.spec.paths.allowed", "Host.spec.gpuNames"})
#: What a field needs beside it to mean anything.
BESIDE: dict[str, dict[str, Any]] = {
    "ModelDeployment.spec.placement.tensorSplit": {"placement": {"gpus": ["gpu0", "gpu1"]}},
    "ModelDeployment.spec.placement.mainGpu": {"placement": {"gpus": ["gpu0", "gpu1"]}},
    "ModelDeployment.spec.placement.overrideTensors": {"placement": {"memory": {"vram": "1Gi"}}},
    "ModelDeployment.spec.model.mmproj.offload": {"model": {"mmproj": {"path": "a.gguf"}}},
    "ModelDeployment.spec.model.draft.gpuLayers": {"model": {"draft": {"path": "a.gguf"}}},
    "ModelDeployment.spec.model.draft.max": {"model": {"draft": {"path": "a.gguf"}}},
    "Runtime.metadata.name": {"runtime": "first"},
    "ArgPolicy.spec.passthrough": {"args": {"mla": 3}, "runtime": "fork"},
    "Host.spec.gpuNames": {"placement": {"gpus": ["big"]}},
    "Host.spec.paths.allowed": {"args": {"grammar-file": "grammars/x.gbnf"}},
}

Objects = dict[str, dict[str, Any]]


def deciding() -> list[str]:
    """Fields that decide how a deployment starts, or whether."""
    fields = [field for kind in KINDS for field in every_field(kind) if field.change]
    return [field.path for field in fields if field.change == "restart" or field.path.startswith(NEXT_START)]


def deployments_own(path: str) -> str:
    return path.replace(DEFAULTS, "ModelDeployment.spec")


@pytest.fixture
def tree(tmp_path: Path) -> ManifestTree:
    made = ManifestTree(tmp_path)
    for name in ("a.gguf", "b.gguf", "../more/a.gguf"):
        made.model(name)
    (tmp_path / "grammars").mkdir()
    (tmp_path / "grammars/x.gbnf").write_text("root ::= x")
    (tmp_path / "hf").write_text("hf-from-file\n")
    return made


def base(tree: ManifestTree, beside: dict[str, Any]) -> Objects:
    cuda = {"devices_file": str(DATA / "list_devices_cuda.txt")}
    first, second = (install(tree.folder / f".{name}", cuda) for name in ("first", "second"))
    spec = {"runtime": "first", "args": {}, "extraArgs": ["--top-k", "20"], **copy.deepcopy(beside)}
    spec["model"] = {"path": "a.gguf", **spec.get("model", {})}
    objects: Objects = {
        "ModelDeployment": {"metadata": {"name": "chat"}, "spec": spec},
        "Runtime": {"metadata": {"name": "first"}, "spec": {"kind": "llama-server", "path": str(first.path)}},
        "Second": {
            "metadata": {"name": "second"},
            "spec": {"kind": "llama-server", "path": str(second.path)},
        },
        "ArgPolicy": {"metadata": {"name": "homelab"}, "spec": {}},
        "Strict": {"metadata": {"name": "strict"}, "spec": {"deny": ["top-k"]}},
        "Host": {
            "metadata": {"name": "box"},
            "spec": {"paths": {"models": "models"}, "argPolicy": "homelab"},
        },
    }
    if spec["runtime"] == "fork":
        fork = install(tree.folder / ".fork", {**IK_LLAMA, **cuda})
        objects["Fork"] = {
            "metadata": {"name": "fork"},
            "spec": {"kind": "llama-server", "path": str(fork.path)},
        }
    return objects


def put(objects: Objects, path: str, value: Any) -> None:
    kind, *steps = path.split(".")
    if steps[-1] in {"min", "max", "fromFile", "fromEnv"} or (
        steps[-2:] in (["loras", "path"], ["loras", "scale"])
    ):
        steps.pop()  # the change is of the whole list or map
    place: dict[str, Any] = objects[kind]
    for step in steps[:-1]:
        place = place.setdefault(step, {})
    place[steps[-1]] = value


def outcome(tree: ManifestTree, objects: Objects) -> object:
    """How the deployment starts, or why it does not."""
    names = {"Second": "Runtime", "Fork": "Runtime", "Strict": "ArgPolicy"}
    for kind, one in objects.items():
        path = tree.add(names.get(kind, kind), "", one["spec"], file=f"{kind}.yaml")
        path.write_text(json.dumps({**json.loads(path.read_text()), "metadata": one["metadata"]}))
    reading = tree.read()
    if wrong := [str(one) for one in reading.diagnostics if one.is_error]:
        return wrong
    try:
        launch = tree.launch(objects["ModelDeployment"]["metadata"]["name"], reading=reading)
    except ReconcilerError as error:
        return str(error)
    return launch.argv, dict(launch.env)


def test_b4_15_every_field_is_tried_or_has_its_reason() -> None:
    fields = {deployments_own(path) for path in deciding()}

    assert set() == fields - CHANGES.keys() - LATER.keys()
    assert set() == (CHANGES.keys() | LATER.keys()) - fields


@pytest.mark.parametrize("path", [path for path in deciding() if deployments_own(path) not in LATER])
def test_b4_15_a_changed_field_changes_the_start(tree: ManifestTree, path: str) -> None:
    own = deployments_own(path)
    objects = base(tree, BESIDE.get(own, {}))
    if path in {"Host.spec.runtime", f"{DEFAULTS}.runtime"}:
        del objects["ModelDeployment"]["spec"]["runtime"]
        objects["Host"]["spec"]["runtime"] = "first"
    if path == f"{DEFAULTS}.extraArgs":
        del objects["ModelDeployment"]["spec"]["extraArgs"]
    before = outcome(tree, objects)
    value = str(tree.folder / ".second/llama-server") if CHANGES[own] == "SECOND" else CHANGES[own]
    put(objects, path, value)

    after = outcome(tree, objects)

    assert isinstance(before, tuple) or path in ALLOWING, before
    assert before != after
