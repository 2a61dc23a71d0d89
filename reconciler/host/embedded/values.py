"""Values that take more than a number or a word: lists, pairs, files, and options that set two things."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from reconciler.host.embedded.options import Added, Lora, Member, Settings, items

#: The extension takes exactly as many shares and margins as llama.cpp has room for.
MOST_DEVICES = 128

MIB = 1 << 20

KV_WORDS = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")
KV_TYPES = "\nallowed values: " + ", ".join(KV_WORDS) + "\n(default: f16)"

SPEC_TYPES = (
    "none",
    "draft-simple",
    "draft-eagle3",
    "draft-mtp",
    "ngram-simple",
    "ngram-map-k",
    "ngram-map-k4v",
    "ngram-mod",
    "ngram-cache",
)


def prefixed(enum: str, prefix: str, **names: str) -> dict[str, object]:
    return {word: Member(enum, prefix + name) for word, name in names.items()}


def cache_types() -> dict[str, object]:
    return {word: Member("ggml_type", f"GGML_TYPE_{word.upper()}") for word in KV_WORDS}


def gpu_layers(attribute: str) -> Callable[[str], Settings]:
    def sets(value: str) -> Settings:
        named = {"auto": -1, "all": -2}
        if value not in named and not value.isdecimal():
            raise ValueError("it must be a number, auto or all")
        return {attribute: named[value] if value in named else int(value)}

    return sets


def tensor_split(value: str) -> Settings:
    shares = _numbers(value.replace("/", ","), "it must be numbers such as 3,1")
    return {"tensor_split": [*shares, *[0.0] * (MOST_DEVICES - len(shares))]}


def fit_target(value: str) -> Settings:
    margins = [int(margin * MIB) for margin in _numbers(value, "it must be MiB such as 1024,512")]
    # One margin counts for every device.
    return {"fit_params_target": margins * MOST_DEVICES if len(margins) == 1 else margins}


def loras(value: str) -> Settings:
    return {"lora_adapters": Added(tuple(Lora(path, 1.0) for path in items(value)))}


def scaled_loras(value: str) -> Settings:
    pairs = [item.rpartition(":") for item in items(value)]
    try:
        return {"lora_adapters": Added(tuple(Lora(path, float(scale)) for path, _, scale in pairs))}
    except ValueError as error:
        raise ValueError("it must be FNAME:SCALE,...") from error


def spec_types(value: str) -> Settings:
    if unknown := [word for word in items(value) if word not in SPEC_TYPES]:
        raise ValueError(f"{unknown[0]} is not one of {', '.join(SPEC_TYPES)}")
    prefix = "COMMON_SPECULATIVE_TYPE_"
    names = [prefix + word.upper().replace("-", "_") for word in items(value)]
    return {"speculative.types": [Member("common_speculative_type", name) for name in names]}


def rerank(_: str | None) -> Settings:
    return {"embedding": True, "pooling_type": Member("llama_pooling_type", "LLAMA_POOLING_TYPE_RANK")}


def reasoning(value: str) -> Settings:
    chosen = {"on": 1, "off": 0, "auto": -1}
    if value not in chosen:
        raise ValueError("it must be one of on, off, auto")
    told = {} if value == "auto" else {"enable_thinking": json.dumps(value == "on")}
    return {"enable_reasoning": chosen[value], "default_template_kwargs": told}


def template_arguments(value: str) -> Settings:
    """Each member as the JSON text that the template engine parses again."""
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise ValueError('it must be a JSON object such as {"name": "value"}')  # noqa: TRY004 - a wrong text
    return {"default_template_kwargs": {name: json.dumps(member) for name, member in parsed.items()}}


def chat_template_file(path: str) -> Settings:
    return {"chat_template": _text(path)}


def api_keys(path: str) -> Settings:
    lines = [line.strip() for line in _text(path).splitlines()]
    return {"api_keys": Added(tuple(line for line in lines if line and not line.startswith("#")))}


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeError) as error:
        raise ValueError(f"Cannot read it: {error}") from error


def _numbers(value: str, rule: str) -> list[float]:
    try:
        numbers = [float(item) for item in value.split(",")]
    except ValueError as error:
        raise ValueError(rule) from error
    if len(numbers) > MOST_DEVICES:
        raise ValueError(f"it must be at most {MOST_DEVICES} numbers")
    return numbers
