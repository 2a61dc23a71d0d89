"""What a header says about its model: the facts that planning, listing and the APIs live on.

Last step of reading a model file: `headers` (and `splits`) -> `model_facts`. The metadata stays at hand, so
that whoever needs one key more reads the file no second time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from reconciler.core.gguf.chat_templates import ChatTemplate, read_template
from reconciler.core.gguf.headers import Header, Tensor
from reconciler.core.gguf.lookups import Lookup
from reconciler.core.gguf.tensor_groups import TensorBytes, dominant_type, layer_bytes, tensor_bytes
from reconciler.core.gguf.tensor_types import FILE_TYPES
from reconciler.core.gguf.values import PlacedArray, Value
from reconciler.errors import GgufInvalid

MAX_LAYERS = 1024
"""Twice what llama.cpp can load."""


class ModelKind(StrEnum):
    MODEL = "model"
    ADAPTER = "adapter"
    PROJECTOR = "projector"


class Pooling(StrEnum):
    NONE = "none"
    MEAN = "mean"
    CLS = "cls"
    LAST = "last"
    RANK = "rank"


@dataclass(frozen=True, slots=True)
class Attention:
    """Heads are per layer; 0 KV heads mark a layer without a cache. MLA keys only where the model has it."""

    heads: tuple[int, ...]
    kv_heads: tuple[int, ...]
    key_length: int | None
    value_length: int | None
    sliding_window: int | None
    key_length_mla: int | None
    value_length_mla: int | None
    kv_lora_rank: int | None
    q_lora_rank: int | None


@dataclass(frozen=True, slots=True)
class Experts:
    """All 0 for a dense model."""

    count: int = 0
    used: int = 0
    shared: int = 0


@dataclass(frozen=True, slots=True)
class StateSpace:
    conv_kernel: int | None
    inner_size: int | None
    state_size: int | None
    time_step_rank: int | None
    group_count: int | None


@dataclass(frozen=True, slots=True)
class Tokenizer:
    model: str | None
    pre: str | None
    vocabulary: int | None
    bos: int | None
    eos: int | None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """`vision` and `audio` say what a projector encodes; a model sees images only together with one."""

    kind: ModelKind
    architecture: str
    name: str
    parameters: int
    layers: int
    trained_context: int | None
    embedding_length: int | None
    feed_forward_length: int | None
    attention: Attention
    experts: Experts
    state_space: StateSpace | None
    quantisation: str
    dominant_type: str
    bytes: TensorBytes
    layer_bytes: tuple[int, ...]
    file_size: int
    tokenizer: Tokenizer
    pooling: Pooling | None
    chat_template: ChatTemplate | None
    embeddings: bool
    rerank: bool
    vision: bool
    audio: bool
    adapter_type: str | None
    metadata: Mapping[str, Value] = field(repr=False, hash=False)
    placed: Mapping[str, PlacedArray] = field(repr=False, hash=False)
    tensors: tuple[Tensor, ...] = field(repr=False)

    @property
    def tensor_bytes(self) -> int:
        return self.bytes.total

    @property
    def vocabulary(self) -> int | None:
        return self.tokenizer.vocabulary

    @property
    def tools(self) -> bool:
        return self.chat_template is not None and self.chat_template.tools

    @property
    def reasoning(self) -> bool:
        return self.chat_template is not None and self.chat_template.reasoning


def model_facts(header: Header) -> ModelFacts:
    general = Lookup(header.metadata)
    architecture = general.text("general.architecture")
    if not architecture:
        raise GgufInvalid("no general.architecture, expected a name such as 'llama'")
    own = Lookup(header.metadata, f"{architecture}.")
    kind = _kind(general, architecture)
    layers = _layers(own, kind)
    pooling = _pooling(own)
    rerank = kind is ModelKind.MODEL and (pooling is Pooling.RANK or _has_classifier(header))
    dominant = dominant_type(header.tensors)
    return ModelFacts(
        kind=kind,
        architecture=architecture,
        name=general.text("general.name") or "",
        parameters=sum(math.prod(tensor.shape) for tensor in header.tensors),
        layers=layers,
        trained_context=own.whole("context_length"),
        embedding_length=own.whole("embedding_length"),
        feed_forward_length=own.largest("feed_forward_length"),
        attention=_attention(own, layers),
        experts=_experts(own),
        state_space=_state_space(own),
        quantisation=_quantisation(general) or dominant,
        dominant_type=dominant,
        bytes=tensor_bytes(header.tensors),
        layer_bytes=layer_bytes(header.tensors, layers),
        file_size=header.file_size,
        tokenizer=_tokenizer(general, own, header),
        pooling=pooling,
        chat_template=_chat_template(general),
        embeddings=kind is ModelKind.MODEL and not rerank and _embeds(architecture, pooling),
        rerank=rerank,
        vision=bool(own.flag("has_vision_encoder")),
        audio=bool(own.flag("has_audio_encoder")),
        adapter_type=general.text("adapter.type"),
        metadata=header.metadata,
        placed=header.placed,
        tensors=header.tensors,
    )


def _kind(general: Lookup, architecture: str) -> ModelKind:
    declared = general.text("general.type")
    if declared == "adapter":
        return ModelKind.ADAPTER
    if declared in {"mmproj", "clip-vision"} or architecture == "clip":
        return ModelKind.PROJECTOR
    return ModelKind.MODEL


def _layers(own: Lookup, kind: ModelKind) -> int:
    layers = own.whole("block_count")
    if layers is None and kind is ModelKind.PROJECTOR:
        layers = own.whole("vision.block_count") or own.whole("audio.block_count")
    if (layers or 0) > MAX_LAYERS:
        raise GgufInvalid(f"{own.prefix}block_count is {layers} (at most {MAX_LAYERS} layers are plausible)")
    return layers or 0


def _attention(own: Lookup, layers: int) -> Attention:
    heads = own.per_layer("attention.head_count", layers) or (0,) * layers
    return Attention(
        heads=heads,
        kv_heads=own.per_layer("attention.head_count_kv", layers) or heads,
        key_length=own.whole("attention.key_length") or _head_size(own, heads),
        value_length=own.whole("attention.value_length") or _head_size(own, heads),
        sliding_window=own.whole("attention.sliding_window"),
        key_length_mla=own.whole("attention.key_length_mla"),
        value_length_mla=own.whole("attention.value_length_mla"),
        kv_lora_rank=own.whole("attention.kv_lora_rank"),
        q_lora_rank=own.whole("attention.q_lora_rank"),
    )


def _head_size(own: Lookup, heads: tuple[int, ...]) -> int | None:
    embedding = own.whole("embedding_length")
    first = next((count for count in heads if count), 0)
    return embedding // first if embedding and first else None


def _experts(own: Lookup) -> Experts:
    return Experts(
        count=own.whole("expert_count") or 0,
        used=own.largest("expert_used_count") or 0,
        shared=own.whole("expert_shared_count") or 0,
    )


def _state_space(own: Lookup) -> StateSpace | None:
    parts = StateSpace(
        conv_kernel=own.whole("ssm.conv_kernel"),
        inner_size=own.whole("ssm.inner_size"),
        state_size=own.whole("ssm.state_size"),
        time_step_rank=own.whole("ssm.time_step_rank"),
        group_count=own.whole("ssm.group_count"),
    )
    return parts if parts.conv_kernel is not None or parts.state_size is not None else None


def _quantisation(general: Lookup) -> str | None:
    guessed = 1024  # a bit that marks a value which nobody declared
    code = general.whole("general.file_type")
    return None if code is None else FILE_TYPES.get(code & ~guessed)


def _tokenizer(general: Lookup, own: Lookup, header: Header) -> Tokenizer:
    return Tokenizer(
        model=general.text("tokenizer.ggml.model"),
        pre=general.text("tokenizer.ggml.pre"),
        vocabulary=_vocabulary(own, header),
        bos=general.whole("tokenizer.ggml.bos_token_id"),
        eos=general.whole("tokenizer.ggml.eos_token_id"),
    )


def _vocabulary(own: Lookup, header: Header) -> int | None:
    tokens = header.metadata.get("tokenizer.ggml.tokens")
    if isinstance(tokens, tuple):
        return len(tokens)
    if placed := header.placed.get("tokenizer.ggml.tokens"):
        return placed.count
    return own.whole("vocab_size")


def _pooling(own: Lookup) -> Pooling | None:
    code = own.whole("pooling_type")
    names = tuple(Pooling)
    if code is None:
        return None
    if code >= len(names):
        raise GgufInvalid(f"{own.prefix}pooling_type is {code}, expected 0 to {len(names) - 1}")
    return names[code]


def _has_classifier(header: Header) -> bool:
    return any(tensor.name in {"cls.weight", "cls.output.weight"} for tensor in header.tensors)


def _embeds(architecture: str, pooling: Pooling | None) -> bool:
    encoder = "bert" in architecture or architecture in {"t5encoder", "gemma-embedding", "llama-embed"}
    return encoder or pooling not in {None, Pooling.NONE}


def _chat_template(general: Lookup) -> ChatTemplate | None:
    text = general.text("tokenizer.chat_template")
    if text is None:
        return None
    template = read_template(text)
    # Some models carry a second template, which engines take when tools are offered.
    variant = general.text("tokenizer.chat_template.tool_use")
    return template if variant is None else replace(template, tools=True)
