"""What manifests may set, from their text to the command line of one build: through the reading of a tree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.arguments import option_table
from tests.cli.running import reconciler
from tests.fakes.manifest_trees import ManifestTree, value_after
from tests.fakes.nvml import NvidiaWorld
from tests.fakes.scripted import DATA, IK_LLAMA

CUDA = {"devices_file": str(DATA / "list_devices_cuda.txt")}
IK = {**IK_LLAMA, **CUDA}


@pytest.fixture
def tree(tmp_path: Path) -> ManifestTree:
    made = ManifestTree(tmp_path)
    made.scripted(CUDA)
    made.host()
    made.model("chat.gguf")
    return made


def errors(tree: ManifestTree) -> list[str]:
    return [line for line in tree.told() if ": warning: " not in line]


def test_s0_8_context_and_layers_are_always_said_and_threads_only_when_set(tree: ManifestTree) -> None:
    tree.deployment("plain")
    tree.deployment("threads", args={"t": 3})
    tree.deployment("small", context={"size": 2048}, placement={"gpuLayers": 0})

    plain, threads, small = (tree.command(name) for name in ("plain", "threads", "small"))

    assert ("8192", "all") == (value_after(plain, "-c"), value_after(plain, "-ngl"))
    assert ("2048", "0") == (value_after(small, "-c"), value_after(small, "-ngl"))
    assert {"-t", "--threads"}.isdisjoint(plain)
    assert "3" == value_after(threads, "-t")


def test_without_a_binary_all_layers_are_asked_for_by_their_word(tree: ManifestTree) -> None:
    tree.deployment()

    shown = reconciler("validate", "--no-machine", "--commands", str(tree.folder)).stdout

    assert " -ngl all " in shown


@pytest.mark.parametrize(
    ("spec", "threads"),
    [
        ({}, "32"),
        ({"args": {"threads-http": 2}}, "32"),
        ({"args": {"threads-http": -1}}, "32"),
        ({"extraArgs": ["--threads-http", "8"]}, "32"),
        ({"args": {"threads-http": 64}}, "64"),
        ({"context": {"parallel": 20}, "args": {"threads-http": 40}}, "56"),
        ({"args": {"parallel": 20}}, "56"),
    ],
)
def test_http_threads_can_be_raised_and_never_be_too_few_for_probes(
    tree: ManifestTree, spec: dict[str, Any], threads: str
) -> None:
    tree.deployment(**spec)

    assert threads == value_after(tree.command(), "--threads-http")


def test_s0_8_without_a_gpu_no_layers_are_asked_for(tree: ManifestTree) -> None:
    tree.scripted({})
    tree.deployment()

    assert "0" == value_after(tree.command(), "-ngl")


def test_a_lost_gpu_is_told_and_hides_no_other(
    tree: ManifestTree, nvidia_world: Callable[..., NvidiaWorld]
) -> None:
    gpus = ("gpu GPU-1 24576 300 NVIDIA GeForce RTX 3090", "gpu GPU-2 24576 300 NVIDIA GeForce RTX 3090")
    world = nvidia_world("driver 550.54.14", *gpus, "lost 0")
    tree.deployment("lost", placement={"gpus": ["GPU-1"]})
    tree.deployment("there", placement={"gpus": ["GPU-2"]})

    ran = reconciler("validate", tree.folder, "--commands", env=world.env)

    assert "this machine has no GPU GPU-1 (the NVIDIA driver says of gpu0: GPU is lost)" in ran.stdout
    assert 1 == ran.stdout.count("warning: ")
    assert "--device CUDA1" in next(line for line in ran.stdout.splitlines() if line.startswith("there:"))


def test_s0_8_a_build_that_does_not_list_its_devices_is_believed_where_there_are_gpus(
    tree: ManifestTree, nvidia_world: Callable[..., NvidiaWorld]
) -> None:
    world = nvidia_world("driver 550.54.14", "gpu GPU-1 24576 300 NVIDIA GeForce RTX 3090")
    silent = tree.folder / "silent.txt"
    silent.write_text("error: unknown argument\n")
    tree.scripted({**IK_LLAMA, "devices_file": str(silent)})
    tree.deployment()

    with_gpus = reconciler("validate", tree.folder, "--commands", env=world.env)
    without = reconciler("validate", tree.folder, "--commands")

    assert " -ngl 999 " in with_gpus.stdout
    assert " -ngl 0 " in without.stdout


def test_s0_9_unknown_keys_fail_each_at_its_place(tree: ManifestTree) -> None:
    tree.text(
        "chat.yaml",
        """
