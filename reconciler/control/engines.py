"""The Runtimes of a tree as this machine has them, each asked once and remembered."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.core.arguments.catalog import assumed_table, option_table
from reconciler.core.arguments.options import OptionTable
from reconciler.core.runtimes import RuntimeRecord, RuntimeWanted
from reconciler.errors import PathRefused
from reconciler.host.gpus import GpuList
from reconciler.host.places import make_places
from reconciler.host.runtimes import Machine, discover
from reconciler.spec.kinds import Runtime
from reconciler.spec.runtimes import BUILT_IN_RUNTIMES


@dataclass(frozen=True, slots=True)
class Engine:
    """A Runtime, what this machine has of it, and the options of that build."""

    wanted: RuntimeWanted
    record: RuntimeRecord | None
    options: OptionTable


@dataclass(slots=True)
class Engines:
    """Looks a Runtime up when it is first asked for. Without a machine every build is assumed to be current."""

    declared: Mapping[str, Runtime]
    machine: Machine | None
    _known: dict[str, Engine] = field(default_factory=dict)

    def engine(self, name: str) -> Engine:
        if name not in self._known:
            self._known[name] = self._asked(name)
        return self._known[name]

    def _asked(self, name: str) -> Engine:
        wanted = wanted_runtime(name, self.declared.get(name))
        record = discover(wanted, self.machine) if self.machine else None
        if record is None or not record.help:
            return Engine(wanted, record, assumed_table())
        return Engine(wanted, record, option_table(record.help))


def wanted_runtime(name: str, declared: Runtime | None) -> RuntimeWanted:
    """A Runtime as declared, or the built-in one of that name."""
    if declared is not None:
        spec = declared.spec
        return RuntimeWanted(name=name, kind=spec.kind, path=spec.path, sha256=spec.sha256, env=spec.env)
    kind = next(kind for kind in BUILT_IN_RUNTIMES if kind == name)
    return RuntimeWanted(name=name, kind=kind)


def this_machine(owner: str, environ: Mapping[str, str], gpus: GpuList) -> Machine:
    """Where runtimes are looked for. Where no directory of ours can be made, probes are just not remembered."""
    try:
        places = make_places(owner, environ)
        home, cache = places.engine_home, places.state / "runtimes"
    except (PathRefused, OSError):
        home = Path(tempfile.mkdtemp(prefix="reconciler-"))
        cache = home / "cache"
    return Machine(environment=environ, engine_home=home, cache=cache, has_gpus=gpus.any)
