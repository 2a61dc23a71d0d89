"""The tensors of real architectures, by name, shape and type: what `giants` writes without their data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from reconciler.core.gguf.tensor_types import TENSOR_TYPE_NAMES

Shape = tuple[int, ...]
Named = tuple[str, Shape]
Quant = Literal["f16", "bf16", "q8_0", "q4_0", "q4_k_m", "q6_k", "mxfp4"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Giant:
    """0 stands for "the model has no such thing"."""

    architecture: str
    layers: int
    embedding: int
    vocabulary: int
    context: int
    heads: int = 0
    kv_heads: int = 0
    head_size: int = 0
    feed_forward: int = 0
    rope_base: float = 10_000.0
    rope_size: int = 0
    sliding_window: int = 0
    tied: bool = False
    experts: int = 0
    experts_used: int = 0
    experts_shared: int = 0
    expert_feed_forward: int = 0
    shared_feed_forward: int = 0
    dense_layers: int = 0
    kv_rank: int = 0
    q_rank: int = 0
    still_size: int = 0
    """The part of an MLA head that is not rotated."""
    value_size: int = 0
    conv: int = 0
    inner: int = 0
    state: int = 0
    time_step_rank: int = 0
    state_groups: int = 0


_QUANT_TYPES = {
    "f16": "F16",
    "bf16": "BF16",
    "q8_0": "Q8_0",
    "q4_0": "Q4_0",
    "q4_k_m": "Q4_K",
    "q6_k": "Q6_K",
    "mxfp4": "MXFP4",
}
_NEVER_QUANTISED = ("norm", "ffn_gate_inp", "ssm_conv1d", ".bias", "ssm_a", "ssm_d")
_FINER_IN_Q4_K_M = re.compile(r"output\.|.*(?:attn_v|ffn_down)")


def type_of(name: str, shape: Shape, quant: Quant) -> str:
    """What llama-quantize would choose, roughly."""
    if len(shape) == 1 or (any(part in name for part in _NEVER_QUANTISED) and "ssm_dt.weight" not in name):
        return "F32"
    chosen = _QUANT_TYPES[quant]
    if quant == "q4_k_m" and _FINER_IN_Q4_K_M.match(name):
        chosen = "Q6_K"
    if quant == "mxfp4" and "_exps" not in name:
        chosen = "Q8_0"
    if shape[0] % TENSOR_TYPE_NAMES[chosen].block == 0:
        return chosen
    return "Q8_0" if shape[0] % 32 == 0 else "F16"


def tensors_of(giant: Giant) -> Iterator[Named]:
    table = (giant.embedding, giant.vocabulary)
    yield "token_embd.weight", table
    yield "output_norm.weight", (giant.embedding,)
    if not giant.tied:
        yield "output.weight", table
    for layer in range(giant.layers):
        for part, shape in _layer(giant, layer):
            yield f"blk.{layer}.{part}", shape


def _layer(giant: Giant, layer: int) -> Iterator[Named]:
    wide = (giant.embedding,)
    yield "attn_norm.weight", wide
    if giant.architecture == "mamba":
        yield from _mamba(giant)
        return
    if giant.kv_rank:
        yield from _latent_attention(giant)
    elif giant.architecture == "qwen3next" and (layer + 1) % 4:
        yield from _linear_attention(giant)
    else:
        yield from _attention(giant)
    if giant.architecture == "gemma3":
        yield "post_attention_norm.weight", wide
        yield "post_ffw_norm.weight", wide
    renamed = giant.architecture in {"gpt-oss", "qwen3next"}
    yield ("post_attention_norm.weight" if renamed else "ffn_norm.weight"), wide
    yield from _experts(giant) if giant.experts and layer >= giant.dense_layers else _dense(giant)


def _mamba(giant: Giant) -> Iterator[Named]:
    inner, state, rank = giant.inner, giant.state, giant.time_step_rank
    yield "ssm_in.weight", (giant.embedding, 2 * inner)
    yield "ssm_conv1d.weight", (giant.conv, inner)
    yield "ssm_conv1d.bias", (inner,)
    yield "ssm_x.weight", (inner, rank + 2 * state)
    yield "ssm_dt.weight", (rank, inner)
    yield "ssm_dt.bias", (inner,)
    yield "ssm_a", (state, inner)
    yield "ssm_d", (inner,)
    yield "ssm_out.weight", (inner, giant.embedding)


def _latent_attention(giant: Giant) -> Iterator[Named]:
    wide, heads, rank = giant.embedding, giant.heads, giant.kv_rank
    query = heads * (giant.still_size + giant.rope_size)
    if giant.q_rank:
        yield "attn_q_a_norm.weight", (giant.q_rank,)
        yield "attn_q_a.weight", (wide, giant.q_rank)
        yield "attn_q_b.weight", (giant.q_rank, query)
    else:
        yield "attn_q.weight", (wide, query)
    yield "attn_kv_a_norm.weight", (rank,)
    yield "attn_kv_a_mqa.weight", (wide, rank + giant.rope_size)
    yield "attn_k_b.weight", (giant.still_size, rank, heads)
    yield "attn_v_b.weight", (rank, giant.value_size, heads)
    yield "attn_output.weight", (heads * giant.value_size, wide)


def _linear_attention(giant: Giant) -> Iterator[Named]:
    keys, values = giant.state * giant.state_groups, giant.state * giant.time_step_rank
    steps = giant.time_step_rank
    yield "attn_qkv.weight", (giant.embedding, 2 * keys + values)
    yield "attn_gate.weight", (giant.embedding, values)
    yield "ssm_conv1d.weight", (giant.conv, 2 * keys + values)
    yield "ssm_dt.bias", (steps,)
    yield "ssm_a", (steps,)
    yield "ssm_ba.weight", (giant.embedding, 2 * steps)
    yield "ssm_norm.weight", (giant.state,)
    yield "ssm_out.weight", (values, giant.embedding)


def _attention(giant: Giant) -> Iterator[Named]:
    wide, size = giant.embedding, giant.head_size
    query, cached = giant.heads * size, giant.kv_heads * size
    yield "attn_q.weight", (wide, query * (2 if giant.architecture == "qwen3next" else 1))
    yield "attn_k.weight", (wide, cached)
    yield "attn_v.weight", (wide, cached)
    yield "attn_output.weight", (query, wide)
    if giant.architecture in {"qwen3moe", "gemma3", "qwen3next"}:
        yield "attn_q_norm.weight", (size,)
        yield "attn_k_norm.weight", (size,)
    if giant.architecture == "gpt-oss":
        yield "attn_q.bias", (query,)
        yield "attn_k.bias", (cached,)
        yield "attn_v.bias", (cached,)
        yield "attn_output.bias", (wide,)
        yield "attn_sinks.weight", (giant.heads,)


def _experts(giant: Giant) -> Iterator[Named]:
    wide, inner, count = giant.embedding, giant.expert_feed_forward, giant.experts
    yield "ffn_gate_inp.weight", (wide, count)
    yield "ffn_gate_exps.weight", (wide, inner, count)
    yield "ffn_up_exps.weight", (wide, inner, count)
    yield "ffn_down_exps.weight", (inner, wide, count)
    if giant.architecture == "gpt-oss":
        yield "ffn_gate_inp.bias", (count,)
        yield "ffn_gate_exps.bias", (inner, count)
        yield "ffn_up_exps.bias", (inner, count)
        yield "ffn_down_exps.bias", (wide, count)
    if shared := giant.shared_feed_forward or inner * giant.experts_shared:
        yield "ffn_gate_shexp.weight", (wide, shared)
        yield "ffn_up_shexp.weight", (wide, shared)
        yield "ffn_down_shexp.weight", (shared, wide)
    if giant.architecture == "qwen3next":
        yield "ffn_gate_inp_shexp.weight", (wide,)


def _dense(giant: Giant) -> Iterator[Named]:
    wide, inner = giant.embedding, giant.feed_forward
    yield "ffn_gate.weight", (wide, inner)
    yield "ffn_up.weight", (wide, inner)
    yield "ffn_down.weight", (inner, wide)
