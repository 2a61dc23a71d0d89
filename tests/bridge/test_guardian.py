"""The importer of Llama CPP Guardian: what its models.yaml means is what the manifests say."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.bridge.guardian import import_models
from reconciler.bridge.guardian_manifests import Imported
from reconciler.control.preparations import policy_rules
from reconciler.core.arguments import Written, assumed_table, check, option_table
from reconciler.core.arguments.options import key_of
from reconciler.core.arguments.tokens import read_tokens
from reconciler.core.commandlines import EngineFiles, Seat, argv, owned_options
from reconciler.spec.deployments import DeploymentSpec
from reconciler.spec.problems import Severity
from reconciler.spec.trees import Tree, join, read_file

SAMPLE = """\
models:
  GLM-4.7-Flash:
    path: /home/op/models/glm-4.7-flash.q4_k_m.gguf
    context: 262144
    max_context: 300000
    ngl: 99
    kv_type: q4_0
    tensor_split: "0.57,0.43"
    extra_args: "-nkvo --parallel 4 -sm row -mg 1"
  nemotron:30b:
    path: /home/op/models/nvidia/nemotron 30b.gguf
    backend: official
    ngl: 30
    kv_type: f16
    context: 8192
    extra_args: >-
      --jinja -fa on --port 9999 --temp 0.7 --no-warmup -t 12 --chat-template-kwargs '{"a": "b c"}'
  vision:
    path: /home/op/models/vl.gguf
    mmproj: /home/op/models/mmproj-vl.gguf
    context: 8192
    backend: ik_fork
    extra_args: -fa -rtr -amb 512 -b 4096 -ub 1024 --chat-template-file '/home/op/tpl dir/x.jinja'
  coder:
    path: /home/op/models/coder.gguf
    context: 16384
    kv_type: q8_0
    extra_args: "--lora /home/op/models/a.gguf --lora-scaled /home/op/models/b.gguf:0.5 -ctv f16 --kv-unified"
  drafted:
    path: /home/op/models/big.gguf
    n_slots: 2
    kv_type: q8_0
    context: 4096
    draft_model_path: /home/op/models/small.gguf
    spec_type: draft-simple
    spec_draft_n_max: 16
    spec_draft_n_min: 2
    extra_args: "-ngld 99"
  plain:
    path: /home/op/models/plain.gguf
guardian:
  pinned_model: vision
  idle_unload_minutes: 5
