"""Specs laid over each other: a Host's defaults under its deployments, environment variables over a Host.

Maps merge, lists replace. What a layer does not name stays as the layer below has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from reconciler.spec.deployments import DeploymentDefaults
from reconciler.spec.diagnostics import format_path
from reconciler.spec.hosts import HostSpec, Paths, Ports
from reconciler.spec.kinds import Host
from reconciler.spec.problems import FieldPath, Problem, warning
from reconciler.spec.shapes import Shape
from reconciler.spec.trees import Declared

D = TypeVar("D", bound=DeploymentDefaults)


def over(upper: D, lower: DeploymentDefaults) -> D:
    """A deployment's spec with a Host's defaults under it."""
    merged: D = _merged(upper, lower)
    return merged


def _merged(upper: Any, lower: Any) -> Any:
    if isinstance(upper, Shape) and isinstance(lower, Shape):
        update = {}
        for name in lower.model_fields_set & set(type(upper).model_fields):
            below, above = getattr(lower, name), getattr(upper, name)
            update[name] = _merged(above, below) if name in upper.model_fields_set else below
        return upper.model_copy(update=update)
    if isinstance(upper, dict) and isinstance(lower, dict):
        both = {key: _merged(upper[key], lower[key]) for key in upper.keys() & lower.keys()}
        return {**lower, **upper, **both}
    return upper


def in_zone(spec: D, zone: str) -> D:
    """A deployment's spec with the Host's time zone in the windows that name none."""
    windows = tuple(
        window if window.time_zone else window.model_copy(update={"time_zone": zone})
        for window in spec.schedules
    )
    filled: D = spec.model_copy(update={"schedules": windows})
    return filled


@dataclass(frozen=True, slots=True)
class HostSettings:
    """A Host as it counts, with the place that each value is from: `file:line`, `env NAME` or `default`."""

    name: str
    spec: HostSpec
    sources: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


def host_settings(declared: Declared[Host] | None, environ: Mapping[str, str]) -> HostSettings:
    """The Host of a tree, or the built-in one, under the variables that operators of older tools have set."""
    spec = declared.manifest.spec if declared else HostSpec()
    sources = _declared_sources(spec, declared)
    problems: list[Problem] = []
    for name, read in _VARIABLES.items():
        if name not in environ:
            continue
        try:
            path, spec = read(environ[name], spec)
            sources[format_path(path)] = f"env {name}"
        except ValueError as error:
            problems.append(Problem((), f"{name}={environ[name]!r}: {error}"))
    if environ.get("LOCAL_LLM_ALLOW_CLI_SECRETS", "").strip().casefold() in _YES:
        problems.append(
            warning(
                (),
                "LOCAL_LLM_ALLOW_CLI_SECRETS has no effect: secrets never go on a command line",
                "use spec.secretEnv, and unset the variable",
            )
        )
    return HostSettings(
        declared.manifest.metadata.name if declared else "default", spec, sources, tuple(problems)
    )


def _declared_sources(spec: HostSpec, declared: Declared[Host] | None) -> dict[str, str]:
    sources: dict[str, str] = {}

    def visit(shape: Shape, path: FieldPath) -> None:
        for name, info in type(shape).model_fields.items():
            here = (*path, info.alias or name)
            value = getattr(shape, name)
            if isinstance(value, Shape):
                visit(value, here)
            elif declared is not None and name in shape.model_fields_set:
                sources[format_path(here)] = (
                    f"{declared.document.file}:{declared.document.mark_of(here).line}"
                )
            else:
                sources[format_path(here)] = "default"

    visit(spec, ("spec",))
    return sources


_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})


def _ports(spec: HostSpec, **changed: object) -> HostSpec:
    return spec.model_copy(update={"ports": Ports.model_copy(spec.ports, update=changed)})


def _auto_select(text: str, spec: HostSpec) -> tuple[FieldPath, HostSpec]:
    word = text.strip().casefold()
    if word not in _YES | _NO:
        raise ValueError("must be true or false")
    return ("spec", "ports", "autoSelect"), _ports(spec, auto_select=word in _YES)


def _probe_max(text: str, spec: HostSpec) -> tuple[FieldPath, HostSpec]:
    if not (text.strip().isascii() and text.strip().isdigit() and len(text.strip()) <= 5):
        raise ValueError("must be a number of ports")
    return ("spec", "ports", "probeMax"), _ports(spec, probe_max=int(text))


def _allowed_paths(text: str, spec: HostSpec) -> tuple[FieldPath, HostSpec]:
    allowed = tuple(part.strip() for part in text.split(",") if part.strip())
    paths = Paths.model_copy(spec.paths, update={"allowed": allowed})
    return ("spec", "paths", "allowed"), spec.model_copy(update={"paths": paths})


_VARIABLES: dict[str, Callable[[str, HostSpec], tuple[FieldPath, HostSpec]]] = {
    "LOCAL_LLM_PORT_AUTOSELECT": _auto_select,
    "LOCAL_LLM_PORT_PROBE_MAX": _probe_max,
    "LOCAL_LLM_ALLOWED_PATHS": _allowed_paths,
}
