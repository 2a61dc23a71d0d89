"""Sets the parameters on the extension and runs its server. The only module here that imports the extension."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Mapping
from typing import Any

import xllamacpp

from reconciler.host.embedded.options import Added, Lora, Member, Settings

GGUF_MAGIC = b"GGUF"

#: Where llama-server's own defaults differ from those of a bare parameter structure.
SERVER_DEFAULTS: Settings = {
    "port": 8080,
    "n_parallel": -1,
    "reasoning_format": Member("common_reasoning_format", "COMMON_REASONING_FORMAT_AUTO"),
}


class EngineFailed(Exception):
    """The server did not start; the engine's own lines in the log say more."""


def serve(settings: Settings, environment: Mapping[str, str]) -> None:
    """Loads the model and serves until the process ends. The server listens, and says 503, before it loads."""
    model = str(settings.get("model.path", ""))
    if not model:
        raise EngineFailed("no model: -m FNAME is required")
    _check_model(model)
    chosen = parameters(settings, environment)
    _check_port(chosen)
    try:
        server = xllamacpp.Server(chosen)
    except Exception as error:  # any C++ exception arrives as one of Python's
        raise EngineFailed(f"Cannot load {model}: the engine's lines above say why") from error
    _run(server)


def device_lines() -> list[str]:
    """The GPUs of this build, in the words of `llama-server --list-devices`."""
    found = [_device_line(device) for device in xllamacpp.get_device_info() if _is_gpu(device)]
    return ["Available devices:", *(found or ["  (none)"])]


def _is_gpu(device: Mapping[str, Any]) -> bool:
    return "GPU" in device["type"].name


def _device_line(device: Mapping[str, Any]) -> str:
    total, free = device["memory_total"] >> 20, device["memory_free"] >> 20
    return f"  {device['name']}: {device['description']} ({total} MiB, {free} MiB free)"


def _run(_server: object) -> None:
    """Holds the server: its threads serve, and a signal ends the process."""
    threading.Event().wait()


def parameters(settings: Settings, environment: Mapping[str, str]) -> Any:
    """The extension's structure with llama-server's defaults, the settings and the key of the environment."""
    chosen = xllamacpp.CommonParams()
    keys = tuple(key for key in environment.get("LLAMA_API_KEY", "").split(",") if key)
    filed = settings.get("api_keys", Added(()))
    assert isinstance(filed, Added)  # noqa: S101 - the table makes nothing else of it
    everything = {**SERVER_DEFAULTS, **settings, "api_keys": Added((*keys, *filed.items))}
    for name, value in everything.items():
        *path, attribute = name.split(".")
        target = chosen
        for step in path:
            target = getattr(target, step)
        try:
            setattr(target, attribute, _native(value))
        except (ValueError, OverflowError, TypeError) as error:
            raise EngineFailed(f"Cannot set {name} to {value!r}: {error}") from error
    return chosen


def _native(value: object) -> object:
    match value:
        case Member(enum, name):
            return getattr(getattr(xllamacpp, enum), name)
        case Lora(path, scale):
            return xllamacpp.CommonAdapterLoraInfo(path, scale)
        case Added(items):
            return [_native(item) for item in items]
        case list():
            return [_native(item) for item in value]
        case _:
            return value


def _check_model(path: str) -> None:
    """Names the commonest mistakes, which the extension reports as one."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the path is the engine's text
            magic = file.read(len(GGUF_MAGIC))
    except OSError as error:
        raise EngineFailed(f"Cannot open the model {path}: {error.strerror}") from error
    if magic != GGUF_MAGIC:
        raise EngineFailed(f"{path} is not a GGUF file: it does not begin with GGUF")


def _check_port(chosen: Any) -> None:
    for host in chosen.hostnames:
        if host.endswith(".sock") or chosen.port == 0:
            continue
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, chosen.port))
            except OSError as error:
                cause = "it is in use" if error.errno == errno.EADDRINUSE else os.strerror(error.errno or 0)
                raise EngineFailed(f"Cannot listen on {host} port {chosen.port}: {cause}") from error