kind: ModelDeployment
metadata: {name: chat}
spec:
  model: {path: chat.gguf}
  args:
    zzz-unheard: 1
    treads: 4
    aaa-unheard: true
""",
    )

    told = errors(tree)

    assert ["chat.yaml:7:5", "chat.yaml:8:5", "chat.yaml:9:5"] == [line.split(": ")[0] for line in told]
    assert "did you mean 'threads'?" in told[1]


def test_s0_9_a_forks_own_options_need_the_operators_word(tree: ManifestTree) -> None:
    tree.scripted(IK)
    tree.deployment(args={"mla": 3, "amb": 512})

    told = errors(tree)

    assert 2 == len(told)
    assert all("passthrough: [" in line for line in told)


def test_s0_9_passed_through_options_are_written_exactly(tree: ManifestTree) -> None:
    tree.scripted(IK)
    tree.add("ArgPolicy", "fork", {"passthrough": ["amb", "mla", "smgs", "spec-autotune"]})
    tree.host(argPolicy="fork")
    tree.deployment(args={"spec_autotune": True, "amb": 512, "mla": 3, "smgs": False, "sinfo": None})

    argv = tree.command()

    assert [] == errors(tree)
    assert ["--attention-max-batch", "512", "--mla-use", "3", "--spec-autotune"] == argv[-5:]


@pytest.mark.parametrize("value", ["/etc/passwd", "../x", "~/x", "a,/etc/passwd", "--host"])
def test_s0_9_a_value_that_could_be_a_path_outside_is_refused(tree: ManifestTree, value: str) -> None:
    tree.scripted(IK)
    tree.add("ArgPolicy", "fork", {"passthrough": ["*"]})
    tree.host(argPolicy="fork")
    tree.deployment(args={"amb": value})

    told = errors(tree)

    assert 1 == len(told)
    assert ": spec.args.amb: " in told[0]


def test_s0_9_the_runtimes_policy_narrows_the_hosts(tree: ManifestTree) -> None:
    tree.add("ArgPolicy", "wide", {"limits": {"threads": {"max": 12}}})
    tree.add("ArgPolicy", "narrow", {"deny": ["top-*"], "limits": {"threads": {"max": 4}}})
    tree.host(argPolicy="wide")
    tree.scripted(CUDA, name="small", argPolicy="narrow")
    tree.deployment("free", args={"threads": 8, "top-k": 5})
    tree.deployment("bound", runtime="small", args={"threads": 8, "top-k": 5})

    told = errors(tree)

    assert 2 == len(told)
    assert "spec.args.threads: threads must be at most 4, not 8 (ArgPolicy 'narrow')" in told[0]
    assert "spec.args.top-k: Cannot set 'top-k': ArgPolicy 'narrow' denies it" in told[1]


SECRET_KEYS = (
    *("api_key", "api-key", "apiKey", "API_KEY", "ApiKey", "hf-token", "hf_token", "hfToken", "HF_TOKEN"),
    *("token", "openai_api_key", "openaiApiKey", "anthropic_api_key", "anthropic-api-key", "hft"),
)
HUSH = "hush-Zq81-hush"


@pytest.mark.parametrize("output", [(), ("--commands",), ("-o", "json"), ("-o", "json", "--commands")])
def test_s0_10_a_secret_is_refused_in_every_spelling_and_its_text_is_nowhere(
    tree: ManifestTree, output: tuple[str, ...]
) -> None:
    for number, key in enumerate(SECRET_KEYS):
        tree.deployment(f"a{number}", args={key: f"{HUSH}{number}"})
        tree.deployment(f"b{number}", extraArgs=[f"--{key}", f"{HUSH}{number}"])
        tree.deployment(f"c{number}", extraArgs=[f"--{key}={HUSH}{number}"])
        tree.deployment(f"d{number}", env={key.replace("-", "_"): f"{HUSH}{number}"})

    ran = reconciler("validate", "-f", tree.folder, *output)
    whole = ran.stdout + ran.stderr

    assert 3 == ran.code
    assert HUSH not in whole
    for number in range(len(SECRET_KEYS)):
        assert all(f"-{letter}{number}.yaml" in whole for letter in "abcd"), number


def test_s0_10_an_engine_that_was_refused_a_secret_was_not_asked_with_it(tree: ManifestTree) -> None:
    server = tree.scripted(CUDA)
    tree.deployment(args={"api-key": HUSH}, env={"API_TOKEN": HUSH})

    tree.told()

    assert server.probes()
    assert HUSH not in json.dumps(server.probes())


@pytest.mark.parametrize("kind", ["f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1"])
def test_s2_50_each_cache_type_reaches_both_halves(tree: ManifestTree, kind: str) -> None:
    tree.deployment(context={"kvType": {"k": kind, "v": kind}})

    argv = tree.command()

    assert [] == tree.told()
    assert (kind, kind) == (value_after(argv, "--cache-type-k"), value_after(argv, "--cache-type-v"))


def test_s2_50_a_type_that_only_a_fork_has_is_told_with_those_of_the_build(tree: ManifestTree) -> None:
    tree.deployment(context={"kvType": {"k": "q8_KV"}})

    told = errors(tree)

    assert 1 == len(told)
    assert "spec.context.kvType.k: this build of the engine does not know q8_KV (it knows f32" in told[0]


def test_s2_50_a_quantised_value_cache_without_flash_attention_is_refused_across_layers(
    tree: ManifestTree,
) -> None:
    tree.host(defaults={"context": {"flashAttention": "off"}})
    tree.deployment(context={"kvType": {"v": "q4_0"}})

    told = errors(tree)

    assert 1 == len(told)
    assert told[0].startswith("modeldeployment-chat.yaml:")
    assert "needs flash attention" in told[0]


def test_s4_30_tokens_pass_the_same_policy_one_by_one(tree: ManifestTree) -> None:
    tree.deployment(extraArgs=["--top-k", "20", "--jinja", "-r", "a b", "-r", "$(id)"])

    argv = tree.command()

    assert [] == errors(tree)
    assert ["--top-k", "20", "--jinja", "--reverse-prompt", "a b", "--reverse-prompt", "$(id)"] == argv[-7:]


@pytest.mark.parametrize(
    ("tokens", "index", "words"),
    [
        (["--tools", "all"], 0, "clients could run programs"),
        (["--top-k", "20", "--host", "::1"], 2, "reconciler sets it"),
        (["--top-k", "20", "--agent"], 2, "clients could run programs"),
        (["--ctx-size=4096"], 0, "no --name=value form"),
        (["--top-k"], 0, "needs a value"),
        (["--grammar-file", "/etc/x.gbnf"], 0, "outside"),
        (["stray"], 0, "belongs to no option"),
        (["--log-file", "x"], 0, "it empties the file"),
    ],
)
def test_s4_30_a_token_that_is_refused_is_told_at_its_place(
    tree: ManifestTree, tokens: list[str], index: int, words: str
) -> None:
    tree.deployment(extraArgs=tokens)

    told = errors(tree)

    assert 1 == len(told)
    assert f": spec.extraArgs[{index}]: " in told[0]
    assert words in told[0]


def test_a_deployments_option_replaces_the_runtimes_and_the_hosts_in_any_spelling(tree: ManifestTree) -> None:
    tree.scripted(CUDA, args={"threads": 2, "keep": 7, "c": 1024})
    tree.host(defaults={"args": {"threads-batch": 6, "reasoning-format": "none"}})
    tree.deployment("default")
    tree.deployment("own", args={"t": 9, "tb": 5}, context={"size": 2048})
    tree.deployment("tokens", extraArgs=["-tb", "4"])

    default, own, tokens = (tree.command(name) for name in ("default", "own", "tokens"))

    assert [] == errors(tree)
    assert ("2", "6", "1024") == tuple(value_after(default, name) for name in ("-t", "--threads-batch", "-c"))
    assert ("9", "5", "2048") == tuple(value_after(own, name) for name in ("-t", "--threads-batch", "-c"))
    assert ("4", "none") == tuple(
        value_after(tokens, name) for name in ("--threads-batch", "--reasoning-format")
    )
    assert "7" == value_after(own, "--keep")


def test_a_deployments_null_takes_a_default_away(tree: ManifestTree) -> None:
    tree.host(defaults={"args": {"threads": 2}})
    tree.deployment(args={"threads": None})

    assert "-t" not in tree.command()


def test_a_deployments_option_replaces_the_hosts_field(tree: ManifestTree) -> None:
    tree.host(defaults={"context": {"size": 4096}})
    tree.deployment(args={"ctx-size": 2048})

    assert [] == errors(tree)
    assert "2048" == value_after(tree.command(), "-c")


def test_a_field_and_its_option_in_one_manifest_contradict_each_other(tree: ManifestTree) -> None:
    tree.deployment(args={"ctx-size": 2048}, context={"size": 4096})

    told = errors(tree)

    assert 1 == len(told)
    assert "Cannot set 'ctx-size': spec.context.size sets it already" in told[0]


DEFAULTS = """
kind: Host
metadata: {name: box}
spec:
  paths: {models: models}
  defaults:
    args:
      tools: all
      threads: many
    extraArgs: [--agent]
    env:
      LLAMA_ARG_TOOLS: all
    context:
      kvType: {v: q4_0}
      flashAttention: "off"
    placement:
      gpus: [gpu7]