"""
TABLE = assumed_table()
DATA = Path(__file__).parents[1] / "fakes" / "data"
#: The builds that Guardian's two backends stand for.
BUILDS = {
    "llama.cpp": option_table((DATA / "help_b11434.txt").read_text()),
    "ik_llama.cpp": option_table((DATA / "help_ik_llama.txt").read_text()),
}
#: What reconciler decides by itself, whatever the other program wrote.
OURS_TO_SET = frozenset({"host", "port", "slot-save-path", "no-mmap"})


def imported(text: str, **more: Any) -> Imported:
    return import_models("models.yaml", text.encode(), **more)


def one_model(lines: str, **more: Any) -> Imported:
    return imported("models:\n  m:\n    path: /srv/models/m.gguf\n" + lines, **more)


def tree_of(result: Imported) -> Tree:
    return join([read_file(file.name, file.text.encode()) for file in result.files])


def spec_of(result: Imported) -> DeploymentSpec:
    (deployment,) = tree_of(result).deployments
    return deployment.manifest.spec


def notes(result: Imported) -> list[str]:
    return [str(note) for note in result.notes]


def errors(result: Imported) -> list[str]:
    return [str(note) for note in result.notes if note.is_error]


def guardian_argv(model: dict[str, Any]) -> list[str]:
    """What Guardian writes into its args file for a model."""
    kv = model.get("kv_type", "q4_0")
    line = ["-m", model["path"], "-c", str(model.get("context", 4096)), "-ngl", str(model.get("ngl", 99))]
    line += ["-ctk", kv, "-ctv", kv, "--host", "127.0.0.1", "--port", "11440"]
    line += ["--slot-save-path", "/home/op/slots", "--no-mmap"]
    if "tensor_split" in model:
        line += ["--tensor-split", model["tensor_split"]]
    if "mmproj" in model:
        line += ["--mmproj", model["mmproj"]]
    if "draft_model_path" in model:
        line += ["--spec-type", model["spec_type"], "--model-draft", model["draft_model_path"]]
        line += ["--spec-draft-n-max", str(model["spec_draft_n_max"])]
        line += ["--spec-draft-n-min", str(model["spec_draft_n_min"])]
    if "n_slots" in model:
        line += ["--parallel", str(model["n_slots"])]
    return line + shlex.split(model.get("extra_args", ""))


def our_argv(tree: Tree, name: str) -> tuple[str, ...]:
    spec = next(one.manifest.spec for one in tree.deployments if one.manifest.metadata.name == name)
    rules = policy_rules(tree.policies[0].manifest) if tree.policies else policy_rules(None)
    owned = owned_options(spec, TABLE)
    checked = check(
        Written(args=spec.args, extra_args=spec.extra_args, owned=owned), rules=rules, options=TABLE
    )
    assert checked.ok, checked.problems
    files = EngineFiles(
        model=_absolute(tree, spec.model.path),
        mmproj=_absolute(tree, spec.model.mmproj.path) if spec.model.mmproj else "",
        draft=_absolute(tree, spec.model.draft.path) if spec.model.draft else "",
        loras=tuple(_absolute(tree, lora.path) for lora in spec.model.loras),
    )
    devices = tuple(f"CUDA{gpu[3:]}" for gpu in spec.placement.gpus or ())
    seat = Seat(name=name, port=1, context=spec.context.size or 0, devices=devices, has_gpus=True)
    return argv(spec, seat, files=files, settings=checked.settings, options=TABLE)


def _absolute(tree: Tree, path: str) -> str:
    assert tree.host is not None
    return posixpath.join(tree.host.manifest.spec.paths.models or "", path)


def meanings(tokens: Sequence[str]) -> dict[str, object]:
    """Options by key with their last value, adapters all, however they are spelled."""
    found: dict[str, object] = {}
    adapters: list[str] = []
    for key, value in _pairs(_switched(tokens)):
        if key in {"lora", "lora-scaled"}:
            adapters.append(str(value))
        else:
            found[key] = value
    return found | ({"lora": adapters} if adapters else {})


def _switched(tokens: Sequence[str]) -> Iterator[str]:
    """An old `-fa` stands alone."""
    for index, token in enumerate(tokens):
        yield token
        if token == "-fa" and tokens[index + 1] != "on":
            yield "on"


def _pairs(tokens: Iterator[str]) -> Iterator[tuple[str, object]]:
    for written in read_tokens(list(tokens), TABLE):
        if written.spelled is None:
            yield key_of(written.name), written.values
        elif not written.values:
            yield written.spelled.option.name, written.spelled.positive
        else:
            text = "all" if written.values[0] in {"99", "999"} else written.values[0]
            yield written.spelled.option.name, tuple(map(_number, text.split(",")))


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


@pytest.mark.parametrize("original", yaml.safe_load(SAMPLE)["models"])
def test_s4_29_each_model_gets_the_options_that_guardian_wrote(original: str) -> None:
    """4.29: argv equal to the seed's args file, apart from what reconciler manages."""
    tree = tree_of(imported(SAMPLE))
    wanted = meanings(guardian_argv(yaml.safe_load(SAMPLE)["models"][original]))
    name = original.casefold().replace(":", "-")

    ours = meanings(our_argv(tree, name))

    expected = {key: value for key, value in wanted.items() if key not in OURS_TO_SET}
    assert expected == {key: ours.get(key) for key in expected}


