"""What happens to requests on their way: defaults, limits, queueing and variants of a ModelDeployment."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.spec.scalars import Alias, JsonData
from reconciler.spec.shapes import Shape, field, required, section
from reconciler.spec.times import Duration, TimeSpan


class RequestLimits(Shape):
    max_tokens: int | None = field(
        "route", "Most tokens that one answer may have; larger wishes are cut.", example=4096, ge=1
    )


class Queue(Shape):
    max_wait: Duration = field(
        "route",
        "How long a request waits for a place before 503. Loading has its own deadline.",
        default="5m",
        example="5m",
    )
    max: int = field(
        "route", "How many requests may wait; the next one gets 503 at once.", default=64, ge=0, le=100_000
    )
    keep_alive: bool = field(
        "route",
        "Start a held stream early and send comments, for clients that give up on silence.",
        default=False,
    )


class RequestPatch(Shape):
    set: Mapping[str, JsonData] = field(
        "route",
        "Body fields set in every request, whatever the client sent.",
        default={},
        example={"chat_template_kwargs": {"enable_thinking": False}},
    )
    strip: tuple[str, ...] = field(
        "route", "Body fields removed from every request.", default=(), example=["logit_bias"]
    )
    defaults: Mapping[str, JsonData] = field(
        "route",
        "Body fields set where the client sent none. 0 and false are values, absent is absent.",
        default={},
        example={"temperature": 0.7},
    )


class Request(RequestPatch):
    limits: RequestLimits = section(
        "Bounds on what a client may ask for.", RequestLimits, example={"maxTokens": 4096}
    )
    timeout: TimeSpan = field("route", "Most time that one request may take.", default="30m", example="30m")
    concurrency: int | None = field(
        "route",
        "Requests that one replica gets at the same time. Absent: `context.parallel`.",
        example=4,
        ge=1,
        le=4096,
    )
    queue: Queue = section(
        "Waiting for a loaded model's free place.", Queue, example={"maxWait": "5m", "max": 64}
    )


class Variant(Shape):
    name: Alias = required("route", "The model name that clients use for it.", example="qwen3:30b-nothink")
    request: RequestPatch = section(
        "What it changes in a request.",
        RequestPatch,
        example={"set": {"chat_template_kwargs": {"enable_thinking": False}}},
    )
