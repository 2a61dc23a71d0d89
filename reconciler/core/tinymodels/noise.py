"""Reproducible noise for weights: the same on every machine, because only exact arithmetic takes part."""

from __future__ import annotations

from math import sqrt

_MASK = (1 << 64) - 1
_LIMBS = 0xFFFF


class Noise:
    """A splitmix64 sequence, seen as numbers of mean 0 and deviation 1."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def normals(self, count: int, scale: float = 1.0) -> list[float]:
        """The sum of four uniform numbers is close to a normal one, and needs no logarithm or cosine."""
        state = self._state
        factor = scale * sqrt(3.0) / 65536
        drawn = []
        for _ in range(count):
            state = (state + 0x9E3779B97F4A7C15) & _MASK
            mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
            mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
            mixed ^= mixed >> 31
            limbs = (mixed & _LIMBS) + (mixed >> 16 & _LIMBS) + (mixed >> 32 & _LIMBS) + (mixed >> 48)
            drawn.append((limbs - 131070) * factor)
        self._state = state
        return drawn