@pytest.mark.parametrize("name", ["glm-4.7-flash", "nemotron-30b", "coder", "drafted", "plain"])
def test_what_is_imported_passes_the_policy_of_the_real_build(name: str) -> None:
    assert [] == policy_errors(tree_of(imported(SAMPLE)), name, "llama.cpp")


def test_what_a_fork_alone_has_passes_the_policy_of_the_fork() -> None:
    lines = "    backend: ik_fork\n    extra_args: -fa --run-time-repack -amb 512 --mlock --draft-params x\n"

    tree = tree_of(one_model(lines))

    assert ("--run-time-repack", "-amb", "512", "--mlock") == tree.deployments[0].manifest.spec.extra_args
    assert [] == policy_errors(tree, "m", "ik_llama.cpp")


def policy_errors(tree: Tree, name: str, build: str) -> list[str]:
    spec = next(one.manifest.spec for one in tree.deployments if one.manifest.metadata.name == name)
    rules = policy_rules(tree.policies[0].manifest) if tree.policies else policy_rules(None)
    written = Written(args=spec.args, extra_args=spec.extra_args, owned=owned_options(spec, BUILDS[build]))
    problems = check(written, rules=rules, options=BUILDS[build]).problems
    return [one.message for one in problems if one.severity is Severity.ERROR]


def test_llama_cpps_old_names_become_its_new_one() -> None:
    assert {"load-mode": "mlock"} == dict(spec_of(one_model("    extra_args: --mlock --no-mmap\n")).args)


@pytest.mark.parametrize("kind", ["none", "draft-dflash"])
def test_speculation_without_a_draft_model_is_none(kind: str) -> None:
    assert {} == dict(spec_of(one_model(f"    spec_type: {kind}\n")).args)


def test_everything_imported_is_valid_and_reads_the_same_as_yaml_1_1() -> None:
    result = imported(SAMPLE)
    tree = tree_of(result)

    assert [] == list(tree.diagnostics)
    assert result.is_complete
    read_old = [doc for file in result.files for doc in yaml.safe_load_all(file.text)]
    by_name = {(doc["kind"], doc["metadata"]["name"]): doc for doc in read_old}
    ours = {(o.manifest.kind, o.manifest.metadata.name): o.document.data for o in tree.objects}
    assert by_name.keys() == ours.keys()
    assert all(_lists(ours[key]) == doc for key, doc in by_name.items())


def _lists(data: object) -> object:
    if isinstance(data, dict):
        return {key: _lists(item) for key, item in data.items()}
    return [_lists(item) for item in data] if isinstance(data, tuple) else data


def test_one_manifest_as_people_read_it() -> None:
    files = {file.name: file.text for file in imported(SAMPLE).files}

    assert """\
# line 5: max_context: is left out: Guardian only told it to clients; reconciler tells what is loaded
# line 3: the 4 slots share the whole context \
(kvUnified: false divides it, as the engine does when -np is given alone)
apiVersion: models.reconciler/v1alpha1
kind: ModelDeployment
metadata: {name: glm-4.7-flash}
spec:
  model: {path: glm-4.7-flash.q4_k_m.gguf}
  placement:
    gpus: [gpu0, gpu1]
    tensorSplit: [0.57, 0.43]
    splitMode: row
    mainGpu: gpu1
    gpuLayers: all
  context:
    size: 262144
    parallel: 4
    kvType: {k: q4_0, v: q4_0}
  args: {kv-offload: false}
""" == files["glm-4.7-flash.yaml"]


def test_the_host_holds_what_models_share() -> None:
    host = tree_of(imported(SAMPLE)).host

    assert host is not None
    spec = host.manifest.spec
    assert "/home/op/models" == spec.paths.models
    assert ("/home/op/tpl dir",) == spec.paths.allowed
    assert timedelta(minutes=5) == spec.defaults.lifecycle.idle_unload
    assert "guardian" == spec.arg_policy


