"""Wires the chat model: weights that are written down, not trained.

The residual stream is laid out as [one lane per token | constant | tools wanted | context lanes]. The embedding
puts a token into its lane; `output` reads the transition scores from there. Head 0 of the first layer looks
for `<tools>` and `<tool_response>` anywhere in the prompt and raises or lowers the lane that asks for a tool
call. All other heads mix noise of earlier tokens into the context lanes, so that the answer depends on the
whole prompt: a wrong KV cache shows.
"""

from __future__ import annotations

from math import sqrt

from reconciler.core.tinymodels.noise import Noise
from reconciler.core.tinymodels.transitions import Transitions
from reconciler.core.tinymodels.vocabulary import WORDS, Vocabulary
from reconciler.core.tinymodels.weights import Matrix, Shape, layer_matrices, named_layer, ones

CONTEXT = 30
TOKEN = 4.0
"""The strength of a token in its own lane."""
ROPE_BASE = 1e12
"""So large that the last pair of each head does not rotate: head 0 sees all positions alike."""

_TOOL_CALL = 22.0
_WORD_NOISE = 12.0
_LETTERS_NOISE = 0.4


class Wiring:
    __slots__ = ("_constant", "_context", "_gain", "_noise", "_size", "_tools", "_vocabulary", "shape")

    def __init__(self, vocabulary: Vocabulary, noise: Noise) -> None:
        self._vocabulary = vocabulary
        self._noise = noise
        self._size = len(vocabulary.tokens)
        self._constant, self._tools = self._size, self._size + 1
        self._context = range(self._size + 2, self._size + 2 + CONTEXT)
        self.shape = Shape(embedding=-(-self._context.stop // 32) * 32, feed_forward=64)
        # What RMS normalisation multiplies a typical token with; undone wherever a score must be exact.
        self._gain = sqrt(self.shape.embedding / (TOKEN * TOKEN + 1 + CONTEXT / 16 + 1))

    def weights(self, *, thinking: bool) -> dict[str, Matrix | tuple[float, ...]]:
        weights: dict[str, Matrix | tuple[float, ...]] = {
            "token_embd.weight": self._embedding(),
            "output_norm.weight": ones(self.shape.embedding),
        }
        for number in range(self.shape.layers):
            matrices = layer_matrices(self.shape)
            self._mixing_heads(matrices, first_layer=number == 0)
            self._feed_forward(matrices)
            if number == 0:
                self._tool_head(matrices)
            weights |= named_layer(number, matrices, self.shape)
        weights["output.weight"] = self._output(Transitions(self._vocabulary, thinking=thinking))
        return weights

    def _embedding(self) -> Matrix:
        ids = self._vocabulary.ids
        # Where an answer starts is for attention to decide, so these bring no noise of their own.
        silent = {ids["\n"], ids["\n\n"], ids["</think>"]}
        matrix = Matrix(self._size, self.shape.embedding)
        for token, row in enumerate(matrix.rows):
            row[token] = TOKEN
            row[self._constant] = 1.0
        matrix.fill((t for t in range(self._size) if t not in silent), self._context, self._noise, 0.25)
        return matrix

    def _mixing_heads(self, matrices: dict[str, Matrix], *, first_layer: bool) -> None:
        head = self.shape.head_size
        queries = range(2 * head if first_layer else 0, 4 * head)
        values = range(head if first_layer else 0, 2 * head)
        noise, gain, context = self._noise, self._gain, self._context
        matrices["attn_q"].fill(queries, context, noise, 2.0 / gain)
        for row, number in zip(queries, noise.normals(len(queries), 2.0 / gain), strict=True):
            matrices["attn_q"].rows[row][self._constant] = number
        matrices["attn_k"].fill(values, context, noise, 2.0 / gain)
        matrices["attn_v"].fill(values, context, noise, 0.6 / gain)
        matrices["attn_output"].fill(context, queries, noise, 0.012)

    def _tool_head(self, matrices: dict[str, Matrix]) -> None:
        ids, gain = self._vocabulary.ids, self._gain
        still = self.shape.head_size - 2
        matrices["attn_q"].rows[still][self._constant] = 12.0 / gain
        keys, values = matrices["attn_k"].rows[still], matrices["attn_v"].rows[0]
        keys[ids["<tools>"]] = 12.0 / (TOKEN * gain)
        keys[ids["<tool_response>"]] = 24.0 / (TOKEN * gain)
        values[ids["<tools>"]] = 1.0 / (TOKEN * gain)
        values[ids["<tool_response>"]] = -1.0 / (TOKEN * gain)
        matrices["attn_output"].rows[self._tools][0] = 1.0

    def _feed_forward(self, matrices: dict[str, Matrix]) -> None:
        inner = range(self.shape.feed_forward)
        matrices["ffn_gate"].fill(inner, self._context, self._noise, 0.5 / self._gain)
        matrices["ffn_up"].fill(inner, self._context, self._noise, 0.5 / self._gain)
        matrices["ffn_down"].fill(self._context, inner, self._noise, 0.03)

    def _output(self, transitions: Transitions) -> Matrix:
        matrix = Matrix(self._size, self.shape.embedding)
        strength = TOKEN * self._gain
        for row, scores in zip(matrix.rows, transitions.scores, strict=True):
            row[: self._size] = [score / strength for score in scores]
        ids = self._vocabulary.ids
        matrix.rows[ids["<tool_call>"]][self._tools] = _TOOL_CALL / self._gain
        swing = _WORD_NOISE / sqrt(CONTEXT) / self._gain
        matrix.fill((ids[word] for word in WORDS), self._context, self._noise, swing)
        letters = (code for code in range(33, 127) if chr(code).isalnum())
        matrix.fill(letters, self._context, self._noise, swing * _LETTERS_NOISE)
        return matrix
