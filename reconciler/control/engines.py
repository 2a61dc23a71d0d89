"""The Runtimes of a tree as this machine has them, each asked once and remembered."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.core.arguments.catalog import assumed_table, option_table
from reconciler.core.arguments.options import OptionTable
from reconciler.core.builds import lacking
from reconciler.core.runtimes import RuntimeRecord, RuntimeWanted
from reconciler.errors import PathRefused
from reconciler.host.gpus import GpuList
from reconciler.host.places import make_probe_places
from reconciler.host.runtimes import Machine, discover
from reconciler.spec.runtimes import BUILT_IN_RUNTIMES


@dataclass(frozen=True, slots=True)
class Engine:
    """A Runtime, what this machine has of it, and the options of that build."""

    wanted: RuntimeWanted
    record: RuntimeRecord | None
    options: OptionTable

    @property
    def devices(self) -> tuple[str, ...] | None:
        """Its names for the GPUs, in the order of nvidia-smi; None where it was not asked or does not say."""
        if self.record is None or self.record.devices is None:
            return None
        return tuple(device.name for device in self.record.devices)


@dataclass(slots=True)
class Engines:
    """Looks a Runtime up when it is first asked for. Without a machine every build is assumed to be current."""

    declared: Mapping[str, RuntimeWanted]
    machine: Machine | None
    _known: dict[str, Engine] = field(default_factory=dict)

    def engine(self, name: str) -> Engine:
        if name not in self._known:
            self._known[name] = self._asked(self.declared.get(name) or _built_in(name))
        return self._known[name]

    def use_gpus(self, engine: Engine) -> bool:
        """Whether layers go to GPUs. A build that does not list its devices, or was not asked, is believed."""
        if engine.devices is not None:
            return bool(engine.devices)
        return self.machine is None or self.machine.has_gpus

    def _asked(self, wanted: RuntimeWanted) -> Engine:
        record = discover(wanted, self.machine) if self.machine else None
        if record is None or not record.help:
            return Engine(wanted, record, assumed_table())
        options = option_table(record.help)
        if missing := lacking(options):
            # Its options say nothing about what a manifest may hold.
            return Engine(wanted, _no_server(record, missing), assumed_table())
        return Engine(wanted, record, options)


def _no_server(record: RuntimeRecord, missing: Sequence[str]) -> RuntimeRecord:
    """It answers, as another program of llama.cpp would."""
    return replace(
        record,
        reason="RuntimeProbeFailed",
        message=f"{record.path} is no llama-server: its --help has no --{', --'.join(missing)}",
        next_step="correct Runtime.spec.path" if record.source == "spec" else "set Runtime.spec.path",
    )


def _built_in(name: str) -> RuntimeWanted:
    return RuntimeWanted(name=name, kind=next(kind for kind in BUILT_IN_RUNTIMES if kind == name))


def this_machine(owner: str, environ: Mapping[str, str], gpus: GpuList) -> Machine:
    """Where runtimes are looked for. Where no directory of ours can be made, probes are just not remembered."""
    try:
        places = make_probe_places(owner, environ)
        home, cache = places.engine_home, places.state / "runtimes"
    except (PathRefused, OSError):
        home = Path(tempfile.mkdtemp(prefix="reconciler-"))
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        cache = home / "cache"
    return Machine(environment=environ, engine_home=home, cache=cache, has_gpus=gpus.any)