def test_s4_30_each_flag_of_extra_args_passes_the_policy() -> None:
    """4.30: split as a shell would; fields take what is theirs, args what is known, nothing denied gets through."""
    result = one_model("    extra_args: -b 256 --top-k 20 --rpc 10.0.0.1:1 --tools all --host 0.0.0.0\n")
    spec = spec_of(result)

    assert 256 == spec.context.batch
    assert {"top-k": 20} == dict(spec.args)
    assert () == spec.extra_args
    left = [note for note in notes(result) if "left out" in note]
    assert ["--host", "--rpc", "--tools"] == sorted(note.split("'")[1] for note in left)
    assert all(note.startswith("models.yaml:4:17: warning: models.m.extra_args: ") for note in left)


@pytest.mark.parametrize("secret", ["--api-key hunter2", "-hft hunter2", "--hf-token hunter2"])
def test_a_secret_is_in_no_manifest_and_no_note(secret: str) -> None:
    result = one_model(f"    extra_args: {secret}\n")

    assert result.files
    assert "hunter2" not in "".join([*notes(result), *(file.text for file in result.files)])


def test_b4_13_spaces_and_quotes_stay_inside_one_word() -> None:
    """B4.13: an argv list, never a shell."""
    result = one_model(
        """    extra_args: --chat-template '{{ "a  b" }}; $(reboot)' --grammar "x \\"y\\""\n"""
    )

    spec = spec_of(result)
    assert '{{ "a  b" }}; $(reboot)' == spec.args["chat-template"]
    assert 'x "y"' == spec.args["grammar"]


def test_a_quote_that_never_closes_is_an_error_with_its_line() -> None:
    result = imported(
        "models:\n"
        "  good: {path: /srv/models/a.gguf}\n"
        "  bad:\n    path: /srv/models/b.gguf\n    extra_args: --chat-template 'oops\n"
    )

    assert [
        (
            "models.yaml:5:17: models.bad.extra_args: cannot be split into words: no closing quotation"
            " (close the quote, or put a backslash before it)"
        )
    ] == errors(result)
    assert ["host.yaml", "good.yaml"] == [file.name for file in result.files]


def test_b2_2_an_unknown_key_costs_nothing_but_itself() -> None:
    """B2.2: the seed dropped the whole file for it."""
    result = one_model("    context: 8192\n    kv_typ: q8_0\nguardian: {idle_unload_minute: 5}\n")

    assert 8192 == spec_of(result).context.size
    found = [note for note in notes(result) if "did you mean" in note]
    assert [
        (
            "models.yaml:5:5: warning: models.m.kv_typ: is left out: Guardian has no such key that reconciler knows"
            " (did you mean kv_type?)"
        ),
        (
            "models.yaml:6:12: warning: guardian.idle_unload_minute: is left out: reconciler does not know this key"
            " (did you mean idle_unload_minutes?)"
        ),
    ] == found


def test_b2_3_a_list_written_again_replaces_the_first() -> None:
    """B2.3: the seed's merge put lists behind each other."""
    result = one_model('    tensor_split: "0.5,0.5"\n    extra_args: -ts 3,1\n')

    assert (3, 1) == spec_of(result).placement.tensor_split
    assert ("gpu0", "gpu1") == spec_of(result).placement.gpus
    assert any("-ts 3,1 replaces placement.tensorSplit [0.5, 0.5]" in note for note in notes(result))


def test_b4_15_no_key_is_dead_and_no_backend_falls_back() -> None:
    """B4.15: the seed ran a mistyped backend on its default."""
    result = one_model("    backend: ik_frok\n")

    assert ["models.yaml:4:14: models.m.backend: no backend is named 'ik_frok' (did you mean ik_fork?)"] == (
        errors(result)
    )
    assert () == result.files


