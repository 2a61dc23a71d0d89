"""Rules between the fields of one object, which no single field can know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.spec.deployments import DeploymentDefaults, DeploymentSpec
from reconciler.spec.kinds import AnyManifest, ArgPolicy, Host, ModelDeployment, Runtime
from reconciler.spec.lifecycles import Schedule
from reconciler.spec.problems import FieldPath, Problem, warning
from reconciler.spec.runtimes import BUILT_IN_RUNTIMES
from reconciler.spec.windows import overlaps

_PLAIN_CACHE = frozenset({"f32", "f16", "bf16"})


def within_object(manifest: AnyManifest) -> list[Problem]:
    """Problems between fields of one object."""
    if isinstance(manifest, ModelDeployment):
        return [*_deployment(manifest.spec), *_shared(manifest.spec, ("spec",))]
    if isinstance(manifest, Host):
        return [*_host(manifest), *_shared(manifest.spec.defaults, ("spec", "defaults"))]
    if isinstance(manifest, Runtime):
        return list(_runtime(manifest))
    if isinstance(manifest, ArgPolicy):
        return list(_policy(manifest))
    return []


def _deployment(spec: DeploymentSpec) -> Iterator[Problem]:
    if spec.port is not None and spec.replicas > 1:
        yield Problem(
            ("spec", "replicas"),
            f"{spec.replicas} replicas cannot share the fixed port {spec.port}",
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
            yield Problem(path, "needs exactly one source", "fromFile or fromEnv")
        if name in spec.env:
            yield Problem(path, f"{name} is set in spec.env too", "keep one of them", at_key=True)
    if spec.lifecycle.pinned and spec.state == "stopped":
        yield Problem(
            (*at, "lifecycle", "pinned"), "a stopped model cannot be pinned", "remove pinned, or change state"
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
            f"{context.ubatch} is more than batch {context.batch}",
            f"at most {context.batch}",
        )


def _placement(spec: DeploymentDefaults, at: FieldPath) -> Iterator[Problem]:
    placement, path = spec.placement, (*at, "placement")
    gpus, split = placement.gpus, placement.tensor_split
    if gpus is not None and len(set(gpus)) < len(gpus):
        twice = next(gpu for gpu in gpus if gpus.count(gpu) > 1)
        yield Problem((*path, "gpus"), f"{twice} is named twice", "name each GPU once")
    if split is not None and gpus is None:
        yield Problem(
            (*path, "tensorSplit"),
            "belongs to gpus, and spec.placement.gpus is not set",
            "name the GPUs in order",
        )
    elif split is not None and gpus is not None and len(split) != len(gpus):
        yield Problem(
            (*path, "tensorSplit"),
            f"has {len(split)} shares for {len(gpus)} GPUs",
            "one share for each of gpus",
        )
    if split is not None and sum(split) <= 0:
        yield Problem((*path, "tensorSplit"), "all shares are 0", "at least one must be more")
    if gpus is not None and placement.main_gpu is not None and placement.main_gpu not in gpus:
        yield Problem(
            (*path, "mainGpu"), f"{placement.main_gpu} is not among gpus", f"one of {', '.join(gpus)}"
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
    weekly = {"days": one.days, "from": one.from_, "to": one.to}
    by_cron = {"cron": one.cron, "duration": one.duration}
    chosen = weekly if one.cron is None and one.duration is None else by_cron
    other = by_cron if chosen is weekly else weekly
    for name, value in other.items():
        if value is not None:
            yield Problem(
                (*at, name),
                f"{name} does not go with {' and '.join(chosen)}",
                "use one way or the other",
                at_key=True,
            )
    for name, value in chosen.items():
        if value is None:
            yield Problem(
                (*at, name),
                "is missing",
                f"a window needs {', '.join(weekly)}, or cron and duration",
                at_key=True,
            )
    if one.from_ is not None and one.from_ == one.to:
        yield Problem((*at, "to"), "the window is empty", 'for a whole day write from "00:00" to "24:00"')
    if one.from_ == "24:00":
        yield Problem((*at, "from"), "no day begins at 24:00", 'write "00:00"')
    if one.duration is not None and not one.duration:
        yield Problem((*at, "duration"), "the window is empty", "such as 3h")
    if all(value is None for value in (one.state, one.pinned, one.suspend, one.replicas, one.context)):
        yield Problem(at, "the window changes nothing", "set state, pinned, suspend, replicas or context")


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


def _host(host: Host) -> Iterator[Problem]:
    spec = host.spec
    if any(one.startswith("tls://") for one in spec.listen) and spec.tls is None:
        index = next(i for i, one in enumerate(spec.listen) if one.startswith("tls://"))
        yield Problem(("spec", "listen", index), "a tls:// listener needs a certificate", "set spec.tls")
    for index, one in enumerate(spec.listen):
        if one in spec.listen[:index]:
            yield Problem(("spec", "listen", index), f"{one} is listed twice", "remove one")
    if host.metadata.name in spec.former_names:
        yield Problem(
            ("spec", "formerNames"), f"{host.metadata.name} is the name it has now", "list older names only"
        )
    sizes = [tier.min_size for tier in spec.timeouts.tiers]
    for index, size in enumerate(sizes):
        if size in sizes[:index]:
            yield Problem(
                ("spec", "timeouts", "tiers", index, "minSize"),
                "a tier of this size is already there",
                "remove one",
            )


def _runtime(runtime: Runtime) -> Iterator[Problem]:
    spec, name = runtime.spec, runtime.metadata.name
    if name in BUILT_IN_RUNTIMES and spec.kind != name:
        yield Problem(
            ("spec", "kind"),
            f"the built-in name {name} must stay of kind {name}",
            "choose another metadata.name",
        )
    if spec.kind == "embedded" and spec.path is not None:
        yield Problem(
            ("spec", "path"),
            "the embedded engine has no path",
            "remove it: it is the package xllamacpp",
            at_key=True,
        )
    if spec.kind == "embedded" and spec.sha256 is not None:
        yield Problem(("spec", "sha256"), "the embedded engine is pinned by pip", "remove it", at_key=True)
    if spec.sha256 is not None and spec.path is None and spec.kind != "embedded":
        yield Problem(("spec", "sha256"), "pins a binary that is not named", "set spec.path")


def _policy(policy: ArgPolicy) -> Iterator[Problem]:
    for name, limit in policy.spec.limits.items():
        if limit.min is not None and limit.max is not None and limit.min > limit.max:
            yield Problem(
                ("spec", "limits", name), f"min {limit.min:g} is more than max {limit.max:g}", "swap them"
            )
