"""What one build of the engine offers, as the policy sees it: the result of `catalog`, the input of `policy`.

An OptionTable answers for every spelling that the real parser knows: names that begin with `--` fold `_` to `-`,
names with one dash are exact, negative names belong to the option that they switch off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    FLAG = "flag"  # on or off by its name alone
    SWITCH = "switch"  # on, off or auto (or 1 and 0) as a value
    INTEGER = "integer"
    NUMBER = "number"
    ENUM = "enum"
    STRING = "string"
    PATH = "path"
    SCALED_PATH = "scaled path"  # a file and a factor
    ANY = "any"  # help tells nothing about the value


class Tier(StrEnum):
    SAFE = "safe"
    PATH = "path"  # as safe, after the file was confined to the allowed directories
    MANAGED = "managed"  # ours to set
    DENY = "deny"  # nobody's to set; no policy lifts it
    UNKNOWN = "unknown"  # this build offers it, we cannot vouch for it


class Many(StrEnum):
    ONE = "one"
    REPEAT = "repeat"  # the option again for each value
    COMMA = "comma"  # one value, joined with commas


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `name` is its manifest key: the first long name without dashes."""

    name: str
    kind: Kind
    tier: Tier
    positive: tuple[str, ...]
    negative: tuple[str, ...] = ()
    spelling: str = ""
    arity: int = 0
    arity_certain: bool = True
    many: Many = Many.ONE
    csv: bool = False  # the engine splits the value at commas and honours quotes
    choices: tuple[str, ...] = ()
    default: str = ""
    default_on: bool = False
    env: str = ""
    owner: str = ""  # the manifest field that sets it
    instead: str = ""
    risk: str = ""
    suffixes: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    if_true: str = ""  # what `true` stands for where the engine wants a word
    sampling: bool = False
    removed: str = ""
    deprecated: bool = False
    only_forks: bool = False  # taken on trust while no binary can be asked

    @property
    def keys(self) -> tuple[str, ...]:
        """Every name without dashes: what policy patterns are matched against."""
        aliases = (alias for alias, names in ALIASES.items() if self.name in names)
        spelled = (key_of(name) for name in (*self.positive, *self.negative))
        return tuple(dict.fromkeys((self.name, *spelled, *aliases)))


@dataclass(frozen=True, slots=True)
class Spelled:
    """An option as somebody named it; `positive` is false for one of its negative names."""

    option: Option
    positive: bool = True


def key_of(name: str) -> str:
    return name.lstrip("-").replace("_", "-")


def fold_token(token: str) -> str:
    return token.replace("_", "-") if token.startswith("--") else token


# Keys that manifests and older front ends use and no binary does.
ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "n-ctx": ("ctx-size",),
        "n-batch": ("batch-size",),
        "n-ubatch": ("ubatch-size",),
        "rope-scaling-type": ("rope-scaling",),
        "streaming-llm": ("context-shift",),
        "cache-type": ("cache-type-k", "cache-type-v"),
        "row-split": ("split-mode",),
        "rtr": ("run-time-repack",),  # ik_llama.cpp takes -rtr and does not list it
    }
)


@dataclass(frozen=True, slots=True)
class OptionTable:
    """`probed` is false for the table that stands in while no binary could be asked."""

    options: tuple[Option, ...]
    probed: bool = True
    _tokens: dict[str, Spelled] = field(init=False, repr=False, compare=False)
    _names: dict[str, Option] = field(init=False, repr=False, compare=False)
    _envs: dict[str, Option] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tokens: dict[str, Spelled] = {}
        for option in self.options:
            for name in option.positive:
                tokens.setdefault(fold_token(name), Spelled(option))
            for name in option.negative:
                tokens.setdefault(fold_token(name), Spelled(option, positive=False))
        object.__setattr__(self, "_tokens", tokens)
        object.__setattr__(self, "_names", {option.name: option for option in self.options})
        object.__setattr__(self, "_envs", _environment_twins(self.options))

    def by_token(self, token: str) -> Spelled | None:
        return self._tokens.get(fold_token(token))

    def by_key(self, key: str) -> Spelled | None:
        """A manifest key: no dashes in front, `-` or `_` inside, any name of the option."""
        folded = key.replace("_", "-")
        for token in (f"--{folded}", f"-{folded}"):
            if spelled := self._tokens.get(token):
                return spelled
        option = self._names.get(folded)
        return Spelled(option) if option else None

    def names_behind(self, key: str) -> tuple[str, ...]:
        """The options that a manifest key stands for: itself, or what it is an alias of in this build."""
        names = ALIASES.get(key.replace("_", "-"), ())
        return names if any(self.by_key(name) for name in names) else (key,)

    def by_name(self, name: str) -> Option | None:
        return self._names.get(name)

    def by_env(self, name: str) -> Option | None:
        return self._envs.get(name.upper())

    def nearest(self, key: str) -> str:
        """The most similar key that somebody may set, or nothing."""
        settable = {
            known: option.tier
            for option in self.options
            for known in option.keys
            if option.tier in (Tier.SAFE, Tier.PATH, Tier.MANAGED)
        }
        wanted = key_of(key).lower()
        # Two letters are near to every short word: `tools` is no misspelt `to`.
        likely = [known for known in settable if len(known) > 2 or len(wanted) <= 3]
        close = get_close_matches(wanted, likely, n=3, cutoff=0.65)
        close.sort(key=lambda found: settable[found] is Tier.MANAGED)
        return close[0] if close else ""


def _environment_twins(options: tuple[Option, ...]) -> dict[str, Option]:
    twins: dict[str, Option] = {}
    for option in options:
        if not option.env:
            continue
        twins[option.env] = option
        if option.negative and option.env.startswith("LLAMA_ARG_"):
            twins[option.env.replace("LLAMA_ARG_", "LLAMA_ARG_NO_", 1)] = option
    return twins