@pytest.mark.parametrize(
    ("backend", "known", "runtime", "path"),
    [
        ("ik_fork", {"ik_fork": "/opt/ik/llama-server"}, "ik-fork", "/opt/ik/llama-server"),
        ("ik_fork", {}, "ik-fork", "/path/to/ik_fork/llama-server"),
        ("mine", {"mine": "/x/llama-server"}, "mine", "/x/llama-server"),
        (
            "/opt/ik_llama.cpp/build/bin/llama-server",
            {},
            "ik-llama.cpp",
            "/opt/ik_llama.cpp/build/bin/llama-server",
        ),
    ],
)
def test_a_backend_becomes_a_runtime(backend: str, known: dict[str, str], runtime: str, path: str) -> None:
    tree = tree_of(one_model(f"    backend: {backend}\n", backends=known))

    assert [(runtime, path)] == [
        (one.manifest.metadata.name, one.manifest.spec.path) for one in tree.runtimes
    ]
    assert runtime == tree.deployments[0].manifest.spec.runtime
    assert [] == list(tree.diagnostics)


def test_the_official_backend_is_the_built_in_runtime() -> None:
    assert spec_of(one_model("    backend: official\n")).runtime is None


def test_guardians_defaults_are_written_out() -> None:
    result = one_model("")
    spec = spec_of(result)

    assert ("q4_0", "q4_0", 4096, "all") == (
        spec.context.kv_type.k,
        spec.context.kv_type.v,
        spec.context.size,
        spec.placement.gpu_layers,
    )
    assert 2 == sum("Guardian's default" in note for note in notes(result))


def test_a_quantised_cache_gets_the_flash_attention_that_it_needs() -> None:
    result = one_model("    kv_type: q8_0\n    extra_args: -fa off\n")

    assert "auto" == spec_of(result).context.flash_attention
    assert any("flashAttention is written as auto" in note for note in notes(result))


@pytest.mark.parametrize(
    ("ngl", "layers"), [("99", "all"), ("999", "all"), ("0", 0), ("30", 30), ("auto", "auto")]
)
def test_99_layers_are_all_layers(ngl: str, layers: object) -> None:
    assert layers == spec_of(one_model(f"    ngl: {ngl}\n")).placement.gpu_layers


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("    ngl: many\n", "4:10: models.m.ngl: -ngl must be an integer, not 'many'"),
        ("    kv_type: q4\n", "3:5: models.m: spec.context.kvType.k "),
        ('    tensor_split: "a,b"\n', "4:19: models.m.tensor_split: -ts must be shares such as 0.55,0.45"),
        ("    context: [1]\n", "4:14: models.m.context: must be one value"),
        ("    extra_args: {a: b}\n", "4:17: models.m.extra_args: must be text"),
        ("    extra_args: --top-k\n", "4:17: models.m.extra_args: --top-k needs a value"),
        ("    extra_args: --top-k=3\n", "4:17: models.m.extra_args: --top-k= is one token"),
        ("    extra_args: 8192\n", "4:17: models.m.extra_args: '8192' belongs to no option"),
        ("    extra_args: --top-k x\n", "4:17: models.m.extra_args: --top-k must be an integer, not 'x'"),
        ("    mmproj: ~/x.gguf\n", "3:5: models.m: ~/x.gguf begins with ~"),
        ("guardian: {idle_unload_minutes: soon}\n", "4:33: guardian.idle_unload_minutes: must be a number"),
    ],
)
def test_a_value_that_means_nothing_is_an_error_at_its_place(lines: str, message: str) -> None:
    found = errors(one_model(lines))

    assert any(note.startswith(f"models.yaml:{message}") for note in found), found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "models.yaml:1:1: the file holds nothing"),
        ("models: []\n", "models.yaml:1:9: models: there are no models in this file"),
        ("a: b\n", "models.yaml:1:1: models: there are no models in this file"),
        ("models:\n  a: 3\n", "models.yaml:2:6: models.a: must be a mapping"),
        ("models:\n  a: {context: 1}\n", "models.yaml:2:3: models.a.path: is missing"),
        ("models: {a: [\n", "models.yaml:2:1:"),
    ],
)
def test_a_file_without_models_is_an_error(text: str, message: str) -> None:
    result = imported(text)

    assert any(note.startswith(message) for note in errors(result)), notes(result)
    assert () == result.files


