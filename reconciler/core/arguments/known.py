"""What we know about an engine option and its help text cannot say: danger, owner, exact type.

The tables are `known_compute` (what a model runs on) and `known_serving` (what it says to whom);
`catalog` joins them with what a build offers.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.arguments.options import Kind, Many, Tier, key_of


@dataclass(frozen=True, slots=True)
class Known:
    """A row. `names` and `no` are space-separated spellings; the first long name is the option's key."""

    names: str
    kind: Kind
    tier: Tier = Tier.SAFE
    no: str = ""
    owner: str = ""
    instead: str = ""
    risk: str = ""
    many: Many = Many.ONE
    choices: str = ""  # used where the help text lists none
    default_on: bool = False
    arity: int = 1
    suffixes: str = ""
    low: float | None = None
    high: float | None = None
    if_true: str = ""
    emit: str = ""  # the spelling that we prefer on the command line
    sampling: bool = False
    fork: bool = False  # llama.cpp b11434 does not have it, other builds do

    @property
    def name(self) -> str:
        names = self.names.split()
        return key_of(next((name for name in names if name.startswith("--")), names[0]))

    @property
    def spellings(self) -> tuple[str, ...]:
        return (*self.names.split(), *self.no.split())
