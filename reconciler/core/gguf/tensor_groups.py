"""Which part of a model each tensor belongs to, by the names that llama.cpp gives: the rows of a memory sum."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.core.gguf.headers import Tensor


@dataclass(frozen=True, slots=True)
class TensorBytes:
    """`recurrent` is the state-space or linear-attention part of a layer, `ffn` includes shared experts."""

    token_embedding: int = 0
    output: int = 0
    attention: int = 0
    ffn: int = 0
    experts: int = 0
    recurrent: int = 0
    norms: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        return (
            self.token_embedding
            + self.output
            + self.attention
            + self.ffn
            + self.experts
            + self.recurrent
            + self.norms
            + self.other
        )


_LAYER_PARTS = (
    ("attn_", "attention"),
    ("cross_attn_", "attention"),
    ("ffn_", "ffn"),
    ("ssm_", "recurrent"),
    ("shortconv", "recurrent"),
    ("time_mix", "recurrent"),
    ("channel_mix", "ffn"),
)


def group_of(name: str) -> str:
    """The field of TensorBytes that counts a tensor."""
    if "norm" in name:
        return "norms"
    if name.startswith(("token_embd", "per_layer_token_embd", "token_types", "position_embd")):
        return "token_embedding"
    if name.startswith(("output", "cls")):
        return "output"
    if "_exps" in name or "_chexps" in name:
        return "experts"
    _, in_layer, part = name.partition("blk.")
    if in_layer:
        local = part.partition(".")[2]
        return next((group for prefix, group in _LAYER_PARTS if local.startswith(prefix)), "other")
    return "other"


def layer_of(name: str) -> int | None:
    """The layer that a tensor lies in: 3 for `blk.3.attn_q.weight`."""
    if not name.startswith("blk."):
        return None
    number = name[4:].partition(".")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 6 else None


def tensor_bytes(tensors: Iterable[Tensor]) -> TensorBytes:
    sums: dict[str, int] = {}
    for tensor in tensors:
        group = group_of(tensor.name)
        sums[group] = sums.get(group, 0) + tensor.size
    return TensorBytes(**sums)


def layer_bytes(tensors: Iterable[Tensor], layers: int) -> tuple[int, ...]:
    sums = [0] * layers
    for tensor in tensors:
        layer = layer_of(tensor.name)
        if layer is not None and layer < layers:
            sums[layer] += tensor.size
    return tuple(sums)


def dominant_type(tensors: Iterable[Tensor]) -> str:
    """The tensor type that most bytes are in."""
    sums: dict[str, int] = {}
    for tensor in tensors:
        sums[tensor.type] = sums.get(tensor.type, 0) + tensor.size
    return max(sums, key=lambda name: (sums[name], name), default="none")
