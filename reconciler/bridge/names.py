"""Names from elsewhere as manifests allow them; what clients used to say stays valid as an alias."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reconciler.core.names import folded, unused

_ALIAS = re.compile(r"[^\s\x00-\x1f\x7f\"'\\?#%]{1,256}")


class NameSpace:
    """Names of objects and of models; model names are compared without case, and `x:latest` is `x`."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._names = set(taken)
        self._model_names: dict[str, str] = {}

    def claim(self, wanted: str) -> str:
        """The folded name, with a number where it is taken."""
        name = unused(folded(wanted), self._names)
        self._names.add(name)
        self._model_names[name] = name
        return name

    def aliases(self, owner: str, wanted: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Each alias, with the reason why it cannot be one, or nothing."""
        for alias in wanted:
            key = alias.casefold().removesuffix(":latest")
            holder = self._model_names.get(key)
            if holder is not None and holder != owner:
                yield alias, f"{holder} has it"
            elif _ALIAS.fullmatch(alias) is None:
                yield alias, "it has spaces, quotes or one of \\ ? # %"
            elif holder is None:
                self._model_names[key] = owner
                yield alias, ""
