"""The rules of an ArgPolicy: what a Host allows, narrowed by what a Runtime allows.

Rules only ever take away from what the core permits; `passthrough` adds options that the core does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Limit:
    """With a `maximum` and no `minimum`, negative values are out too: they mean 'no bound' to the engine."""

    minimum: float | None = None
    maximum: float | None = None

    def wrong(self, value: float) -> str:
        low = 0 if self.minimum is None and self.maximum is not None else self.minimum
        if low is not None and value < low:
            return f"must be at least {low:g}, not {value}"
        if self.maximum is not None and value > self.maximum:
            return f"must be at most {self.maximum:g}, not {value}"
        return ""


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """Names and patterns are option names in any spelling, without dashes: `threads`, `t`, `rope-*`."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    passthrough: tuple[str, ...] = ()
    limits: Mapping[str, Limit] = field(default_factory=dict)
    name: str = ""
    outer: PolicyRules | None = None

    def layers(self) -> Iterator[PolicyRules]:
        yield self
        if self.outer:
            yield from self.outer.layers()

    def refusal(self, keys: Iterable[str]) -> str:
        """Why an option with these names may not be set, or nothing."""
        names = tuple(keys)
        for layer in self.layers():
            if _matches(names, layer.deny):
                return f"{layer.title} denies it"
            if not _matches(names, layer.allow):
                return f"{layer.title} allows only {', '.join(layer.allow) or 'nothing'}"
        return ""

    def passes_through(self, keys: Iterable[str]) -> bool:
        names = tuple(keys)
        return all(_matches(names, layer.passthrough) for layer in self.layers())

    def limits_any(self, keys: Iterable[str]) -> bool:
        names = tuple(keys)
        return any(_matches(names, layer.limits) for layer in self.layers())

    def limit_wrong(self, keys: Iterable[str], value: float) -> str:
        names = tuple(keys)
        for layer in self.layers():
            for pattern, limit in layer.limits.items():
                if _matches(names, (pattern,)) and (wrong := limit.wrong(value)):
                    return f"{wrong} ({layer.title})"
        return ""

    @property
    def title(self) -> str:
        return f"ArgPolicy {self.name!r}" if self.name else "the ArgPolicy"


def narrow(outer: PolicyRules, inner: PolicyRules) -> PolicyRules:
    """Both at once: what either denies is denied, what only one allows or passes through is not."""
    if inner.outer is None:
        return replace(inner, outer=outer)
    return replace(inner, outer=narrow(outer, inner.outer))


def _matches(names: Iterable[str], patterns: Iterable[str]) -> bool:
    folded = [pattern.lstrip("-").replace("_", "-") for pattern in patterns]
    return any(fnmatchcase(name, pattern) for name in names for pattern in folded)
