"""Rules between objects: names, model names, ports and references."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from reconciler.spec.declarations import Declared, Refused
from reconciler.spec.deployments import DeploymentDefaults
from reconciler.spec.hosts import HostSpec
from reconciler.spec.kinds import AnyManifest, ArgPolicy, Client, Host, ModelDeployment, Runtime
from reconciler.spec.problems import FieldPath, Problem
from reconciler.spec.runtimes import BUILT_IN_RUNTIMES
from reconciler.spec.shapes import nearest

Found = Iterator[tuple[int, Problem]]
Objects = Sequence[Declared[AnyManifest]]

_NUMBERED_GPU = re.compile(r"gpu\d+")
#: NVIDIA's `GPU-...` and `MIG-...`, PCI addresses and plain UUIDs are the machine's to know, not the text's.
_DEVICE_ID = re.compile(r"[A-Z]+-.+|.*[:/_].*|0x[0-9a-f]+|[0-9A-Fa-f-]{16,}")


def between_objects(
    objects: Objects, refused: Collection[Refused] = (), *, is_complete: bool = True
) -> list[tuple[int, Problem]]:
    """Problems between objects, each with the index of the object that it is told at.

    Where a file breaks off, objects are missing for that reason, and references to them are not told.
    """
    found = [*_names(objects), *_hosts(objects), *_model_names(objects), *_ports(objects)]
    if is_complete:
        found += _references(objects, refused)
    return found


def _names(objects: Objects) -> Found:
    seen: dict[tuple[str, str], Declared[AnyManifest]] = {}
    for index, one in enumerate(objects):
        kind, name = one.manifest.kind, one.manifest.metadata.name
        first = seen.setdefault((kind, name), one)
        if first is not one:
            place = first.place(("metadata", "name"))
            yield (
                index,
                Problem(("metadata", "name"), f"{place} has a {kind} of this name", "rename one of them"),
            )


def _hosts(objects: Objects) -> Found:
    hosts = [(index, one) for index, one in enumerate(objects) if isinstance(one.manifest, Host)]
    for index, one in hosts[1:]:
        first = hosts[0][1]
        if one.manifest.metadata.name != first.manifest.metadata.name:
            yield (
                index,
                Problem(
                    ("metadata", "name"),
                    f"a tree has one Host, and {first.place(('metadata', 'name'))} has"
                    f" {first.manifest.metadata.name}",
                    "keep each machine's manifests in a directory of its own",
                ),
            )


def _model_names(objects: Objects) -> Found:
    """What clients may call a model: names, aliases and variants share one space, compared without case."""
    taken: dict[str, str] = {}
    deployments = list(_deployments(objects))
    for _, one, deployment in deployments:
        name = deployment.metadata.name
        taken.setdefault(
            name.casefold(), f"the name of deployment {name} ({one.place(('metadata', 'name'))})"
        )
    for index, one, deployment in deployments:
        for path, name in _extra_names(deployment):
            owner = taken.get(_folded(name))
            if owner is not None:
                yield index, _taken_name(path, name, owner)
            else:
                taken[_folded(name)] = f"a name of deployment {deployment.metadata.name} ({one.place(path)})"


def _taken_name(path: FieldPath, name: str, owner: str) -> Problem:
    hint = "choose another name; case and :latest make no difference"
    return Problem(path, f"{name!r} is already {owner}", hint)


def _folded(name: str) -> str:
    """`name:latest` is `name`."""
    return name.casefold().removesuffix(":latest")


def _extra_names(one: ModelDeployment) -> Iterable[tuple[FieldPath, str]]:
    for index, alias in enumerate(one.spec.aliases):
        yield ("spec", "aliases", index), alias
    for index, variant in enumerate(one.spec.variants):
        yield ("spec", "variants", index, "name"), variant.name


def _ports(objects: Objects) -> Found:
    taken = {port: f"listener {listener} of the gateway" for port, listener in _gateway_ports(objects)}
    for index, one, deployment in _deployments(objects):
        port = deployment.spec.port
        if port in taken:
            yield (
                index,
                Problem(
                    ("spec", "port"),
                    f"port {port} belongs to {taken[port]}",
                    "choose another, or remove the key: a free one is found",
                ),
            )
        elif port is not None:
            taken[port] = f"deployment {deployment.metadata.name} ({one.place(('spec', 'port'))})"


def _gateway_ports(objects: Objects) -> Iterator[tuple[int, str]]:
    for spec in _host_specs(objects) or [HostSpec()]:
        for listener in spec.listen:
            if not listener.startswith("unix:"):
                yield int(listener.rpartition(":")[2]), listener


def _host_specs(objects: Objects) -> list[HostSpec]:
    return [one.manifest.spec for one in objects if isinstance(one.manifest, Host)]


def _deployments(objects: Objects) -> Iterator[tuple[int, Declared[AnyManifest], ModelDeployment]]:
    for index, one in enumerate(objects):
        if isinstance(one.manifest, ModelDeployment):
            yield index, one, one.manifest


@dataclass(frozen=True, slots=True)
class _Reference:
    path: FieldPath
    name: str | None
    what: str


def _references(objects: Objects, refused: Collection[Refused]) -> Found:
    known = {
        "Runtime": {*BUILT_IN_RUNTIMES, *_named(objects, refused, Runtime)},
        "ArgPolicy": _named(objects, refused, ArgPolicy),
        "ModelDeployment": _named(objects, refused, ModelDeployment),
        "GPU": {name for spec in _host_specs(objects) for name in spec.gpu_names},
    }
    host_unknown = any(one.kind == "Host" for one in refused)
    for index, one in enumerate(objects):
        for reference in _references_of(one.manifest):
            name, names = reference.name, known[reference.what]
            if name is None or name in names:
                continue
            if reference.what != "GPU":
                yield index, _unknown(reference, names)
            elif not (host_unknown or _NUMBERED_GPU.fullmatch(name) or _DEVICE_ID.fullmatch(name)):
                yield index, _unknown_gpu(reference, names)


def _named(
    objects: Objects, refused: Collection[Refused], kind: type[Runtime | ArgPolicy | ModelDeployment]
) -> set[str]:
    names = {one.manifest.metadata.name for one in objects if isinstance(one.manifest, kind)}
    return names | {one.name for one in refused if one.kind == kind.__name__}


def _unknown(reference: _Reference, names: set[str]) -> Problem:
    guess = nearest(str(reference.name), sorted(names))
    hint = f"did you mean {guess}?" if guess else f"known: {', '.join(sorted(names)[:8])}"
    return Problem(
        reference.path,
        f"no {reference.what} is named {reference.name}",
        hint if names else "declare one, or remove the key",
    )


def _unknown_gpu(reference: _Reference, names: set[str]) -> Problem:
    guess = nearest(str(reference.name), [*sorted(names), "gpu0"])
    hint = f"did you mean {guess}?" if guess else "write gpu0 or a UUID, or name it in Host.spec.gpuNames"
    # A reserve is keyed by its device; everywhere else a device is a value.
    return Problem(reference.path, f"{reference.name} names no GPU", hint, at_key="reserve" in reference.path)


def _references_of(one: AnyManifest) -> Iterator[_Reference]:
    if isinstance(one, ModelDeployment):
        yield from _references_of_deployment(one.spec, ("spec",))
    elif isinstance(one, Runtime):
        yield _Reference(("spec", "argPolicy"), one.spec.arg_policy, "ArgPolicy")
    elif isinstance(one, Host):
        yield from _references_of_host(one.spec)
    elif isinstance(one, Client):
        for use, models in (("use", one.spec.models.use), ("start", one.spec.models.start)):
            for place, name in enumerate(models.names if models else ()):
                yield _Reference(("spec", "models", use, "names", place), name, "ModelDeployment")


def _references_of_deployment(spec: DeploymentDefaults, at: FieldPath) -> Iterator[_Reference]:
    yield _Reference((*at, "runtime"), spec.runtime, "Runtime")
    for index, gpu in enumerate(spec.placement.gpus or ()):
        yield _Reference((*at, "placement", "gpus", index), gpu, "GPU")
    if spec.placement.gpus is None:
        yield _Reference((*at, "placement", "mainGpu"), spec.placement.main_gpu, "GPU")


def _references_of_host(spec: HostSpec) -> Iterator[_Reference]:
    yield _Reference(("spec", "runtime"), spec.runtime, "Runtime")
    yield _Reference(("spec", "argPolicy"), spec.arg_policy, "ArgPolicy")
    yield _Reference(("spec", "defaultModel"), spec.default_model, "ModelDeployment")
    yield from _references_of_deployment(spec.defaults, ("spec", "defaults"))
    for name in spec.memory.reserve:
        if name != "ram":
            yield _Reference(("spec", "memory", "reserve", name), name, "GPU")
