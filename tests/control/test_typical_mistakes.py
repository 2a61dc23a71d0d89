"""What a person reads after a typical mistake: the words alone must say what to write instead."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from reconciler.control.sources import read_sources
from tests.fakes.manifest_trees import ManifestTree

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "a flag of the command line": (
        {"args": {"n-gpu-layers": 99}},
        "spec.args.n-gpu-layers: Cannot set 'n-gpu-layers': reconciler sets it (use spec.placement.gpuLayers)",
    ),
    "an option of older builds": (
        {"args": {"mlock": True}},
        "spec.args.mlock: Cannot set 'mlock': this build of the engine does not have it (write load-mode: mlock)",
    ),
    "a misspelt option": (
        {"args": {"tread": 4}},
        "spec.args.tread: Cannot set 'tread': this build of the engine has no such option (did you mean 'threads'?)",
    ),
    "a number in quotes": (
        {"args": {"threads": "4"}},
        "spec.args.threads: threads must be an integer, not '4'",
    ),
    "an option and its value in one token": (
        {"extraArgs": ["--top-k 20"]},
        (
            "spec.extraArgs[0]: --top-k and its value are one token"
            ' (write "--top-k" and its value as two tokens, each in its quotes)'
        ),
    ),
    "an option with an equals sign": (
        {"extraArgs": ["--keep=20"]},
        'spec.extraArgs[0]: --keep= is one token (the engine has no --name=value form: write "--keep", "value")',
    ),
    "the models directory written twice": (
        {"path": "models/chat.gguf"},
        "warning: spec.model.path: models/models/chat.gguf does not exist (did you mean chat.gguf?)",
    ),
    "another case": (
        {"path": "Chat.gguf"},
        "warning: spec.model.path: models/Chat.gguf does not exist (did you mean chat.gguf?)",
    ),
    "a file of nobody": (
        {"path": "mistral.gguf"},
        "warning: spec.model.path: models/mistral.gguf does not exist (put it there, or correct the path)",
    ),
    "a home directory": (
        {"path": "~/chat.gguf"},
        "spec.model.path: '~/chat.gguf' begins with '~', which nothing expands (write the whole path)",
    ),
    "a word of Ollama among the options": (
        {"args": {"num_ctx": 8192}},
        (
            "spec.args.num_ctx: Cannot set 'num_ctx': this build of the engine has no such option"
            " (write spec.context.size)"
        ),
    ),
    "devices by variable": (
        {"env": {"CUDA_VISIBLE_DEVICES": "0"}},
        (
            "spec.env.CUDA_VISIBLE_DEVICES: Cannot set CUDA_VISIBLE_DEVICES: placement decides the devices:"
            " use spec.placement.gpus"
        ),
    ),
    "a token in plain text": (
        {"env": {"HF_TOKEN": "hush"}},
        (
            "spec.env.HF_TOKEN: Cannot set HF_TOKEN in plain text: it is a secret"
            " (write it as spec.secretEnv: {NAME: {fromFile: /path}} or {fromEnv: NAME})"
        ),
    ),
    "sampling among the options": (
        {"args": {"temp": 0.7}},
        (
            "warning: spec.args.temp: 'temp' is a default for sampling"
            " (write it in spec.request.defaults: it changes without a restart)"
        ),
    ),
    "more context than trained": (
        {"context": {"size": 131072}},
        (
            "warning: spec.context.size: the model was trained for 8192 tokens, and 131072 is more"
            " (at most 8192, unless args scale its positions (rope-scaling))"
        ),
    ),
    "an adapter as the model": (
        {"path": "style.gguf"},
        (
            "warning: spec.model.path: the file is no model: it says that it is of kind adapter"
            " (an adapter goes to spec.model.loras, a projector to spec.model.mmproj)"
        ),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_message_alone_says_what_to_write(tmp_path: Path, mistake: str) -> None:
    tree = ManifestTree(tmp_path)
    tree.scripted()
    tree.host()
    tree.model("chat.gguf")
    tree.model("style.gguf", "lora")
    spec, words = MISTAKES[mistake]
    tree.deployment(**spec)

    told = [line.split(": ", 1)[1] for line in tree.told()]

    assert [words] == told


def test_an_option_with_a_dangerous_name_does_not_suggest_a_short_one(tmp_path: Path) -> None:
    tree = ManifestTree(tmp_path)
    tree.scripted()
    tree.host()
    tree.model("chat.gguf")
    tree.deployment(args={"tols": "all"})

    told = tree.told()

    assert 1 == len(told)
    assert "did you mean" not in told[0]


def test_a_refused_deployment_is_looked_through_for_more(tmp_path: Path) -> None:
    """One misspelt key does not hide a denied option, a wrong file or a variable: all are told in one pass."""
    manifest = tmp_path / "many.yaml"
    manifest.write_text(
        "apiVersion: models.reconciler/v1alpha1\n"
        "kind: ModelDeployment\n"
        "metadata: {name: many}\n"
        "spec:\n"
        "  model: {path: ../out.gguf}\n"
        "  contxt: {size: 8192}\n"
        "  args: {tools: all}\n"
        "  env: {LD_PRELOAD: /x.so}\n"
        "  placement: {gpus: gpu0, tensorSplit: [1, 2]}\n"
    )

    found = read_sources([str(manifest)], environ=os.environ, look_at_machine=False).diagnostics

    assert [
        (5, "spec.model.path"),
        (6, "spec.contxt"),
        (7, "spec.args.tools"),
        (8, "spec.env.LD_PRELOAD"),
        (9, "spec.placement.gpus"),
    ] == [(one.line, one.path) for one in found]


def test_a_policy_bounds_the_field_as_it_bounds_the_option(tmp_path: Path) -> None:
    """`limits: {ctx-size: ...}` cannot be passed by with spec.context.size."""
    (tmp_path / "host.yaml").write_text(
        "apiVersion: models.reconciler/v1alpha1\nkind: Host\nmetadata: {name: box}\nspec: {argPolicy: team}\n---\n"
        "apiVersion: models.reconciler/v1alpha1\nkind: ArgPolicy\nmetadata: {name: team}\n"
        "spec: {limits: {ctx-size: {max: 8192}}}\n"
    )
    (tmp_path / "model.yaml").write_text(
        "apiVersion: models.reconciler/v1alpha1\nkind: ModelDeployment\nmetadata: {name: m}\n"
        "spec:\n  model: {path: m.gguf}\n  context: {size: 32768}\n"
    )

    (found,) = read_sources([str(tmp_path)], environ=os.environ, look_at_machine=False).diagnostics

    assert (6, "spec.context.size") == (found.line, found.path)
    assert "ArgPolicy 'team'" in found.message


def test_a_rule_that_only_the_defaults_break_names_the_deployment(tmp_path: Path) -> None:
    """Each text is right alone; the message says with whom it is not."""
    (tmp_path / "host.yaml").write_text(
        "apiVersion: models.reconciler/v1alpha1\nkind: Host\nmetadata: {name: box}\nspec:\n  defaults: {replicas: 2}\n"
    )
    (tmp_path / "model.yaml").write_text(
        "apiVersion: models.reconciler/v1alpha1\nkind: ModelDeployment\nmetadata: {name: m}\n"
        "spec:\n  model: {path: m.gguf}\n  port: 9000\n"
    )

    (found,) = read_sources([str(tmp_path)], environ=os.environ, look_at_machine=False).diagnostics

    assert "host.yaml:5:" in str(found)
    assert "with deployment m: 2 replicas cannot share the fixed port 9000" in str(found)


def test_a_window_without_a_zone_is_compared_in_the_hosts(tmp_path: Path) -> None:
    """Host.spec.timeZone joins two windows that look unrelated alone."""
    (tmp_path / "host.yaml").write_text(
        "apiVersion: models.reconciler/v1alpha1\nkind: Host\nmetadata: {name: box}\nspec: {timeZone: Europe/Berlin}\n"
    )
    (tmp_path / "model.yaml").write_text(
        "apiVersion: models.reconciler/v1alpha1\nkind: ModelDeployment\nmetadata: {name: m}\n"
        "spec:\n  model: {path: m.gguf}\n  schedules:\n"
        '    - {name: day, days: Mon, from: "08:00", to: "12:00", state: running}\n'
        '    - {name: night, days: Mon, from: "07:00", to: "13:00", timeZone: Europe/Berlin, state: stopped}\n'
    )

    (found,) = read_sources([str(tmp_path)], environ=os.environ, look_at_machine=False).diagnostics

    assert "with deployment m: window night (stopped) hides all of window day (running)" in str(found)


def test_validation_leaves_no_directories_for_sockets_or_data(tmp_path: Path) -> None:
    """A command that changes nothing makes only what asking binaries needs."""
    (tmp_path / "m.yaml").write_text(
        "apiVersion: models.reconciler/v1alpha1\nkind: ModelDeployment\nmetadata: {name: m}\n"
        "spec:\n  model: {path: m.gguf}\n"
    )
    homes = {name: str(tmp_path / name) for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")}
    for folder in homes.values():
        Path(folder).mkdir(mode=0o700)

    read_sources([str(tmp_path / "m.yaml")], environ={**os.environ, **homes})

    assert [] == [*Path(homes["XDG_DATA_HOME"]).iterdir(), *Path(homes["XDG_RUNTIME_DIR"]).iterdir()]
    assert {"engine-home", "runtimes"} == {one.name for one in Path(homes["XDG_STATE_HOME"]).glob("*/*/*")}