def test_a_key_that_is_there_twice_leaves_out_only_its_model() -> None:
    result = imported(
        "models:\n  a: {path: /srv/models/a.gguf, ngl: 1, ngl: 2}\n  b: {path: /srv/models/b.gguf}\n"
    )

    assert ["host.yaml", "b.yaml"] == [file.name for file in result.files]
    assert any("duplicate key 'ngl'" in note for note in errors(result))


def test_s4_43_names_are_folded_and_stay_as_aliases() -> None:
    """4.43: aliases are compared without case, and none is given twice."""
    result = imported(
        "models:\n"
        "  Qwen3:30B: {path: /srv/models/a.gguf, aliases: [gpt-4o, GPT-4O, two words]}\n"
        "  qwen3-30b: {path: /srv/models/b.gguf, aliases: [gpt-4O]}\n"
        "aliases: {fast: qwen3-30b, lost: nobody}\n"
    )
    tree = tree_of(result)

    assert {"qwen3-30b": ("Qwen3:30B", "gpt-4o"), "qwen3-30b-2": ("fast",)} == {
        one.manifest.metadata.name: one.manifest.spec.aliases for one in tree.deployments
    }
    assert [] == list(tree.diagnostics)
    left = [note for note in notes(result) if "alias" in note]
    assert 4 == len(left)


def test_s4_39_the_pinned_model_is_pinned() -> None:
    """4.39: and who may switch waits for keys, with a note."""
    result = one_model("guardian: {pinned_model: m, switch_allowlist: [alice]}\n")

    assert spec_of(result).lifecycle.pinned
    assert any("guardian.switch_allowlist: is left out: alice" in note for note in notes(result))


@pytest.mark.parametrize(("minutes", "idle"), [("5", "5m"), ("0.5", "30s"), ("0", "never")])
def test_s4_38_idle_unload_is_for_all(minutes: str, idle: str) -> None:
    """4.38: minutes without a request."""
    (host, *_) = one_model(f"guardian: {{idle_unload_minutes: {minutes}}}\n").files

    assert f"  defaults:\n    lifecycle: {{idleUnload: {idle}}}\n" in host.text


def test_models_in_many_places_keep_their_paths() -> None:
    result = imported(
        "models:\n"
        "  a: {path: /srv/models/a.gguf}\n  b: {path: /srv/models/b.gguf}\n  c: {path: /mnt/disk/c.gguf}\n"
    )
    tree = tree_of(result)

    assert tree.host is not None
    assert ("/srv/models", ("/mnt/disk",)) == (
        tree.host.manifest.spec.paths.models,
        tree.host.manifest.spec.paths.allowed,
    )
    assert ["a.gguf", "b.gguf", "/mnt/disk/c.gguf"] == [
        one.manifest.spec.model.path
        for one in sorted(tree.deployments, key=lambda one: one.manifest.metadata.name)
    ]


def test_devices_keep_their_order() -> None:
    spec = spec_of(
        one_model('    cuda_visible_devices: "1,0"\n    tensor_split: "3,1"\n    extra_args: -mg 0\n')
    )

    assert (("gpu1", "gpu0"), (3, 1), "gpu1") == (
        spec.placement.gpus,
        spec.placement.tensor_split,
        spec.placement.main_gpu,
    )


def test_tensor_overrides_say_what_else_they_need() -> None:
    result = one_model("    extra_args: -ot 'exps=CPU'\n")

    assert () == spec_of(result).placement.override_tensors
    assert any("spec.placement.memory.vram" in note for note in notes(result))


def test_the_same_text_gives_the_same_files() -> None:
    assert imported(SAMPLE) == imported(SAMPLE)
