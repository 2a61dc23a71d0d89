"""Rules between objects: names, model names, ports and references."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from reconciler.spec.kinds import AnyManifest, ArgPolicy, Client, Host, ModelDeployment, Runtime
from reconciler.spec.problems import FieldPath, Problem
from reconciler.spec.runtimes import BUILT_IN_RUNTIMES
from reconciler.spec.shapes import nearest

Found = Iterator[tuple[int, Problem]]


def between_objects(objects: Sequence[AnyManifest]) -> list[tuple[int, Problem]]:
    """Problems between objects, each with the index of the object that it is told at."""
    rules: tuple[Callable[[Sequence[AnyManifest]], Found], ...] = (
        _names,
        _hosts,
        _model_names,
        _ports,
        _references,
    )
    return [found for rule in rules for found in rule(objects)]


def _names(objects: Sequence[AnyManifest]) -> Found:
    seen: set[tuple[str, str]] = set()
    for index, one in enumerate(objects):
        key = (one.kind, one.metadata.name)
        if key in seen:
            yield (
                index,
                Problem(
                    ("metadata", "name"),
                    f"another {one.kind} is named {one.metadata.name}",
                    "rename one of them",
                ),
            )
        seen.add(key)


def _hosts(objects: Sequence[AnyManifest]) -> Found:
    hosts = [(index, one) for index, one in enumerate(objects) if isinstance(one, Host)]
    for index, one in hosts[1:]:
        if one.metadata.name != hosts[0][1].metadata.name:
            yield (
                index,
                Problem(
                    ("metadata", "name"),
                    f"a tree has one Host, and {hosts[0][1].metadata.name} is one",
                    "keep each machine's manifests in a directory of its own",
                ),
            )


def _model_names(objects: Sequence[AnyManifest]) -> Found:
    """What clients may call a model: names, aliases and variants share one space, compared without case."""
    taken: dict[str, str] = {}
    deployments = [(index, one) for index, one in enumerate(objects) if isinstance(one, ModelDeployment)]
    for _, one in deployments:
        taken.setdefault(one.metadata.name.casefold(), f"the name of deployment {one.metadata.name}")
    for index, one in deployments:
        for path, name in _extra_names(one):
            owner = taken.get(_folded(name))
            if owner is not None:
                yield (
                    index,
                    Problem(
                        path,
                        f"{name!r} is already {owner}",
                        "model names are compared without case; choose another",
                    ),
                )
            taken.setdefault(_folded(name), f"a name of deployment {one.metadata.name}")


def _folded(name: str) -> str:
    """`name:latest` is `name`."""
    return name.casefold().removesuffix(":latest")


def _extra_names(one: ModelDeployment) -> Iterable[tuple[FieldPath, str]]:
    for index, alias in enumerate(one.spec.aliases):
        yield ("spec", "aliases", index), alias
    for index, variant in enumerate(one.spec.variants):
        yield ("spec", "variants", index, "name"), variant.name


def _ports(objects: Sequence[AnyManifest]) -> Found:
    taken: dict[int, str] = {}
    for one in objects:
        if isinstance(one, Host):
            for listener in one.spec.listen:
                if not listener.startswith("unix:"):
                    taken[int(listener.rpartition(":")[2])] = f"listener {listener} of the gateway"
    for index, one in enumerate(objects):
        if isinstance(one, ModelDeployment) and one.spec.port is not None:
            if one.spec.port in taken:
                yield (
                    index,
                    Problem(
                        ("spec", "port"),
                        f"port {one.spec.port} belongs to {taken[one.spec.port]}",
                        "choose another",
                    ),
                )
            taken.setdefault(one.spec.port, f"deployment {one.metadata.name}")


def _references(objects: Sequence[AnyManifest]) -> Found:
    runtimes = {*BUILT_IN_RUNTIMES, *(one.metadata.name for one in objects if isinstance(one, Runtime))}
    policies = {one.metadata.name for one in objects if isinstance(one, ArgPolicy)}
    deployments = {one.metadata.name for one in objects if isinstance(one, ModelDeployment)}
    for index, one in enumerate(objects):
        for path, name, what, known in _named(one, runtimes, policies, deployments):
            if name is not None and name not in known:
                guess = nearest(name, sorted(known))
                hint = f"did you mean {guess}?" if guess else f"known: {', '.join(sorted(known)) or 'none'}"
                yield index, Problem(path, f"no {what} is named {name}", hint)


def _named(
    one: AnyManifest, runtimes: set[str], policies: set[str], deployments: set[str]
) -> Iterator[tuple[FieldPath, str | None, str, set[str]]]:
    if isinstance(one, ModelDeployment):
        yield ("spec", "runtime"), one.spec.runtime, "Runtime", runtimes
    elif isinstance(one, Runtime):
        yield ("spec", "argPolicy"), one.spec.arg_policy, "ArgPolicy", policies
    elif isinstance(one, Host):
        yield ("spec", "runtime"), one.spec.runtime, "Runtime", runtimes
        yield ("spec", "argPolicy"), one.spec.arg_policy, "ArgPolicy", policies
        yield ("spec", "defaultModel"), one.spec.default_model, "ModelDeployment", deployments
        yield ("spec", "defaults", "runtime"), one.spec.defaults.runtime, "Runtime", runtimes
    elif isinstance(one, Client):
        for use, models in (("use", one.spec.models.use), ("start", one.spec.models.start)):
            for place, name in enumerate(models.names if models else ()):
                yield ("spec", "models", use, "names", place), name, "ModelDeployment", deployments
