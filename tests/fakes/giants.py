"""Headers of real architectures over holes: files of hundreds of GiB that take some KiB of disk.

    write_giant(path, "deepseek-v3")                      estimating memory, listing, planning
    write_giant(path, "llama-3-8b", vocabulary="real")    the real llama-server starts on it

Their sizes, keys and tensor names are those of the published models; all numbers in them are zero.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from reconciler.core.gguf.values import Value
from reconciler.core.gguf.writing import TensorPlan, encode_header, padded
from reconciler.core.tinymodels.templates import chat_template
from reconciler.core.tinymodels.vocabulary import make_vocabulary
from tests.fakes.giant_tensors import Giant, Quant, tensors_of, type_of

_QWEN3_MOE = Giant(
    architecture="qwen3moe", layers=48, embedding=2048, vocabulary=151936, context=40960, heads=32, kv_heads=4,
    head_size=128, feed_forward=6144, rope_base=1e6, experts=128, experts_used=8, expert_feed_forward=768,
)  # fmt: skip
_LLAMA_8B = Giant(
    architecture="llama", layers=32, embedding=4096, vocabulary=128256, context=8192, heads=32, kv_heads=8,
    head_size=128, feed_forward=14336, rope_base=5e5,
)  # fmt: skip
_GEMMA_12B = Giant(
    architecture="gemma3", layers=48, embedding=3840, vocabulary=262208, context=131072, heads=16, kv_heads=8,
    head_size=256, feed_forward=15360, rope_base=1e6, sliding_window=1024, tied=True,
)  # fmt: skip
_DEEPSEEK_LITE = Giant(
    architecture="deepseek2", layers=27, embedding=2048, vocabulary=102400, context=163840, heads=16, kv_heads=1,
    feed_forward=10944, experts=64, experts_used=6, experts_shared=2, expert_feed_forward=1408, dense_layers=1,
    kv_rank=512, still_size=128, rope_size=64, value_size=128,
)  # fmt: skip

GIANTS: Mapping[str, Giant] = MappingProxyType({
    "llama-3-8b": _LLAMA_8B,
    "llama-3-70b": replace(_LLAMA_8B, layers=80, embedding=8192, heads=64, feed_forward=28672),
    "qwen3-30b-a3b": _QWEN3_MOE,
    "gemma-3-12b": _GEMMA_12B,
    "gemma-3-27b": replace(
        _GEMMA_12B, layers=62, embedding=5376, heads=32, kv_heads=16, head_size=128, feed_forward=21504
    ),
    "deepseek-v2-lite": _DEEPSEEK_LITE,
    "deepseek-v3": replace(
        _DEEPSEEK_LITE, layers=61, embedding=7168, vocabulary=129280, heads=128, feed_forward=18432, experts=256,
        experts_used=8, experts_shared=1, expert_feed_forward=2048, dense_layers=3, q_rank=1536,
    ),
    "gpt-oss-20b": Giant(
        architecture="gpt-oss", layers=24, embedding=2880, vocabulary=201088, context=131072, heads=64, kv_heads=8,
        head_size=64, feed_forward=2880, rope_base=150_000.0, sliding_window=128, experts=32, experts_used=4,
        expert_feed_forward=2880,
    ),
    "qwen3-next-80b-a3b": Giant(
        architecture="qwen3next", layers=48, embedding=2048, vocabulary=151936, context=262144, heads=16, kv_heads=2,
        head_size=256, rope_size=64, feed_forward=5120, rope_base=1e7, experts=512, experts_used=10,
        expert_feed_forward=512, shared_feed_forward=512, conv=4, inner=4096, state=128, time_step_rank=32,
        state_groups=16,
    ),
    "mamba-2.8b": Giant(
        architecture="mamba", layers=64, embedding=2560, vocabulary=50280, context=2048, conv=4, inner=5120,
        state=16, time_step_rank=160,
    ),
})  # fmt: skip


def write_giant(
    path: Path,
    name: str,
    *,
    quant: Quant = "q4_k_m",
    vocabulary: Literal["none", "real"] = "none",
    **changes: Any,
) -> int:
    """Writes the header and a hole of the right size; the bytes of its tensors come back."""
    giant = replace(GIANTS[name], **changes)
    metadata = _metadata(giant, name) | (_real_vocabulary(giant) if vocabulary == "real" else _NO_VOCABULARY)
    plans = [TensorPlan(tensor, shape, type_of(tensor, shape, quant)) for tensor, shape in tensors_of(giant)]
    header = encode_header(metadata, plans)
    size = sum(padded(plan.size) for plan in plans)
    path.write_bytes(header)
    os.truncate(path, len(header) + size)
    return size


def large_header() -> bytes:
    """A header with 152k tokens, as many merges and 707 tensors; their data would end at `LARGE_FILE_SIZE`."""
    tokens = tuple(f"Ġtoken{number}"[: 3 + number % 9] for number in range(151_936))
    merges = tuple(f"Ġab{number % 77} cd{number % 9}" for number in range(151_387))
    metadata: dict[str, Value] = {
        "general.architecture": "qwen3",
        "general.name": "large",
        "qwen3.block_count": 64,
        "qwen3.context_length": 40960,
        "qwen3.embedding_length": 5120,
        "qwen3.attention.head_count": 64,
        "qwen3.attention.head_count_kv": 8,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": (1,) * len(tokens),
        "tokenizer.ggml.merges": merges,
        "tokenizer.chat_template": chat_template(thinking=True),
    }
    plans = [TensorPlan(f"blk.{n // 11}.attn_{n % 11}.weight", (256, 256), "Q4_K") for n in range(707)]
    return encode_header(metadata, plans)


LARGE_FILE_SIZE = 64 << 20


def _metadata(giant: Giant, name: str) -> dict[str, Value]:
    general: dict[str, Value] = {
        "general.architecture": giant.architecture,
        "general.type": "model",
        "general.name": f"giant-{name}",
        "general.quantization_version": 2,
    }
    own: dict[str, Value] = {
        "vocab_size": giant.vocabulary,
        "context_length": giant.context,
        "embedding_length": giant.embedding,
        "block_count": giant.layers,
        "feed_forward_length": giant.feed_forward,
        "attention.head_count": giant.heads,
        "attention.layer_norm_rms_epsilon": 1e-6,
        **(_attention_keys(giant) if giant.heads else {}),
    }
    present: dict[str, int] = {
        "attention.sliding_window": giant.sliding_window,
        "expert_count": giant.experts,
        "expert_used_count": giant.experts_used,
        "expert_feed_forward_length": giant.expert_feed_forward,
        "expert_shared_count": giant.experts_shared,
        "expert_shared_feed_forward_length": giant.shared_feed_forward,
        "ssm.conv_kernel": giant.conv,
        "ssm.inner_size": giant.inner,
        "ssm.state_size": giant.state,
        "ssm.time_step_rank": giant.time_step_rank,
        "ssm.group_count": giant.state_groups,
    }
    own |= {key: value for key, value in present.items() if value}
    return general | {f"{giant.architecture}.{key}": value for key, value in own.items()}


def _attention_keys(giant: Giant) -> dict[str, Value]:
    keys: dict[str, Value] = {
        "attention.head_count_kv": giant.kv_heads,
        "rope.freq_base": giant.rope_base,
        "rope.dimension_count": giant.rope_size or giant.head_size,
        "attention.key_length": giant.head_size,
        "attention.value_length": giant.head_size,
    }
    if giant.kv_rank:
        keys |= {
            "attention.key_length": giant.kv_rank + giant.rope_size,
            "attention.value_length": giant.kv_rank,
            "attention.key_length_mla": giant.still_size + giant.rope_size,
            "attention.value_length_mla": giant.value_size,
            "attention.kv_lora_rank": giant.kv_rank,
            "leading_dense_block_count": giant.dense_layers,
            "expert_weights_scale": 1.0,
        }
        keys |= {"attention.q_lora_rank": giant.q_rank} if giant.q_rank else {}
    return keys


_NO_VOCABULARY: dict[str, Value] = {"tokenizer.ggml.model": "none"}


def _real_vocabulary(giant: Giant) -> dict[str, Value]:
    known = make_vocabulary()
    missing = giant.vocabulary - len(known.tokens)
    unused = 5
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": (*known.tokens, *(f"<|reserved_{n}|>" for n in range(missing))),
        "tokenizer.ggml.token_type": (*known.types, *(unused,) * missing),
        "tokenizer.ggml.merges": known.merges,
        "tokenizer.ggml.bos_token_id": known.ids["<|endoftext|>"],
        "tokenizer.ggml.eos_token_id": known.ids["<|im_end|>"],
        "tokenizer.chat_template": chat_template(thinking=False),
    }
