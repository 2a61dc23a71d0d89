"""A tree of manifests, read, prepared and started for real: every engine, every kind of model, every way to say it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from reconciler.errors import StartFailed
from tests.cli.running import reconciler
from tests.fakes import gpus
from tests.fakes.llamafile import write_llamafile
from tests.fakes.manifest_trees import KEY, ManifestTree, Running, value_after


@pytest.fixture
def tree(tmp_path: Path) -> ManifestTree:
    made = ManifestTree(tmp_path)
    made.host()
    made.model("chat.gguf")
    return made


def argv(running: Running) -> list[str]:
    return list(running.launch.argv)


@pytest.mark.parametrize("kind", ["llama-server", "llamafile", "embedded"])
def test_a_deployment_answers_under_its_own_name_and_only_with_the_key(
    tree: ManifestTree, llama_server: Path, kind: str
) -> None:
    binary = {
        "llama-server": llama_server,
        "llamafile": write_llamafile(tree.folder / "x.llamafile", llama_server),
    }.get(kind)
    tree.runtime("engine", binary, kind=kind)
    tree.deployment("my-model", runtime="engine", context={"promptCache": "16Mi"})

    with tree.serving("my-model") as running:
        answered, refused = running.chat(), running.ask("/v1/chat/completions", {"messages": []}, key=None)
        wrong = running.ask("/props", key="not-the-key")
        command_line = psutil.Process(running.started.pid).cmdline()

    assert [] == tree.told()
    assert (200, 401, 401) == (answered.status, refused.status, wrong.status)
    assert "my-model" == answered.body["model"]
    assert KEY not in " ".join(command_line)
    assert KEY not in running.launch.log_path.read_text()


HOSTILE = {
    "LLAMA_ARG_TOOLS": "all",
    "LLAMA_ARG_AGENT": "1",
    "LLAMA_ARG_PORT": "1",
    "LLAMA_ARG_MODEL": "/etc/passwd",
    "LLAMA_API_KEY": "stolen",
    "LLAMA_OFFLINE": "0",
    "GGML_BACKEND_PATH": "/nonexistent.so",
    "LLAMA_CACHE": "/tmp/cache",
    "HF_TOKEN": "hf_parents",
    "HF_ENDPOINT": "http://127.0.0.1:9",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONPATH": "/nonexistent",
    "BASH_ENV": "/nonexistent",
}


@pytest.mark.parametrize("kind", ["llama-server", "llamafile", "embedded"])
def test_bx_3_a_child_gets_nothing_of_the_parents_second_command_line(
    tree: ManifestTree, llama_server: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LD_PRELOAD", "")
    planted = Path(os.environ["XDG_CONFIG_HOME"], "llama.cpp/config.ini")
    planted.parent.mkdir(parents=True)
    planted.write_text("tools = all\n")
    binary = {
        "llama-server": llama_server,
        "llamafile": write_llamafile(tree.folder / "x.llamafile", llama_server),
    }.get(kind)
    tree.runtime("engine", binary, kind=kind)
    tree.deployment(runtime="engine")

    with tree.serving() as running:
        seen = running.environment()
        tools, answered = running.ask("/tools", {}), running.chat()

    assert (403, 200) == (tools.status, answered.status)
    assert {"LLAMA_API_KEY"} == set(seen) & {*HOSTILE, "LD_PRELOAD"}
    assert KEY == seen["LLAMA_API_KEY"]


def test_bx_3_neither_a_deployment_nor_a_runtime_can_write_them(tree: ManifestTree) -> None:
    operators = {"GGML_BACKEND_PATH", "CUDA_VISIBLE_DEVICES", "LLAMA_OFFLINE"}
    beyond = [name for name in HOSTILE if name not in operators]
    tree.deployment(env={**HOSTILE, "LD_PRELOAD": "x", "LD_LIBRARY_PATH": "x", "HOME": "x"})
    tree.runtime(
        "engine", kind="embedded", env={**{name: HOSTILE[name] for name in beyond}, "LD_PRELOAD": "x"}
    )

    told = [line for line in tree.told() if ": warning: " not in line]

    assert len(HOSTILE) + 3 == sum("modeldeployment-chat.yaml" in line for line in told)
    assert len(beyond) + 1 == sum("runtime-engine.yaml" in line for line in told)


def test_an_adapter_is_loaded_at_its_scale(tree: ManifestTree, llama_server: Path) -> None:
    tree.model("style, fine.gguf", "lora")
    tree.runtime("llama-server", llama_server)
    loras = [{"path": "style, fine.gguf"}, {"path": "style, fine.gguf", "scale": 0.25}]
    tree.deployment(model={"loras": loras})

    with tree.serving() as running:
        adapters = running.ask("/lora-adapters").body

    assert [1.0, 0.25] == [adapter["scale"] for adapter in adapters]


def test_a_draft_model_speculates(tree: ManifestTree, llama_server: Path) -> None:
    tree.model("draft.gguf")
    tree.runtime("llama-server", llama_server)
    tree.deployment(model={"draft": {"path": "draft.gguf", "max": 3}})

    with tree.serving() as running:
        answered = running.ask("/completion", {"prompt": "the quick", "n_predict": 16, "temperature": 0})

    assert 200 == answered.status
    assert "3" == value_after(argv(running), "--spec-draft-n-max")
    assert answered.body["timings"].get("draft_n", 0) > 0


def test_an_embedding_model_is_known_by_its_file(tree: ManifestTree, llama_server: Path) -> None:
    tree.model("embed.gguf", "embedding")
    tree.runtime("llama-server", llama_server)
    tree.deployment(path="embed.gguf")

    with tree.serving() as running:
        answered = running.ask("/v1/embeddings", {"input": "hello"})

    assert 200 == answered.status
    assert answered.body["data"][0]["embedding"]


def test_a_reranker_is_known_by_its_file(tree: ManifestTree, llama_server: Path) -> None:
    tree.model("rank.gguf", "rerank")
    tree.runtime("llama-server", llama_server)
    tree.deployment(path="rank.gguf")

    with tree.serving() as running:
        answered = running.ask("/v1/rerank", {"query": "a", "documents": ["a", "b"]})

    assert 200 == answered.status
    assert 2 == len(answered.body["results"])


def test_a_quantised_cache_and_layers_of_options_reach_the_real_engine(
    tree: ManifestTree, llama_server: Path
) -> None:
    tree.runtime("llama-server", llama_server, args={"threads": 1, "keep": 3, "reasoning-format": "none"})
    tree.host(defaults={"args": {"n_predict": 5}, "env": {"OMP_NUM_THREADS": "1"}})
    tree.deployment(
        context={"size": 1024, "parallel": 2, "kvType": {"k": "q8_0", "v": "q8_0"}, "promptCache": "16Mi"},
        args={"t": 2, "reasoning-format": "auto"},
        extraArgs=["--slot-prompt-similarity", "0.25"],
    )

    with tree.serving() as running:
        props, seen = running.ask("/props").body, running.environment()
        answered = running.ask("/completion", {"prompt": "the quick brown", "temperature": 0})
    words, log = argv(running), running.launch.log_path.read_text()

    assert [] == tree.told()
    assert ("2", "auto", "3") == tuple(
        value_after(words, name) for name in ("-t", "--reasoning-format", "--keep")
    )
    assert 1024 == props["default_generation_settings"]["n_ctx"]
    assert 2 == props["total_slots"]
    assert 5 == answered.body["tokens_predicted"]
    assert "q8_0" in log
    assert "1" == seen["OMP_NUM_THREADS"]


Imagine = Callable[..., gpus.ImaginaryGpus]


def beside(imagined: gpus.ImaginaryGpus) -> list[str]:
    return [str(Path(imagined.env["GGML_BACKEND_PATH"]).parent)]


def operators_gpus(tree: ManifestTree, llama_server: Path, imagined: gpus.ImaginaryGpus, **host: Any) -> None:
    tree.host(paths={"models": "models", **host})
    tree.runtime("gpu", llama_server, env=imagined.env)


def test_two_gpus_of_the_operator_share_a_model_as_the_manifest_says(
    tree: ManifestTree, llama_server: Path, imaginary_gpus: Imagine
) -> None:
    imagined = imaginary_gpus([2048, 1024])
    operators_gpus(tree, llama_server, imagined, allowed=beside(imagined))
    tree.deployment("split", runtime="gpu", placement={"gpus": ["gpu1", "gpu0"], "tensorSplit": [0.5, 0.5]})
    tree.deployment("one", runtime="gpu", placement={"gpus": ["gpu1"]})

    with tree.serving("split") as running:
        answered = running.chat().status
        split = {device for device, held in imagined.used().items() if running.started.pid in held}
    with tree.serving("one") as running:
        one = {device for device, held in imagined.used().items() if running.started.pid in held}

    assert [] == tree.told()
    assert 200 == answered
    assert "FAKE1,FAKE0" == value_after(list(tree.launch("split").argv), "--device")
    assert ({0, 1}, {1}) == (split, one)


def test_a_third_gpu_that_nobody_has_is_told_and_not_replaced(
    tree: ManifestTree, llama_server: Path, imaginary_gpus: Imagine
) -> None:
    imagined = imaginary_gpus([2048, 1024])
    operators_gpus(tree, llama_server, imagined, allowed=beside(imagined))
    tree.deployment(runtime="gpu", placement={"gpus": ["gpu2"]})

    told = tree.told()

    assert 1 == len(told)
    assert (
        "warning: spec.placement.gpus[0]: this machine has no gpu2 (the engine lists gpu0 to gpu1)" in told[0]
    )
    with pytest.raises(StartFailed, match="does not see all of gpu2") as caught:
        tree.launch()
    assert "DeviceMissing" == caught.value.reason


def test_a_backend_outside_the_allowed_directories_is_refused_and_never_loaded(
    tree: ManifestTree, llama_server: Path, imaginary_gpus: Imagine
) -> None:
    operators_gpus(tree, llama_server, imaginary_gpus([2048]))
    tree.deployment(runtime="gpu")

    ran = reconciler("validate", "-f", tree.folder, "-o", "json", "--commands")
    devices = tree.prepared().engine.devices

    assert 3 == ran.code
    assert ["spec.env.GGML_BACKEND_PATH"] == [one["path"] for one in ran.json["diagnostics"]]
    assert "outside" in ran.json["diagnostics"][0]["message"]
    assert () == devices


def test_a_deployment_cannot_name_a_backend_at_all(tree: ManifestTree, imaginary_gpus: Imagine) -> None:
    imagined = imaginary_gpus([2048])
    tree.host(paths={"models": "models", "allowed": beside(imagined)})
    tree.deployment(env=imagined.env)

    told = [line for line in tree.told() if "warning" not in line]

    assert 1 == sum(
        "only Runtime.spec.env may set it" in line and "GGML_BACKEND_PATH" in line for line in told
    )
    assert len(imagined.env) == len(told)


def test_the_command_that_validate_shows_is_the_one_that_starts(
    tree: ManifestTree, llama_server: Path
) -> None:
    tree.runtime("llama-server", llama_server)
    tree.deployment(port=8099, args={"chat-template": "a 'b' $c"})

    shown = json.loads(reconciler("validate", tree.folder, "-o", "json", "--commands").stdout)["commands"][
        "chat"
    ]

    assert list(tree.launch(port=8099).argv) == shown
