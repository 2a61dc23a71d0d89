"""Rules between the fields of one object, which no single field can know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.spec.deployments import DeploymentDefaults, DeploymentSpec
from reconciler.spec.hostrules import of_host, of_policy, of_runtime
from reconciler.spec.kinds import AnyManifest, ArgPolicy, Host, ModelDeployment, Runtime
from reconciler.spec.lifecycles import Schedule
from reconciler.spec.problems import FieldPath, Problem, looks_secret, warning
from reconciler.spec.windows import overlaps

_PLAIN_CACHE = frozenset({"f32", "f16", "bf16"})


def within_object(manifest: AnyManifest) -> list[Problem]:
    """Problems between fields of one object."""
    if isinstance(manifest, ModelDeployment):
        return [*_deployment(manifest.spec), *_shared(manifest.spec, ("spec",))]
    if isinstance(manifest, Host):
        return [*of_host(manifest), *_shared(manifest.spec.defaults, ("spec", "defaults"))]
    if isinstance(manifest, Runtime):
        return list(of_runtime(manifest))
    if isinstance(manifest, ArgPolicy):
        return list(of_policy(manifest))
    return []


def _deployment(spec: DeploymentSpec) -> Iterator[Problem]:
    if spec.port is not None and spec.replicas > 1:
        yield Problem(
            ("spec", "replicas"),
            f"{spec.replicas} replicas cannot share the fixed port {spec.port}",
            "remove spec.port: each replica gets one of its own",
        )
    for index, window in enumerate(spec.schedules):
        if spec.port is not None and (window.replicas or 0) > 1:
            yield Problem(
                ("spec", "schedules", index, "replicas"),
                f"{window.replicas} replicas cannot share the fixed port {spec.port}",
                "remove spec.port: each replica gets one of its own",
            )
    if spec.port is not None and spec.rollout.strategy == "surge":
        yield Problem(
            ("spec", "rollout", "strategy"),
            f"surge runs two processes, and spec.port is fixed to {spec.port}",
            "remove spec.port, or use recreate",
        )


def _shared(spec: DeploymentDefaults, at: FieldPath) -> Iterator[Problem]:
    yield from _context(spec, at)
    yield from _placement(spec, at)
    yield from _schedules(spec.schedules, (*at, "schedules"))
    for name, source in spec.secret_env.items():
        path = (*at, "secretEnv", name)
        if (source.from_file is None) == (source.from_env is None):
            has = "has two sources" if source.from_file else "has no source"
            yield Problem(path, f"{name} {has}", "write exactly one of fromFile and fromEnv", at_key=True)
        if name in spec.env:
            yield Problem(path, f"{name} is set in env too", "keep one of them", at_key=True)
    yield from _plain_secrets(spec.env, (*at, "env"))
    if spec.lifecycle.pinned and spec.state == "stopped":
        yield Problem(
            (*at, "lifecycle", "pinned"), "a stopped model cannot be pinned", "remove pinned, or change state"
        )


def _plain_secrets(env: Mapping[str, str], at: FieldPath) -> Iterator[Problem]:
    for name in env:
        if looks_secret(name):
            yield warning(
                (*at, name),
                f"{name} looks like a secret, and manifests are shared",
                "use secretEnv with fromFile or fromEnv",
                at_key=True,
            )


def _context(spec: DeploymentDefaults, at: FieldPath) -> Iterator[Problem]:
    context = spec.context
    if context.kv_type.v not in _PLAIN_CACHE and context.flash_attention == "off":
        yield Problem(
            (*at, "context", "kvType", "v"),
            f"a {context.kv_type.v} value cache needs flash attention",
            "set flashAttention to auto, or v to f16",
        )
    if context.parallel > 1 and not context.kv_unified:
        each = (
            f"{context.size // context.parallel} tokens"
            if context.size
            else f"1/{context.parallel} of the context"
        )
        yield warning(
            (*at, "context", "kvUnified"),
            f"without a unified cache each of the {context.parallel} slots gets {each}",
            "set kvUnified: true, or parallel: 1",
        )
    if context.batch is not None and context.ubatch is not None and context.ubatch > context.batch:
        yield Problem(
            (*at, "context", "ubatch"),
            f"{context.ubatch} is more than context.batch, which is {context.batch}",
            f"write at most {context.batch}, or raise batch",
        )


def _placement(spec: DeploymentDefaults, at: FieldPath) -> Iterator[Problem]:
    placement, path = spec.placement, (*at, "placement")
    gpus, split = placement.gpus, placement.tensor_split
    if gpus is not None and len(set(gpus)) < len(gpus):
        twice = next(gpu for gpu in gpus if gpus.count(gpu) > 1)
        second = gpus.index(twice, gpus.index(twice) + 1)
        yield Problem((*path, "gpus", second), f"{twice} is named twice", "name each GPU once")
    if split is not None and gpus is None:
        yield Problem(
            (*path, "tensorSplit"),
            "needs placement.gpus, whose order it follows",
            "add gpus, such as [gpu0, gpu1], or remove tensorSplit for exact layers",
        )
    elif split is not None and gpus is not None and len(split) != len(gpus):
        yield Problem(
            (*path, "tensorSplit"),
            f"has {len(split)} shares for {len(gpus)} GPUs",
            f"write one share for each of {', '.join(gpus)}",
        )
    if split is not None and sum(split) <= 0:
        yield Problem((*path, "tensorSplit"), "all shares are 0", "such as [0.55, 0.45]")
    if gpus is not None and placement.main_gpu is not None and placement.main_gpu not in gpus:
        yield Problem(
            (*path, "mainGpu"),
            f"{placement.main_gpu} is not among gpus",
            f"one of {', '.join(gpus)}, written the same way",
        )
    if placement.override_tensors and placement.memory.vram is None:
        yield Problem(
            (*path, "overrideTensors"), "no estimate can follow tensor overrides", "set placement.memory.vram"
        )
    for index, override in enumerate(placement.override_tensors):
        pattern, equals, buffer = override.partition("=")
        if not (pattern and equals and buffer):
            yield Problem(
                (*path, "overrideTensors", index), f"{override!r} is no override", "write pattern=buffer"
            )


def _schedules(schedules: Sequence[Schedule], at: FieldPath) -> Iterator[Problem]:
    names: dict[str, int] = {}
    for index, one in enumerate(schedules):
        if one.name in names:
            yield Problem(
                (*at, index, "name"), f"a window named {one.name} is already there", "give it another name"
            )
        names.setdefault(one.name, index)
        yield from _window(one, (*at, index))
    yield from _contradictions(schedules, at)


def _window(one: Schedule, at: FieldPath) -> Iterator[Problem]:
    yield from _window_times(one, at)
    if one.from_ is not None and one.from_ == one.to:
        yield Problem((*at, "to"), "the window is empty", 'for a whole day write from "00:00" to "24:00"')
    if one.from_ == "24:00":
        yield Problem((*at, "from"), "no day begins at 24:00", 'write "00:00"')
    if all(value is None for value in (one.state, one.pinned, one.suspend, one.replicas, one.context)):
        yield Problem(
            (*at, "name"),
            f"window {one.name} changes nothing",
            "set state, pinned, suspend, replicas or context",
        )


def _window_times(one: Schedule, at: FieldPath) -> Iterator[Problem]:
    weekly = {"days": one.days, "from": one.from_, "to": one.to}
    by_cron = {"cron": one.cron, "duration": one.duration}
    days, cron = ([key for key, value in way.items() if value is not None] for way in (weekly, by_cron))
    if not days and not cron:
        yield Problem(
            (*at, "name"), f"window {one.name} has no times", "add days, from and to, or cron and duration"
        )
        return
    chosen, other = (weekly, cron) if len(days) > len(cron) else (by_cron, days)
    for key in other:
        yield Problem(
            (*at, key),
            f"{key} does not go with {', '.join(chosen)}",
            "use one way or the other",
            at_key=True,
        )
    for key, value in chosen.items():
        if value is None:
            yield Problem(
                (*at, key),
                f"is missing in window {one.name}",
                "a window has days, from and to, or cron and duration",
                at_key=True,
            )


def _contradictions(schedules: Sequence[Schedule], at: FieldPath) -> Iterator[Problem]:
    for later, second in enumerate(schedules):
        for first in schedules[:later]:
            if first.state is None or second.state is None or first.state == second.state:
                continue
            shared = overlaps(first, second)
            if shared is None:
                continue
            if shared.covers_first:
                yield Problem(
                    (*at, later, "state"),
                    f"window {second.name} ({second.state}) hides all of window {first.name} ({first.state})",
                    "the last listed open window wins: change their order or times",
                )
            else:
                yield warning(
                    (*at, later, "state"),
                    f"window {second.name} ({second.state}) contradicts {first.name}"
                    f" ({first.state}) from {shared.begins}",
                    f"{second.name} wins there, as the last listed",
                )
