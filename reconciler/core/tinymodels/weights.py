"""Matrices of weights in plain Python: rows of numbers that end as half-precision bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.core.gguf.writing import TensorPlan
from reconciler.core.tinymodels.noise import Noise


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes that a transformer of the llama family is described by."""

    embedding: int
    feed_forward: int
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    head_size: int = 32

    @property
    def query_rows(self) -> int:
        return self.heads * self.head_size

    @property
    def kv_rows(self) -> int:
        return self.kv_heads * self.head_size


class Matrix:
    """`rows` outputs of `columns` inputs each, zero until written."""

    __slots__ = ("columns", "rows")

    def __init__(self, rows: int, columns: int) -> None:
        self.columns = columns
        self.rows = [[0.0] * columns for _ in range(rows)]

    def fill(self, rows: Iterable[int], columns: range, noise: Noise, scale: float) -> None:
        """Noise into the given rows, in the columns of a contiguous range."""
        for row in rows:
            self.rows[row][columns.start : columns.stop] = noise.normals(len(columns), scale)

    def half_precision(self) -> bytes:
        pack = struct.Struct(f"<{self.columns}e").pack
        return b"".join([pack(*row) for row in self.rows])


Weights = Mapping[str, Matrix | tuple[float, ...]]
"""Matrices, and vectors where a norm or bias has one."""


def ones(count: int) -> tuple[float, ...]:
    return (1.0,) * count


def packed(weights: Weights) -> dict[TensorPlan, bytes]:
    """Matrices as F16, vectors as F32: what engines expect of small files."""
    tensors = {}
    for name, value in weights.items():
        if isinstance(value, Matrix):
            tensors[TensorPlan(name, (value.columns, len(value.rows)), "F16")] = value.half_precision()
        else:
            tensors[TensorPlan(name, (len(value),), "F32")] = struct.pack(f"<{len(value)}f", *value)
    return tensors


def layer_matrices(shape: Shape) -> dict[str, Matrix]:
    """The matrices of one layer, empty, by the part of the name after `blk.N.`."""
    embedding = shape.embedding
    return {
        "attn_q": Matrix(shape.query_rows, embedding),
        "attn_k": Matrix(shape.kv_rows, embedding),
        "attn_v": Matrix(shape.kv_rows, embedding),
        "attn_output": Matrix(embedding, shape.query_rows),
        "ffn_gate": Matrix(shape.feed_forward, embedding),
        "ffn_up": Matrix(shape.feed_forward, embedding),
        "ffn_down": Matrix(embedding, shape.feed_forward),
    }


def named_layer(
    number: int, matrices: Mapping[str, Matrix], shape: Shape
) -> dict[str, Matrix | tuple[float, ...]]:
    """The tensors of a layer under their full names, with the norms that every layer has."""
    prefix = f"blk.{number}."
    named: dict[str, Matrix | tuple[float, ...]] = {
        f"{prefix}{part}.weight": m for part, m in matrices.items()
    }
    named[f"{prefix}attn_norm.weight"] = ones(shape.embedding)
    named[f"{prefix}ffn_norm.weight"] = ones(shape.embedding)
    return named


def random_weights(shape: Shape, vocabulary: int, noise: Noise) -> dict[str, Matrix | tuple[float, ...]]:
    """Noise everywhere: a model that babbles for ever."""
    weights: dict[str, Matrix | tuple[float, ...]] = {
        "token_embd.weight": _noisy(Matrix(vocabulary, shape.embedding), noise),
        "output_norm.weight": ones(shape.embedding),
        "output.weight": _noisy(Matrix(vocabulary, shape.embedding), noise),
    }
    for number in range(shape.layers):
        matrices = layer_matrices(shape)
        for matrix in matrices.values():
            _noisy(matrix, noise)
        weights |= named_layer(number, matrices, shape)
    return weights


def _noisy(matrix: Matrix, noise: Noise) -> Matrix:
    matrix.fill(range(len(matrix.rows)), range(matrix.columns), noise, matrix.columns**-0.5)
    return matrix
