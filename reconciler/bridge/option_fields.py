"""Which engine options belong to fields of a deployment, and how their text becomes the field's value."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.core.arguments.values import split_csv

Place = tuple[str, ...]
Convert = Callable[[Any], object]

_EVERY_LAYER = frozenset({99, 999, 9999})
#: What builds of all ages take behind -fa.
SWITCH = {
    **dict.fromkeys(("on", "1", "true", "enabled"), "on"),
    **dict.fromkeys(("off", "0", "false", "disabled"), "off"),
    **dict.fromkeys(("auto", "-1"), "auto"),
}


class LeftOut(Exception):
    """An option that can be read and has no place in a deployment."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def put(spec: dict[str, Any], place: Place, value: object, *, collect: bool = False) -> None:
    """Set a value deep in a mapping; `collect` adds the items of a list to those that are there."""
    for step in place[:-1]:
        spec = spec.setdefault(step, {})
    if collect and isinstance(value, list):
        spec.setdefault(place[-1], []).extend(value)
    else:
        spec[place[-1]] = value


def _same(value: Any) -> object:
    return value


def _integer(text: str) -> int:
    if re.fullmatch(r"[+-]?\d{1,12}", text, re.ASCII) is None:
        raise ValueError(f"must be an integer, not {text!r}")
    return int(text)


def _positive(text: str) -> int:
    number = _integer(text)
    if number < 1:
        raise LeftOut("the engine would choose, and reconciler's default holds")
    return number


def _switch(text: str) -> str:
    if text not in SWITCH:
        raise ValueError(f"must be on, off or auto, not {text!r}")
    return SWITCH[text]


def _layers(text: str) -> int | str:
    """99 is how people write all layers."""
    if text in {"all", "auto"}:
        return text
    number = _integer(text)
    if number < 0:
        raise ValueError(f"must be a number of layers, all or auto, not {text} (write all)")
    return "all" if number in _EVERY_LAYER else number


def _mebibytes(text: str) -> str:
    number = _integer(text)
    if number < 0:
        raise LeftOut("promptCache has a size", "set spec.context.promptCache")
    return f"{number}Mi" if number else "0"


def _shares(text: str) -> list[int | float]:
    return [_share(part) for part in re.split(r"[,/]", text)]


def _share(text: str) -> int | float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"must be shares such as 0.55,0.45, and {text.strip()!r} is none")
    return int(number) if number.is_integer() else number


def _devices(text: str) -> list[str]:
    found = []
    for part in text.split(","):
        match = re.fullmatch(
            r"(?:CUDA|ROCm|Vulkan|SYCL|gpu)?(\d{1,3})", part.strip(), re.IGNORECASE | re.ASCII
        )
        if match is None and not part.strip().startswith(("GPU-", "MIG-")):
            raise LeftOut(f"{part.strip()!r} names no GPU that reconciler knows", "set spec.placement.gpus")
        found.append(f"gpu{int(match[1])}" if match else part.strip())
    return found


def _adapters(text: str) -> list[dict[str, object]]:
    return [{"path": path} for path in split_csv(text)]


def _scaled_adapters(text: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for part in split_csv(text):
        path, _, scale = part.rpartition(":")
        try:
            found.append({"path": path, "scale": float(scale)})
        except ValueError:
            raise ValueError(f"must be FILE:SCALE, not {part!r}") from None
    return found


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _no_estimate(text: str) -> object:
    hint = f"set spec.placement.overrideTensors: {_names(text)} and spec.placement.memory.vram"
    raise LeftOut("no estimate can follow tensor overrides", hint)


#: By the option's key. Options of one field are spellings of different ages.
FIELDS: Mapping[str, tuple[Place, Convert]] = {
    "model": (("model", "path"), _same),
    "mmproj": (("model", "mmproj", "path"), _same),
    "mmproj-offload": (("model", "mmproj", "offload"), _same),
    "spec-draft-model": (("model", "draft", "path"), _same),
    "spec-draft-ngl": (("model", "draft", "gpuLayers"), _layers),
    "spec-draft-n-max": (("model", "draft", "max"), _positive),
    "draft": (("model", "draft", "max"), _positive),
    "lora": (("model", "loras"), _adapters),
    "lora-scaled": (("model", "loras"), _scaled_adapters),
    "alias": (("aliases",), _names),
    "device": (("placement", "gpus"), _devices),
    "tensor-split": (("placement", "tensorSplit"), _shares),
    "split-mode": (("placement", "splitMode"), _same),
    "main-gpu": (("placement", "mainGpu"), _integer),
    "gpu-layers": (("placement", "gpuLayers"), _layers),
    "override-tensor": (("placement", "overrideTensors"), _no_estimate),
    "ctx-size": (("context", "size"), _positive),
    "parallel": (("context", "parallel"), _positive),
    "kv-unified": (("context", "kvUnified"), _same),
    "cache-type-k": (("context", "kvType", "k"), _same),
    "cache-type-v": (("context", "kvType", "v"), _same),
    "flash-attn": (("context", "flashAttention"), _switch),
    "cache-ram": (("context", "promptCache"), _mebibytes),
    "batch-size": (("context", "batch"), _positive),
    "ubatch-size": (("context", "ubatch"), _positive),
    "embedding": (("capabilities", "embeddings"), _same),
    "rerank": (("capabilities", "rerank"), _same),
}
#: The engine adds what these name to what it has.
COLLECTED = frozenset({"lora", "lora-scaled", "alias"})
