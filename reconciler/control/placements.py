"""GPUs as manifests name them, turned into the names that one build of the engine takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.control.engines import Engine
from reconciler.host.gpus import GpuList
from reconciler.spec.problems import Problem, warning

AT = ("spec", "placement", "gpus")


def engine_devices(
    written: Sequence[str], engine: Engine, *, names: Mapping[str, str], gpus: GpuList
) -> tuple[tuple[str, ...], list[Problem]]:
    """In the order of the manifest. A GPU that is not there is a warning; a name for none is told by the tree."""
    by_uuid = {gpu.uuid: gpu.name for gpu in gpus.gpus}
    offered = engine.devices
    found: list[str] = []
    problems: list[Problem] = []
    for index, text in enumerate(written):
        reference = names.get(text, text)
        name = by_uuid.get(reference, reference)
        number = name.removeprefix("gpu")
        is_uuid = name.startswith(("GPU-", "MIG-"))
        if offered is None or not (is_uuid or number.isdigit()):
            continue
        if is_uuid or int(number) >= len(offered):
            have = (is_uuid and gpus.trouble) or _have(len(offered))
            problems.append(warning((*AT, index), f"this machine has no {_called(name)}", have))
        else:
            found.append(offered[int(number)])
    return tuple(found), problems


def _called(name: str) -> str:
    return name if name.startswith("gpu") else f"GPU {name}"


def _have(count: int) -> str:
    if count == 0:
        return "the engine lists none"
    return f"the engine lists gpu0 to gpu{count - 1}" if count > 1 else "the engine lists gpu0 alone"
