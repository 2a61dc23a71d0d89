"""The kinds of tiny models and the bytes of each: what `demo`, examples and tests let a real engine serve.

    chat       answers in readable words and stops; calls a tool whenever tools are offered; closes JSON soon
    reasoning  the same, thinking first
    embedding  the same, declared as an embedding model with mean pooling
    rerank     scores a pair of query and document
    lora       an adapter for the chat model
    random     babbles for ever

The same arguments give the same bytes.
"""

from __future__ import annotations

from enum import StrEnum

from reconciler.core.gguf.values import Value
from reconciler.core.gguf.writing import encode_model
from reconciler.core.tinymodels.noise import Noise
from reconciler.core.tinymodels.templates import chat_template
from reconciler.core.tinymodels.vocabulary import Vocabulary, make_vocabulary
from reconciler.core.tinymodels.weights import Matrix, Shape, ones, packed, random_weights
from reconciler.core.tinymodels.wiring import ROPE_BASE, Wiring

_MOSTLY_F16 = 1
_POOLING_MEAN, _POOLING_RANK = 1, 4


class Kind(StrEnum):
    CHAT = "chat"
    REASONING = "reasoning"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    LORA = "lora"
    RANDOM = "random"


def build(kind: Kind | str = Kind.CHAT, *, seed: int = 0, context: int = 8192, name: str = "") -> bytes:
    """A complete GGUF file. `context` is the trained length that it claims."""
    kind = Kind(kind)
    name = name or f"tiny-{kind}"
    if kind is Kind.LORA:
        return _lora(seed, name)
    if kind in {Kind.RERANK, Kind.RANDOM}:
        return _random(kind, seed, context, name)
    return _wired(kind, seed, context, name)


def _wired(kind: Kind, seed: int, context: int, name: str) -> bytes:
    vocabulary = make_vocabulary()
    wiring = Wiring(vocabulary, Noise(seed))
    thinking = kind is Kind.REASONING
    weights = wiring.weights(thinking=thinking)
    metadata = {
        **_described("llama", name, wiring.shape, context, rope_base=ROPE_BASE),
        **_tokenizer(vocabulary),
        "tokenizer.chat_template": chat_template(thinking=thinking),
    }
    if kind is Kind.EMBEDDING:
        metadata["llama.pooling_type"] = _POOLING_MEAN
    return encode_model(metadata, packed(weights))


def _random(kind: Kind, seed: int, context: int, name: str) -> bytes:
    vocabulary = make_vocabulary()
    noise = Noise(seed)
    shape = Shape(embedding=128, feed_forward=256)
    weights = random_weights(shape, len(vocabulary.tokens), noise)
    architecture = "qwen3" if kind is Kind.RERANK else "llama"
    metadata = {
        **_described(architecture, name, shape, context, rope_base=10_000.0),
        **_tokenizer(vocabulary),
    }
    if kind is Kind.RERANK:
        for number in range(shape.layers):
            weights[f"blk.{number}.attn_q_norm.weight"] = ones(shape.head_size)
            weights[f"blk.{number}.attn_k_norm.weight"] = ones(shape.head_size)
        classifier = Matrix(2, shape.embedding)
        classifier.fill(range(2), range(shape.embedding), noise, 0.3)
        weights["cls.output.weight"] = classifier
        metadata["qwen3.pooling_type"] = _POOLING_RANK
        metadata["qwen3.classifier.output_labels"] = ("yes", "no")
    else:
        metadata["tokenizer.chat_template"] = chat_template(thinking=False)
    return encode_model(metadata, packed(weights))


def _lora(seed: int, name: str) -> bytes:
    """Rank 4, over a few matrices of the chat model."""
    shape = Wiring(make_vocabulary(), Noise(seed)).shape
    noise, rank = Noise(seed + 1), 4
    weights: dict[str, Matrix | tuple[float, ...]] = {}
    for target, rows in (
        ("blk.0.attn_q.weight", shape.query_rows),
        ("blk.1.attn_v.weight", shape.kv_rows),
        ("blk.0.ffn_up.weight", shape.feed_forward),
    ):
        down, up = Matrix(rank, shape.embedding), Matrix(rows, rank)
        down.fill(range(rank), range(shape.embedding), noise, 0.02)
        up.fill(range(rows), range(rank), noise, 0.02)
        weights |= {f"{target}.lora_a": down, f"{target}.lora_b": up}
    metadata: dict[str, Value] = {
        "general.architecture": "llama",
        "general.type": "adapter",
        "general.name": name,
        "adapter.type": "lora",
        "adapter.lora.alpha": 8.0,
    }
    return encode_model(metadata, packed(weights))


def _described(
    architecture: str, name: str, shape: Shape, context: int, *, rope_base: float
) -> dict[str, Value]:
    own: dict[str, Value] = {
        "context_length": context,
        "embedding_length": shape.embedding,
        "block_count": shape.layers,
        "feed_forward_length": shape.feed_forward,
        "attention.head_count": shape.heads,
        "attention.head_count_kv": shape.kv_heads,
        "attention.key_length": shape.head_size,
        "attention.value_length": shape.head_size,
        "attention.layer_norm_rms_epsilon": 1e-5,
        "rope.dimension_count": shape.head_size,
        "rope.freq_base": rope_base,
    }
    general: dict[str, Value] = {
        "general.architecture": architecture,
        "general.type": "model",
        "general.name": name,
        "general.quantization_version": 2,
        "general.file_type": _MOSTLY_F16,
    }
    return general | {f"{architecture}.{key}": value for key, value in own.items()}


def _tokenizer(vocabulary: Vocabulary) -> dict[str, Value]:
    ids = vocabulary.ids
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": vocabulary.tokens,
        "tokenizer.ggml.token_type": vocabulary.types,
        "tokenizer.ggml.merges": vocabulary.merges,
        "tokenizer.ggml.bos_token_id": ids["<|endoftext|>"],
        "tokenizer.ggml.eos_token_id": ids["<|im_end|>"],
        "tokenizer.ggml.padding_token_id": ids["<|endoftext|>"],
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.fim_pre_token_id": ids["<|fim_prefix|>"],
        "tokenizer.ggml.fim_suf_token_id": ids["<|fim_suffix|>"],
        "tokenizer.ggml.fim_mid_token_id": ids["<|fim_middle|>"],
        "tokenizer.ggml.fim_pad_token_id": ids["<|fim_pad|>"],
    }
