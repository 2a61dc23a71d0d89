"""The kind Host: this machine, its directories, devices, budget, ports, listeners and access."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from reconciler.spec.clients import Role
from reconciler.spec.deployments import DeploymentDefaults
from reconciler.spec.problems import shown
from reconciler.spec.scalars import FilePath, GpuRef, Name, Quantity, parse_gpu, text_like, wrong
from reconciler.spec.shapes import Shape, field, required, section
from reconciler.spec.times import Duration, TimeSpan, TimeZone

_LISTEN_HINT = "127.0.0.1:11434, [::1]:11434, unix:/run/gateway.sock or tls://0.0.0.0:8443"


def _parse_listener(value: object) -> str:
    if not isinstance(value, str):
        raise wrong("must be an address to listen on", _LISTEN_HINT)
    if value.startswith("unix:"):
        if not value.startswith("unix:/") or len(value) > 105:
            raise wrong(f"{shown(value)!r} is no socket path", "absolute and at most 100 characters")
        return value
    address, colon, port = value.removeprefix("tls://").rpartition(":")
    host = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    if not colon or not host or ("[" not in address and ":" in address):
        raise wrong(f"{shown(value)!r} is no address to listen on", _LISTEN_HINT)
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise wrong(f"{shown(port)!r} is no port", "1 to 65535")
    if re.fullmatch(r"[A-Za-z0-9.-]+", host) is None and not _is_address(host):
        raise wrong(f"{shown(host)!r} is no address", _LISTEN_HINT)
    return value


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _parse_network(value: object) -> str:
    if value == "loopback":
        return "loopback"
    if not isinstance(value, str):
        raise wrong("must be a network", "loopback, or one like 192.168.1.0/24")
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise wrong(f"{shown(value)!r} is no network", _network_hint(value)) from None


def _network_hint(text: str) -> str:
    try:
        return f"write {ipaddress.ip_network(text, strict=False)}"
    except ValueError:
        return "loopback, or one like 192.168.1.0/24"


def _parse_port_range(value: object) -> str:
    if not isinstance(value, str):
        raise wrong("must be a range of ports", "such as 20000-20999")
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", value, re.ASCII)
    if match is None:
        raise wrong(f"{shown(value)!r} is no range of ports", "such as 20000-20999")
    first, last = int(match[1]), int(match[2])
    if not 1024 <= first <= last <= 65535:
        raise wrong(f"{value!r} is no usable range of ports", "1024 to 65535, the lower one first")
    return f"{first}-{last}"


def _parse_reserved(value: object) -> str:
    return "ram" if value == "ram" else parse_gpu(value)


Listener = Annotated[
    str, PlainValidator(_parse_listener), WithJsonSchema({"type": "string", "examples": ["127.0.0.1:11434"]})
]
Network = Annotated[
    str, PlainValidator(_parse_network), WithJsonSchema({"type": "string", "examples": ["loopback"]})
]
PortRange = Annotated[
    str,
    PlainValidator(_parse_port_range),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4,5}-\d{4,5}$", "examples": ["20000-20999"]}),
]


def _percent_meant(text: str) -> str:
    """0.02 is how programs write 2%; nobody means a fiftieth of a percent."""
    return f"{float(text) * 100:g}%" if re.fullmatch(r"0\.\d{1,6}", text, re.ASCII) else f"{text}%"


Percent = Annotated[
    str,
    PlainValidator(
        text_like(
            r"([0-9]|[1-4][0-9])(\.\d{1,3})?%|50%",
            what="a percentage",
            hint="such as 2%, at most 50%",
            most=8,
            meant=_percent_meant,
        )
    ),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?%$", "examples": ["2%"]}),
]
Reserved = Annotated[str, PlainValidator(_parse_reserved), WithJsonSchema({"type": "string"})]


class Paths(Shape):
    models: FilePath | None = field(
        "restart",
        "The directory of the model files, absolute or relative to this manifest. Absent: beside the manifests.",
        example="/srv/models",
    )
    allowed: Annotated[tuple[FilePath, ...], Field(max_length=64)] = field(
        "inplace",
        "More directories that templates, grammars, adapters and binaries' plug-ins may come from.",
        default=(),
        example=["/srv/templates"],
    )


class Tls(Shape):
    cert_file: FilePath = required("inplace", "Certificate chain, PEM.", example="/etc/tls/tls.crt")
    key_file: FilePath = required("inplace", "Private key, PEM.", example="/etc/tls/tls.key")


class Anonymous(Shape):
    from_: Annotated[tuple[Network, ...], Field(max_length=64)] = field(
        "route",
        "Networks whose requests need no key; an unknown key is ignored there.",
        default=("loopback",),
        example=["loopback", "192.168.1.0/24"],
        alias="from",
    )
    roles: Annotated[tuple[Role, ...], Field(max_length=5)] = field(
        "route", "What they may do.", default=("use", "load"), example=["use"]
    )


class Auth(Shape):
    anonymous: Anonymous = section("Requests without a key.", Anonymous, example={"from": ["loopback"]})


class HostMemory(Shape):
    reserve: Mapping[Reserved, Quantity] = field(
        "inplace",
        "What is left to others on a device or in main memory (`ram`), whether they use it or not.",
        default={},
        example={"gpu0": "1536Mi", "ram": "4Gi"},
    )
    headroom: Percent = field("inplace", "Share of each device that stays free.", default="2%")
    on_pressure: Literal["evict", "keep"] = field(
        "inplace",
        "When a device's free memory falls under the headroom: unload idle models, cheapest first, or keep all.",
        default="evict",
    )


class Ports(Shape):
    range: PortRange = field("restart", "Ports for engines, on loopback.", default="20000-20999")
    auto_select: bool = field(
        "inplace",
        "Take the next free port of the range when one is busy. False: every deployment declares its port.",
        default=True,
    )
    probe_max: int | None = field(
        "inplace",
        "How many ports to try before NoFreePort. Absent: the whole range.",
        example=10,
        ge=0,
        le=65535,
    )


class HostRollout(Shape):
    max_unavailable: int = field(
        "inplace", "Loaded replicas that may restart at the same time.", default=1, ge=1, le=64
    )


class TimeoutTier(Shape):
    min_size: Quantity = required("inplace", "For models of at least this file size.", example="40Gi")
    request: TimeSpan | None = field("route", "Request timeout.", example="30m")
    start: TimeSpan | None = field("inplace", "Progress deadline of a start.", example="10m")


class Timeouts(Shape):
    tiers: Annotated[tuple[TimeoutTier, ...], Field(max_length=16)] = field(
        "inplace",
        "Timeouts by model size, for deployments that set none; the largest matching tier counts.",
        default=(),
        example=[{"minSize": "40Gi", "request": "30m"}],
    )


class HostLimits(Shape):
    preset: Literal["strict"] | None = field(
        "route", "A set of bounds on messages, ranges and rates. Absent: none.", example="strict"
    )
    body: Quantity = field("route", "Largest request body.", default="64Mi", example="64Mi")
    keep_alive: Duration | None = field(
        "inplace", "Longest keep-alive that a client may ask for. Absent: no cap.", example="24h"
    )


class AccessLog(Shape):
    path: FilePath = required("inplace", "The log file.", example="/var/log/reconciler/access.jsonl")
    format: Literal["text", "json"] = field("inplace", "Lines of text or of JSON.", default="json")


class Retention(Shape):
    events: TimeSpan | None = field("inplace", "How long events are kept. Absent: 90d.", example="90d")
    logs: Quantity | None = field("inplace", "How much all logs may occupy. Absent: 2Gi.", example="2Gi")


class HostSpec(Shape):
    former_names: Annotated[tuple[Name, ...], Field(max_length=16)] = field(
        "inplace",
        "Names that this host had; their processes are still ours.",
        default=(),
        example=["old-box"],
    )
    paths: Paths = section("Directories that files may come from.", Paths, example={"models": "/srv/models"})
    listen: Annotated[tuple[Listener, ...], Field(max_length=16)] = field(
        "inplace",
        "Where the gateway listens: addresses, Unix sockets, TLS.",
        default=("127.0.0.1:11434",),
        example=["127.0.0.1:11434", "unix:/run/reconciler/gateway.sock"],
    )
    tls: Tls | None = section(
        "Certificate for tls:// listeners.", example={"certFile": "tls.crt", "keyFile": "tls.key"}
    )
    auth: Auth = section("Access without keys.", Auth, example={"anonymous": {"from": ["loopback"]}})
    gpu_names: Mapping[Name, GpuRef] = field(
        "restart", "Names for GPUs, by UUID.", default={}, example={"big": "GPU-uuid-2"}
    )
    memory: HostMemory = section("Budget of each device.", HostMemory, example={"headroom": "2%"})
    ports: Ports = section("Ports of the engines.", Ports, example={"range": "20000-20999"})
    runtime: Name = field("restart", "Runtime of deployments that name none.", default="llama-server")
    arg_policy: Name | None = field(
        "inplace", "The ArgPolicy in force. Absent: everything that no core rule denies.", example="homelab"
    )
    defaults: DeploymentDefaults = section(
        "Laid under every deployment: maps merge, lists replace.",
        DeploymentDefaults,
        example={"lifecycle": {"idleUnload": "30m"}},
    )
    default_model: Name | None = field(
        "route", "The deployment that answers requests without a model.", example="qwen3-30b"
    )
    time_zone: TimeZone | None = field(
        "inplace", "Time zone of schedules that name none. Absent: UTC.", example="Europe/Berlin"
    )
    rollout: HostRollout = section("Waves of restarts.", HostRollout, example={"maxUnavailable": 1})
    timeouts: Timeouts = section(
        "Timeouts by model size.", Timeouts, example={"tiers": [{"minSize": "40Gi"}]}
    )
    limits: HostLimits = section("Bounds on requests.", HostLimits, example={"body": "64Mi"})
    access_log: AccessLog | None = section("Log of requests. Absent: none.", example={"path": "access.jsonl"})
    retention: Retention = section("How long things are kept.", Retention, example={"events": "90d"})
    on_stop: Literal["auto", "leave", "stop"] = field(
        "inplace",
        "What stopping the controller does to models. auto: Ctrl-C in a terminal stops them, SIGTERM leaves them.",
        default="auto",
    )