"""


def test_what_the_hosts_defaults_get_wrong_is_told_once_in_the_hosts_file(tree: ManifestTree) -> None:
    (tree.folder / "host-box.yaml").unlink()
    tree.text("box.yaml", DEFAULTS)
    for name in ("a", "b", "c"):
        tree.deployment(name)

    told = [line.split(": ")[0] for line in tree.told()]

    assert ["8:7", "9:16", "10:17", "12:7", "14:19", "17:14"] == [
        line.removeprefix("box.yaml:") for line in told
    ]


def test_a_contradiction_is_told_where_the_deployment_makes_it(tree: ManifestTree) -> None:
    tree.host(defaults={"context": {"kvType": {"v": "q4_0"}}})
    tree.deployment(context={"flashAttention": "off"})

    assert ["host-box.yaml"] == [line.split(":")[0] for line in errors(tree)]


def test_what_a_runtime_gets_wrong_is_told_at_the_runtime_whether_used_or_not(tree: ManifestTree) -> None:
    tree.text(
        "fork.yaml",
        f"""
kind: Runtime
metadata: {{name: fork}}
spec:
  kind: llama-server
  path: {tree.folder}/.bin/llama-server/llama-server
  args:
    tools: all
    chat-template-file: /etc/x.jinja
  env:
    LD_PRELOAD: /tmp/x.so
    GGML_BACKEND_PATH: /tmp/x.so
