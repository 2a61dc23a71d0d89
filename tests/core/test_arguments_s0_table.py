"""The S0 argument allowlist: each key and alias, exactly emitted, refused where it must be, on a real help text."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reconciler.core.arguments import Checked, OptionTable, PolicyRules, Written, check, emit, option_table
from reconciler.spec.problems import Severity

HELP = (Path(__file__).parents[1] / "fakes" / "data" / "help_b11434.txt").read_text()
BUILD = option_table(HELP)


@dataclass(frozen=True, slots=True)
class Row:
    """`keys`: the canonical one and its aliases. `wrong`: values of the wrong type."""

    keys: str
    value: object
    argv: str
    wrong: tuple[object, ...] = field(default=("x", 8.9, True))

    @property
    def names(self) -> list[str]:
        return self.keys.split()


TEXT = (8, True, ["a"])  # no string
BOOL = ("x", 8, 1.5)
NUMBER = ("x", True, "0.5", float("nan"))
WORD = ("x", 8, ["a", "b"])
FILE = (8, True, "x.bin", "../up/x.gguf", "~/x.gguf", "a\0b.gguf")


ACCEPTED = [
    Row("threads t", 8, "-t 8"),
    Row("threads_batch tb threads-batch", 8, "--threads-batch 8"),
    Row("ctx_size c n_ctx ctx-size", 8192, "-c 8192"),
    Row("batch_size b n_batch", 2048, "-b 2048"),
    Row("ubatch_size ub n_ubatch", 512, "--ubatch-size 512"),
    Row("cpu_moe cmoe", True, "--cpu-moe", BOOL),
    Row("cpu_moe cmoe", False, "", BOOL),
    Row("n_cpu_moe ncmoe", 4, "--n-cpu-moe 4"),
    Row("rope_freq_base", 10000.0, "--rope-freq-base 10000.0", NUMBER),
    Row("rope_freq_base", 1e6, "--rope-freq-base 1000000.0", NUMBER),
    Row("rope_freq_scale", 0.5, "--rope-freq-scale 0.5", NUMBER),
    Row("rope_scale", 2, "--rope-scale 2", NUMBER),
    Row("rope_scaling rope_scaling_type", "yarn", "--rope-scaling yarn", WORD),
    Row("no_kv_offload nkvo", True, "--no-kv-offload", BOOL),
    Row("kv_offload kvo", False, "--no-kv-offload", BOOL),
    Row("kv_offload kvo", True, "--kv-offload", BOOL),
    Row("cache_type_k ctk", "q8_0", "--cache-type-k q8_0", WORD),
    Row("cache_type_v ctv", "q4_0", "--cache-type-v q4_0", WORD),
    Row("cache_type", "q8_0", "--cache-type-k q8_0 --cache-type-v q8_0", WORD),
    Row("flash_attn fa", True, "--flash-attn on", WORD),
    Row("flash_attn fa", False, "--flash-attn off", WORD),
    Row("flash_attn fa", "auto", "--flash-attn auto", WORD),
    Row("cont_batching cb", True, "--cont-batching", BOOL),
    Row("cont_batching cb", False, "--no-cont-batching", BOOL),
    Row("no_cont_batching nocb", True, "--no-cont-batching", BOOL),
    Row("context_shift streaming_llm", True, "--context-shift", BOOL),
    Row("context_shift streaming_llm", False, "--no-context-shift", BOOL),
    Row("no_context_shift", True, "--no-context-shift", BOOL),
    Row("lora", "a.gguf", "--lora a.gguf", FILE),
    Row("lora", ["a.gguf", "b.gguf"], "--lora a.gguf --lora b.gguf", FILE),
    Row(
        "lora_scaled", ["a.gguf", 0.5], "--lora-scaled a.gguf:0.5", (8, "a.gguf", ["a.gguf"], ["a.bin", 1.0])
    ),
    Row("control_vector", "v.gguf", "--control-vector v.gguf", FILE),
    Row("jinja", True, "--jinja", BOOL),
    Row("jinja", False, "--no-jinja", BOOL),
    Row("chat_template", "chatml", "--chat-template chatml", TEXT),
    Row("chat_template_file", "t.jinja", "--chat-template-file t.jinja", (8, "t.gguf", "../t.jinja")),
    Row("reverse_prompt r", "User:", "--reverse-prompt User:", (8, True)),
    Row("predict n n_predict", 128, "-n 128"),
    Row("keep", 16, "--keep 16"),
    Row("ignore_eos", True, "--ignore-eos", BOOL),
    Row("temp temperature", 0.7, "--temp 0.7", NUMBER),
    Row("seed s", 42, "-s 42"),
    Row("seed s", 4294967295, "-s 4294967295"),
    Row("dynatemp_range", 0.1, "--dynatemp-range 0.1", NUMBER),
    Row("top_k", 40, "--top-k 40"),
    Row("top_p", 0.95, "--top-p 0.95", NUMBER),
    Row("min_p", 0.05, "--min-p 0.05", NUMBER),
    Row("typical typical_p", 1.0, "--typical 1.0", NUMBER),
    Row("repeat_penalty", 1.1, "--repeat-penalty 1.1", NUMBER),
    Row("repeat_last_n", 64, "--repeat-last-n 64"),
    Row("presence_penalty", 0.5, "--presence-penalty 0.5", NUMBER),
    Row("frequency_penalty", 0.5, "--frequency-penalty 0.5", NUMBER),
    Row("dry_multiplier", 0.8, "--dry-multiplier 0.8", NUMBER),
    Row("dry_base", 1.75, "--dry-base 1.75", NUMBER),
    Row("dry_allowed_length", 2, "--dry-allowed-length 2"),
    Row("mirostat", 2, "--mirostat 2", ("x", 8.9, True, 3)),
    Row("mirostat_lr", 0.1, "--mirostat-lr 0.1", NUMBER),
    Row("mirostat_ent", 5.0, "--mirostat-ent 5.0", NUMBER),
    Row("cpu_mask C", "ff", "--cpu-mask ff", TEXT),
    Row("cpu_range Cr", "0-3", "--cpu-range 0-3", TEXT),
    Row("numa", True, "--numa distribute", WORD),
    Row("numa", False, "", WORD),
    Row("numa", "isolate", "--numa isolate", WORD),
    Row("grammar", 'root ::= "a"', '--grammar root ::= "a"', TEXT),
    Row("grammar_file", "g.gbnf", "--grammar-file g.gbnf", (8, "g.gguf", "/a/../g.gbnf")),
    Row("json_schema j", "{}", "-j {}", TEXT),
    Row("json_schema_file jf", "s.json", "--json-schema-file s.json", (8, "s.gguf", "~/s.json")),
    Row("no_perf", True, "--no-perf", BOOL),
    Row("reasoning_format", "deepseek", "--reasoning-format deepseek", WORD),
    Row("reasoning_budget", -1, "--reasoning-budget -1"),
    Row("cache_prompt", False, "--no-cache-prompt", BOOL),
    Row("cache_prompt", True, "--cache-prompt", BOOL),
    Row("cache_reuse", 256, "--cache-reuse 256"),
    Row("swa_full", True, "--swa-full", BOOL),
    Row("parallel np", 4, "--parallel 4"),
    Row("threads_http", 32, "--threads-http 32"),
    Row("timeout to", 600, "--timeout 600"),
    Row("mmproj mm", "p.gguf", "--mmproj p.gguf", FILE),
    Row("mmproj_auto", False, "--no-mmproj", BOOL),
    Row("no_mmproj", True, "--no-mmproj", BOOL),
    Row("mmproj_offload", False, "--no-mmproj-offload", BOOL),
    Row("no_mmproj_offload", True, "--no-mmproj-offload", BOOL),
    Row("image_min_tokens", 8, "--image-min-tokens 8"),
    Row("image_max_tokens", 64, "--image-max-tokens 64"),
    Row("model_draft md spec_draft_model", "d.gguf", "--spec-draft-model d.gguf", FILE),
    Row("draft_p_min spec_draft_p_min", 0.5, "--spec-draft-p-min 0.5", NUMBER),
    Row("cpu_moe_draft", True, "--spec-draft-cpu-moe", BOOL),
    Row("n_cpu_moe_draft", 2, "--spec-draft-n-cpu-moe 2"),
]

# Key, a value that would be right, words of the refusal that name what to do.
REFUSED = [
    ("port", 8081, "use spec.port"),
    ("host", "0.0.0.0", "use Host.spec.listen"),  # noqa: S104 - refused is the point
    ("n_gpu_layers", 30, "use spec.placement.gpuLayers"),
    ("ngl", 30, "use spec.placement.gpuLayers"),
    ("gpu_layers", 30, "use spec.placement.gpuLayers"),
    ("main_gpu", 0, "use spec.placement.mainGpu"),
    ("mg", 0, "use spec.placement.mainGpu"),
    ("split_mode", "layer", "use spec.placement.splitMode"),
    ("sm", "layer", "use spec.placement.splitMode"),
    ("row_split", True, "use spec.placement.splitMode"),
    ("tensor_split", [1, 2], "use spec.placement.tensorSplit"),
    ("device", "CUDA0", "use spec.placement.gpus"),
    ("override_tensor", "a=CPU", "use spec.placement.overrideTensors"),
    ("gpu_layers_draft", 1, "use spec.model.draft.gpuLayers"),
    ("model", "x.gguf", "use spec.model.path"),
    ("alias", "x", "use spec.aliases"),
    ("cache_ram", 0, "use spec.context.promptCache"),
    ("no_mmap", True, "write load-mode: none"),
    ("mlock", True, "write load-mode: mlock"),
    ("main_kv", 1, "remove it"),
    ("lora_base", "b.gguf", "lora, which takes a quantised base as it is"),
    ("hf_repo", "a/b", "Host.spec.paths.models"),
    ("hf_file", "b.gguf", "Host.spec.paths.models"),
    ("hf_token", "abc", "spec.secretEnv"),
    ("offline", True, "every engine is started offline"),
    *(
        (key, True, "llama-cli")
        for key in ("conversation", "cnv", "no_conversation", "no_cnv", "interactive", "i")
    ),
    *((key, True, "llama-cli") for key in ("interactive_first", "if", "single_turn", "st", "in_prefix_bos")),
    *(
        (key, "x", "spec.request.defaults")
        for key in ("in_prefix", "in_suffix", "system_prompt", "sys", "prompt", "p")
    ),
    ("prompt_cache", "c.bin", "spec.context.promptCache"),
    ("prompt_cache_all", True, "spec.context.promptCache"),
    ("prompt_cache_ro", True, "spec.context.promptCache"),
    ("log_file", "x.log", "reconciler logs"),
    ("log_colors", True, "reconciler logs"),
    ("log_timestamps", True, "reconciler logs"),
    ("log_verbosity", 4, "reconciler logs"),
    ("verbose", True, "reconciler logs"),
    ("log_disable", True, "reconciler logs"),
    ("mmproj_url", "http://x", "spec.model.mmproj.path"),
    ("draft_max", 8, "write spec-draft-n-max"),
    ("draft_min", 1, "write spec-draft-n-min"),
    ("ctx_size_draft", 4096, "spec.context.size"),
    ("memory_f32", True, "spec.context.kvType"),
    ("sane_defaults", True, "remove it"),
    ("api_key", "x", "Host.spec.auth"),
    ("token", "x", "spec.secretEnv"),
]

CASES = [pytest.param(row, id=f"{row.names[0]}={row.value}") for row in ACCEPTED]
ALIASES = [
    pytest.param(row, alias, id=f"{row.names[0]}-{alias}") for row in ACCEPTED for alias in row.names[1:]
]


def judge(args: Mapping[str, object], build: OptionTable = BUILD) -> Checked:
    return check(Written(args=args), rules=PolicyRules(), options=build)


def argv(args: Mapping[str, object]) -> str:
    checked = judge(args)
    assert checked.ok, checked.problems
    return " ".join(emit(checked.settings))


def errors(args: Mapping[str, object], build: OptionTable = BUILD) -> list[tuple[object, str]]:
    return [
        (problem.path, f"{problem.message} ({problem.hint})")
        for problem in judge(args, build).problems
        if problem.severity is Severity.ERROR
    ]


@pytest.mark.parametrize("row", CASES)
def test_a_key_emits_exactly_its_tokens(row: Row) -> None:
    assert row.argv == argv({row.names[0]: row.value})


@pytest.mark.llama_server
def test_the_real_parser_reads_every_emitted_token(llama_server: Path, tmp_path: Path) -> None:
    """`--version` exits where it stands: all before it were parsed, option by option."""
    files = {"t.jinja": "x", "g.gbnf": 'root ::= "a"', "s.json": "{}"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    tokens = [token for row in ACCEPTED for token in emit(judge({row.names[0]: row.value}).settings)]

    ran = subprocess.run(
        [llama_server, *tokens, "--version"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (0, True) == (ran.returncode, "version" in ran.stdout + ran.stderr), ran.stderr


@pytest.mark.parametrize(("row", "alias"), ALIASES)
def test_an_alias_emits_the_same(row: Row, alias: str) -> None:
    assert row.argv == argv({alias: row.value})


@pytest.mark.parametrize(("row", "alias"), ALIASES)
def test_a_key_and_its_alias_together_are_an_error_that_names_both(row: Row, alias: str) -> None:
    found = errors({row.names[0]: row.value, alias: row.value})

    assert 1 == len(found)
    assert row.names[0] in str(found)
    assert alias in str(found)


@pytest.mark.parametrize(
    ("row", "wrong"),
    [pytest.param(row, wrong, id=f"{row.names[0]}={wrong!r}") for row in ACCEPTED for wrong in row.wrong],
)
def test_a_wrong_type_is_an_error_at_its_key(row: Row, wrong: object) -> None:
    key = row.names[0]

    assert {("spec", "args", key)} == {path for path, _ in errors({key: wrong})}
    assert not judge({key: wrong}).settings


@pytest.mark.parametrize("row", CASES)
def test_a_key_that_the_binary_lacks_is_an_error_before_any_start(row: Row) -> None:
    name = row.argv.split()[0] if row.argv else f"--{row.names[0]}".replace("_", "-")
    build = option_table(without(name))

    found = errors({row.names[0]: row.value}, build)

    assert "this build of the engine" in str(found)


def without(name: str) -> str:
    """The help text less the entry with this name."""
    entries = re.split(r"(?m)^(?=-)", HELP)
    kept = [entry for entry in entries if not re.search(rf"(?:^|, +){re.escape(name)}[ ,\n]", entry[:160])]
    assert len(kept) == len(entries) - 1
    return "".join(kept)


@pytest.mark.parametrize(("key", "value", "says"), REFUSED, ids=[key for key, _, _ in REFUSED])
def test_what_is_managed_gone_or_never_was_is_refused_with_what_to_do(
    key: str, value: object, says: str
) -> None:
    found = errors({key: value})

    assert [("spec", "args", key)] == [path for path, _ in found]
    assert says in found[0][1]


@pytest.mark.parametrize("kv_type", ["f32", "f16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", None])
def test_s2_50_each_kv_type_is_accepted_and_none_means_the_default(kv_type: str | None) -> None:
    expected = f"--cache-type-k {kv_type}" if kv_type else ""

    assert expected == argv({"cache_type_k": kv_type})


def test_s2_50_an_unknown_kv_type_lists_those_of_the_build() -> None:
    assert "iq4_nl" in errors({"cache_type_k": "q3_0"})[0][1]


def test_s0_8_threads_appear_only_when_set() -> None:
    assert "-c 2048" == argv({"ctx_size": 2048, "threads": None})


def test_s0_31_null_and_empty_text_are_dropped() -> None:
    assert [] == list(judge({"ngl": None, "grammar": ""}).problems)
    assert "" == argv({"ngl": None, "grammar": ""})


def test_b0_6_a_boolean_never_becomes_a_flag_that_swallows_the_next_token() -> None:
    assert "--flash-attn on --keep 1 --numa distribute" == argv({"flash_attn": True, "numa": True, "keep": 1})


def test_b0_7_false_switches_off_what_the_build_has_on_and_unset_says_nothing() -> None:
    assert "--no-jinja" == argv({"jinja": False})
    assert "" == argv({"swa_full": False})
    assert "" == argv({})


def test_b0_8_nothing_is_coerced() -> None:
    assert 4 == len(errors({"threads": True, "keep": 8.9, "parallel": "8", "temp": True}))


def test_b0_9_rope_scale_keeps_its_own_meaning() -> None:
    assert "--rope-freq-scale 0.5 --rope-scale 2" == argv({"rope_scale": 2, "rope_freq_scale": 0.5})
