"""Rules between the fields of what belongs to a machine: Host, Runtime, ArgPolicy."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.spec.hosts import HostSpec
from reconciler.spec.kinds import ArgPolicy, Host, Runtime
from reconciler.spec.problems import FieldPath, Problem
from reconciler.spec.runtimes import BUILT_IN_RUNTIMES
from reconciler.spec.scalars import format_quantity, parse_gpu

_EVERYWHERE = "0.0.0.0"  # noqa: S104 - compared with, never bound to


def of_host(host: Host) -> Iterator[Problem]:
    spec = host.spec
    yield from _listeners(spec)
    if host.metadata.name in spec.former_names:
        index = spec.former_names.index(host.metadata.name)
        yield Problem(
            ("spec", "formerNames", index),
            f"{host.metadata.name} is the name it has now",
            "list older names only",
        )
    for name in spec.gpu_names:
        if parse_gpu(name) != name or re.fullmatch(r"gpu\d+|ram", name):
            yield Problem(
                ("spec", "gpuNames", name),
                f"{name} already means something",
                "choose another name, such as big",
                at_key=True,
            )
    sizes = [tier.min_size for tier in spec.timeouts.tiers]
    for index, size in enumerate(sizes):
        if size in sizes[:index]:
            yield Problem(
                ("spec", "timeouts", "tiers", index, "minSize"),
                f"another tier begins at {format_quantity(size)}",
                "remove one of them",
            )


def _listeners(spec: HostSpec) -> Iterator[Problem]:
    for index, one in enumerate(spec.listen):
        path: FieldPath = ("spec", "listen", index)
        if one.startswith("tls://") and spec.tls is None:
            yield Problem(path, "a tls:// listener needs a certificate", "set spec.tls.certFile and keyFile")
        for other in spec.listen[:index]:
            if one == other:
                yield Problem(path, f"{one} is listed twice", "remove one of them")
            elif _collide(one, other):
                yield Problem(path, f"{one} collides with {other}", "choose another port")


def _collide(one: str, other: str) -> bool:
    """The same port at one address, or at one and at all of its family."""
    (host, _, port), (other_host, _, other_port) = (
        listener.removeprefix("tls://").rpartition(":") for listener in (one, other)
    )
    if "unix" in {host, other_host} or port != other_port:
        return False
    hosts = {host, other_host}
    return len(hosts) == 1 or (_EVERYWHERE in hosts and not any(h.startswith("[") for h in hosts))


def of_runtime(runtime: Runtime) -> Iterator[Problem]:
    spec, name = runtime.spec, runtime.metadata.name
    if name in BUILT_IN_RUNTIMES and spec.kind != name:
        yield Problem(
            ("spec", "kind"),
            f"a Runtime named {name} must be of kind {name}",
            f"write kind: {name}, or choose another metadata.name",
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
        yield Problem(
            ("spec", "sha256"),
            "pins a binary that is not named",
            "add path: /..., or remove sha256",
            at_key=True,
        )


def of_policy(policy: ArgPolicy) -> Iterator[Problem]:
    for name, limit in policy.spec.limits.items():
        if limit.min is not None and limit.max is not None and limit.min > limit.max:
            yield Problem(
                ("spec", "limits", name),
                f"min {limit.min:g} is more than max {limit.max:g}",
                "swap them",
                at_key=True,
            )