""",
    )
    tree.deployment()

    told = errors(tree)

    assert ["fork.yaml:8:5", "fork.yaml:9:25", "fork.yaml:11:5", "fork.yaml:12:24"] == [
        line.split(": ")[0] for line in told
    ]


def test_a_binary_is_not_asked_with_variables_that_are_refused(tree: ManifestTree) -> None:
    """`validate` runs --help: a tree that preloads a library must not have it loaded by its own check."""
    library = tree.folder / "x.so"
    library.touch()
    variables = {"LD_PRELOAD": str(library), "GGML_BACKEND_PATH": str(library), "GGML_CUDA_FORCE_MMQ": "1"}
    server = tree.scripted(CUDA, name="fork", env=variables)

    tree.told()

    assert server.probes()
    for probe in server.probes():
        assert {"LD_PRELOAD", "GGML_BACKEND_PATH"}.isdisjoint(probe["env"])
        assert "1" == probe["env"]["GGML_CUDA_FORCE_MMQ"]


def test_variables_of_older_tools_are_told_by_their_names(
    tree: ManifestTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_LLM_ALLOW_CLI_SECRETS", "1")
    monkeypatch.setenv("LOCAL_LLM_PORT_PROBE_MAX", "many")
    tree.deployment(args={"api-key": HUSH})

    told = tree.told()

    assert 1 == sum("LOCAL_LLM_ALLOW_CLI_SECRETS has no effect" in line for line in told)
    assert 1 == sum("LOCAL_LLM_PORT_PROBE_MAX='many': must be a number of ports" in line for line in told)
    assert 1 == sum("spec.args.api-key: Cannot set 'api-key'" in line for line in told)
    assert HUSH not in "".join(told)


def test_s0_14_allowed_paths_of_older_tools_count(
    tree: ManifestTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree.folder / "elsewhere").mkdir()
    (tree.folder / "elsewhere/x.gbnf").write_text("root ::= x")
    monkeypatch.setenv("LOCAL_LLM_ALLOWED_PATHS", f"/nonexistent, {tree.folder}/elsewhere")
    tree.deployment(args={"grammar-file": f"{tree.folder}/elsewhere/x.gbnf"})

    assert [] == tree.told()


def test_a_fork_gets_only_what_its_help_has(tree: ManifestTree) -> None:
    tree.scripted(IK)
    tree.deployment()
    argv, offered = tree.command(), option_table(Path(IK["help_file"]).read_text())

    strange = [token for token in argv if token.startswith("-") and offered.by_token(token) is None]

    assert [] == tree.told()
    assert [] == strange
    assert {"-kvu", "--kv-unified", "--no-agent", "--offline", "-lv"}.isdisjoint(argv)
    assert ("999", "none") == (value_after(argv, "-ngl"), value_after(argv, "--webui"))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"context": {"kvUnified": True}},
            "spec.context.kvUnified: this build of the engine has no --kv-unified",
        ),
        (
            {"capabilities": {"rerank": True}},
            "spec.capabilities.rerank: this build of the engine has no --rerank",
        ),
        ({"model": {"draft": {"path": "chat.gguf", "max": 4}}}, "spec.model.draft.max: this build"),
        (
            {"placement": {"splitMode": "tensor"}},
            "spec.placement.splitMode: this build of the engine does not know",
        ),
    ],
)
def test_a_field_that_a_fork_cannot_follow_is_an_error_and_never_left_out(
    tree: ManifestTree, spec: dict[str, Any], words: str
) -> None:
    tree.scripted(IK)
    tree.deployment(**spec)

    told = errors(tree)

    assert 1 == len(told)
    assert words in told[0]


def test_a_model_that_a_fork_cannot_serve_is_a_warning_at_the_model(tree: ManifestTree) -> None:
    tree.scripted(IK)
    tree.model("rank.gguf", "rerank")
    tree.deployment(path="rank.gguf")

    told = tree.told()

    assert 1 == len(told)
    assert "warning: spec.model.path: the model is for rerank, and this build" in told[0]


GPUS = [
    (["gpu1", "gpu0"], ["CUDA1", "CUDA0"]),
    ([1], ["CUDA1"]),
    (["big"], ["CUDA0"]),
]


@pytest.mark.parametrize(("gpus", "devices"), GPUS)
def test_gpus_are_written_in_the_engines_names_and_the_manifests_order(
    tree: ManifestTree, gpus: list[Any], devices: list[str]
) -> None:
    tree.host(gpuNames={"big": "gpu0"})
    split = {"tensorSplit": [0.75, 0.25], "mainGpu": gpus[1]} if len(gpus) == 2 else {}
    tree.deployment(placement={"gpus": gpus, **split})

    argv = tree.command()

    assert [] == tree.told()
    assert ",".join(devices) == value_after(argv, "--device")
    if split:
        assert ("0.75,0.25", "1") == (value_after(argv, "--tensor-split"), value_after(argv, "--main-gpu"))


@pytest.mark.parametrize(
    ("gpu", "words"),
    [
        ("gpu2", "warning: spec.placement.gpus[0]: this machine has no gpu2 (the engine lists gpu0 to gpu1)"),
        ("GPU-4711", "warning: spec.placement.gpus[0]: this machine has no GPU GPU-4711"),
        ("bgi", "spec.placement.gpus[0]: bgi names no GPU"),
    ],
)
def test_a_gpu_that_is_not_there_is_a_warning_and_a_name_for_none_an_error(
    tree: ManifestTree, gpu: str, words: str
) -> None:
    tree.host(gpuNames={"big": "gpu0"})
    tree.deployment(placement={"gpus": [gpu]})

    told = tree.told()

    assert 1 == len(told)
    assert words in told[0]
