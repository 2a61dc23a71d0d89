"""What is known of a model is what its header says, and a key of the wrong type is a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from reconciler.core.gguf.chat_templates import read_template
from reconciler.core.gguf.facts import Experts, ModelFacts, ModelKind, Pooling, StateSpace, model_facts
from reconciler.core.gguf.tensor_groups import group_of, layer_of
from reconciler.core.gguf.values import Value
from reconciler.core.gguf.writing import TensorPlan, encode_header
from reconciler.core.tinymodels.kinds import build
from reconciler.errors import GgufInvalid
from reconciler.host.models import read_facts
from tests.fakes.giants import LARGE_FILE_SIZE, large_header, write_giant
from tests.fakes.header_bytes import parse_header_bytes


def facts(metadata: dict[str, Value], tensors: Sequence[TensorPlan] = ()) -> ModelFacts:
    header = encode_header({"general.architecture": "llama", **metadata}, tensors)
    return model_facts(parse_header_bytes(header, file_size=len(header) + (1 << 40)))


def giant(tmp_path: Path, name: str) -> ModelFacts:
    write_giant(tmp_path / "giant.gguf", name)
    return read_facts(tmp_path / "giant.gguf")


def test_the_chat_model_is_described() -> None:
    model = model_facts(parse_header_bytes(build("chat", name="demo", context=4096)))

    assert (model.kind, model.architecture, model.name) == (ModelKind.MODEL, "llama", "demo")
    assert (model.layers, model.trained_context, model.embedding_length) == (2, 4096, 384)
    assert (model.attention.heads, model.attention.kv_heads) == ((4, 4), (2, 2))
    assert (model.attention.key_length, model.attention.value_length) == (32, 32)
    assert (model.quantisation, model.dominant_type, model.parameters) == ("F16", "F16", 700_032)
    assert (model.tokenizer.model, model.tokenizer.pre, model.vocabulary) == ("gpt2", "gpt-2", 333)
    assert (model.tokenizer.bos, model.tokenizer.eos) == (326, 328)
    assert (model.tools, model.reasoning, model.embeddings, model.rerank) == (True, False, False, False)


def test_every_byte_of_a_model_is_in_one_group() -> None:
    model = model_facts(parse_header_bytes(build("chat")))

    assert model.bytes.token_embedding == model.bytes.output == 333 * 384 * 2
    assert model.bytes.other == model.bytes.experts == 0
    assert model.tensor_bytes == sum(tensor.size for tensor in model.tensors)
    outside = model.bytes.token_embedding + model.bytes.output + 384 * 4
    assert sum(model.layer_bytes) == model.tensor_bytes - outside


def test_a_mixture_of_experts_is_described(tmp_path: Path) -> None:
    model = giant(tmp_path, "qwen3-30b-a3b")

    assert model.experts == Experts(count=128, used=8, shared=0)
    assert model.bytes.experts > 0.9 * model.tensor_bytes
    assert model.parameters == 30_532_122_624
    assert len(model.layer_bytes) == 48


def test_latent_attention_is_described(tmp_path: Path) -> None:
    model = giant(tmp_path, "deepseek-v3")

    attention = model.attention
    assert (attention.kv_heads, attention.key_length, attention.value_length) == ((1,) * 61, 576, 512)
    assert (attention.key_length_mla, attention.value_length_mla) == (192, 128)
    assert (attention.kv_lora_rank, attention.q_lora_rank) == (512, 1536)
    assert model.experts == Experts(count=256, used=8, shared=1)
    assert model.metadata["deepseek2.leading_dense_block_count"] == 3
    assert model.file_size > 370 << 30


def test_a_state_space_model_is_described(tmp_path: Path) -> None:
    model = giant(tmp_path, "mamba-2.8b")

    assert model.state_space == StateSpace(4, 5120, 16, 160, None)
    assert set(model.attention.heads) == {0}
    assert model.bytes.attention == model.bytes.ffn == 0
    assert model.bytes.recurrent > 0


def test_a_sliding_window_and_hybrid_layers_are_described(tmp_path: Path) -> None:
    assert giant(tmp_path, "gemma-3-12b").attention.sliding_window == 1024
    hybrid = giant(tmp_path, "qwen3-next-80b-a3b")

    assert hybrid.state_space == StateSpace(4, 4096, 128, 32, 16)
    assert min(hybrid.bytes.recurrent, hybrid.bytes.attention, hybrid.bytes.experts) > 0


def test_a_large_vocabulary_is_counted_without_being_kept() -> None:
    model = model_facts(parse_header_bytes(large_header(), file_size=LARGE_FILE_SIZE))

    assert model.vocabulary == 151_936
    assert model.placed.keys() == {f"tokenizer.ggml.{part}" for part in ("tokens", "token_type", "merges")}
    assert len(model.tensors) == 707
    assert model.reasoning


def test_heads_may_differ_between_layers() -> None:
    lists: dict[str, Value] = {
        "llama.attention.head_count": (8, 8, 4),
        "llama.attention.head_count_kv": (2, 0, 1),
    }
    model = facts({"llama.block_count": 3, "llama.embedding_length": 512, **lists})

    assert model.attention.heads == (8, 8, 4)
    assert model.attention.kv_heads == (2, 0, 1)
    assert model.attention.key_length == 64


def test_absent_kv_heads_are_as_many_as_heads() -> None:
    assert facts({"llama.block_count": 2, "llama.attention.head_count": 8}).attention.kv_heads == (8, 8)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"general.file_type": 15}, "Q4_K_M"),
        ({"general.file_type": 1024 + 18}, "Q6_K"),
        ({"general.file_type": 9999}, "Q8_0"),
        ({}, "Q8_0"),
    ],
)
def test_the_quantisation_is_what_was_declared_or_what_most_bytes_are(
    metadata: dict[str, Value], expected: str
) -> None:
    tensors = [TensorPlan("a", (64, 64), "Q8_0"), TensorPlan("b", (64,), "F32")]

    assert facts(metadata, tensors).quantisation == expected


@pytest.mark.parametrize(
    ("metadata", "tensors", "embeddings", "rerank"),
    [
        ({"llama.pooling_type": 1}, [], True, False),
        ({"llama.pooling_type": 0}, [], False, False),
        ({"llama.pooling_type": 4}, [], False, True),
        ({}, [TensorPlan("cls.output.weight", (8, 2))], False, True),
        ({"general.architecture": "nomic-bert"}, [], True, False),
        ({"general.architecture": "bert"}, [TensorPlan("cls.weight", (8, 8))], False, True),
        ({}, [], False, False),
    ],
)
def test_embedding_and_rerank_models_are_told_apart(
    metadata: dict[str, Value], tensors: list[TensorPlan], embeddings: bool, rerank: bool
) -> None:
    model = facts(metadata, tensors)

    assert (model.embeddings, model.rerank) == (embeddings, rerank)


def test_pooling_has_a_name() -> None:
    assert facts({"llama.pooling_type": 3}).pooling is Pooling.LAST
    assert facts({}).pooling is None


def test_adapters_and_projectors_are_no_models() -> None:
    adapter = model_facts(parse_header_bytes(build("lora")))
    projector = facts(
        {"general.architecture": "clip", "clip.has_vision_encoder": True, "clip.vision.block_count": 27}
    )

    assert (adapter.kind, adapter.adapter_type) == (ModelKind.ADAPTER, "lora")
    assert (projector.kind, projector.vision, projector.audio) == (ModelKind.PROJECTOR, True, False)
    assert projector.layers == 27


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"general.architecture": 3}, "general.architecture is 3, expected a text"),
        ({"general.architecture": ""}, "no general.architecture, expected a name such as 'llama'"),
        ({"general.name": 1.5}, "general.name is 1.5, expected a text"),
        ({"llama.block_count": "many"}, "llama.block_count is 'many', expected a whole number"),
        ({"llama.block_count": True}, "llama.block_count is True, expected a whole number"),
        ({"llama.block_count": -1}, "llama.block_count is -1, expected a whole number"),
        ({"llama.block_count": 4_000_000_000}, "llama.block_count is 4000000000 (at most 1024 layers"),
        (
            {"llama.block_count": 3, "llama.attention.head_count": (1, 2)},
            "llama.attention.head_count is 'a list of 2', expected one entry for each of 3 layers",
        ),
        (
            {"llama.block_count": 1, "llama.attention.head_count": ("a",)},
            "llama.attention.head_count is 'a', expected a whole number",
        ),
        ({"llama.pooling_type": 9}, "llama.pooling_type is 9, expected 0 to 4"),
        ({"llama.context_length": (1, 2)}, "llama.context_length is (1, 2), expected a whole number"),
        ({"tokenizer.chat_template": 7}, "tokenizer.chat_template is 7, expected a text"),
        ({"general.name": ("x" * 99,)}, f"general.name is ('{'x' * 55}..., expected a text"),
    ],
)
def test_a_known_key_of_a_wrong_type_is_refused(metadata: dict[str, Value], message: str) -> None:
    with pytest.raises(GgufInvalid) as caught:
        facts(metadata)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "tools", "reasoning", "switch", "images"),
    [
        ("{% for m in messages %}{{ m.content }}{% endfor %}", False, False, None, False),
        ("{%- if tools %}{{ tools | tojson }}{%- endif %}", True, False, None, False),
        ("{# tools would go here #}Use the tools, tools!", False, False, None, False),
        ("{{ m['tool_calls'] }}", True, False, None, False),
        ("{% if enable_thinking is defined %}<think>{% endif %}", False, True, "enable_thinking", False),
        ("{{ message.reasoning_content }}", False, True, None, False),
        (
            "{{ message.thinking }} {{ reasoning_effort }} <|channel|>analysis",
            False,
            True,
            "reasoning_effort",
            False,
        ),
        ("{% if thinking %}</think>{% endif %}", False, True, "thinking", False),
        ("[THINK]", False, True, None, False),
        ("{% if item.type == 'image' %}<|vision_start|>{% endif %}", False, False, None, True),
        ("{{ tools", False, False, None, False),
        ("{", False, False, None, False),
    ],
)
def test_a_template_is_judged_by_its_text(
    text: str, tools: bool, reasoning: bool, switch: str | None, images: bool
) -> None:
    template = read_template(text)

    assert (template.tools, template.reasoning) == (tools, reasoning)
    assert (template.reasoning_switch, template.images) == (switch, images)


def test_a_second_template_for_tools_counts() -> None:
    templates: dict[str, Value] = {
        "tokenizer.chat_template": "{{ messages }}",
        "tokenizer.chat_template.tool_use": "x",
    }

    assert facts(templates).tools


def test_b1_7_a_hostile_template_is_only_looked_at() -> None:
    hostile = "{{ cycler.__init__.__globals__.os.popen('id').read() }}" + "{%" * 400_000 + "{" * 200_000

    assert read_template(hostile).text == hostile


@pytest.mark.parametrize(
    ("name", "group", "layer"),
    [
        ("token_embd.weight", "token_embedding", None),
        ("output.weight", "output", None),
        ("output_norm.weight", "norms", None),
        ("blk.7.attn_q.weight", "attention", 7),
        ("blk.7.attn_norm.weight", "norms", 7),
        ("blk.12.ffn_gate.weight", "ffn", 12),
        ("blk.12.ffn_gate_exps.weight", "experts", 12),
        ("blk.12.ffn_gate_shexp.weight", "ffn", 12),
        ("blk.0.ssm_in.weight", "recurrent", 0),
        ("blk.0.time_mix_key.weight", "recurrent", 0),
        ("v.blk.3.attn_q.weight", "attention", None),
        ("dec.blk.3.cross_attn_q.weight", "attention", None),
        ("blk.x.attn_q.weight", "attention", None),
        ("blk.99999999999.attn_q.weight", "attention", None),
        ("rope_freqs.weight", "other", None),
        ("mm.0.weight", "other", None),
    ],
)
def test_tensors_are_grouped_by_name(name: str, group: str, layer: int | None) -> None:
    assert (group_of(name), layer_of(name)) == (group, layer)
