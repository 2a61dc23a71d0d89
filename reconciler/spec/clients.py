"""The kind Client: who may use the API, with which keys, for which models, how much."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from reconciler.spec.problems import shown
from reconciler.spec.scalars import LabelKey, LabelValue, Name, text_like, wrong
from reconciler.spec.shapes import Shape, field, required, section

Role = Literal["use", "load", "engine", "metrics", "admin"]


def _parse_day(value: object) -> date:
    text = value if isinstance(value, str) else ""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        raise wrong(f"{text} is not in the calendar", 'a day that exists, such as "2027-01-31"') from None
    said = f"{shown(text)!r} is no date" if text else "must be a date"
    raise wrong(said, 'year-month-day: "2027-01-31"')


Day = Annotated[date, PlainValidator(_parse_day), WithJsonSchema({"type": "string", "format": "date"})]
KeyHash = Annotated[
    str,
    PlainValidator(
        text_like(
            "sha256:[0-9a-f]{64}",
            what="the hash of a key",
            hint="`reconciler keys new NAME` makes a key and prints it",
            most=71,
            meant=str.lower,
            is_secret=True,
        )
    ),
    WithJsonSchema({"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}),
]


class Key(Shape):
    hash: KeyHash = required(
        "route", "SHA-256 of the key; the key itself is nowhere.", example="sha256:" + "0" * 64
    )
    expires: Day | None = field(
        "route", "Last day on which it works. Absent: never ends.", example="2027-01-31"
    )


class ModelSet(Shape):
    match_labels: Mapping[LabelKey, LabelValue] = field(
        "route", "Deployments that carry all these labels.", default={}, example={"team": "all"}
    )
    names: tuple[Name, ...] = field("route", "Deployments by name.", default=(), example=["llama-70b"])


class ModelAccess(Shape):
    use: ModelSet | None = section(
        "Models that it may use. Absent: all.", example={"matchLabels": {"team": "all"}}
    )
    start: ModelSet | None = section(
        "Models that its requests may load. Absent: all that it may use.", example={"names": ["llama-70b"]}
    )


class ClientLimits(Shape):
    requests_per_minute: int | None = field(
        "route", "Requests in a minute. Absent: no limit.", example=120, ge=1
    )
    tokens_per_minute: int | None = field(
        "route", "Tokens in a minute. Absent: no limit.", example=400000, ge=1
    )
    concurrent: int | None = field("route", "Requests at the same time. Absent: no limit.", example=4, ge=1)


class ClientSpec(Shape):
    keys: Annotated[tuple[Key, ...], Field(min_length=1, max_length=64)] = required(
        "route", "Its keys; several make a rotation without a gap.", example=[{"hash": "sha256:" + "0" * 64}]
    )
    roles: Annotated[tuple[Role, ...], Field(max_length=5)] = field(
        "route",
        "use: requests to models. load: load and unload. engine: the engine's own routes. metrics. admin.",
        default=("use",),
        example=["use", "load"],
    )
    models: ModelAccess = section("Which models.", ModelAccess, example={"use": {"names": ["qwen3-8b"]}})
    limits: ClientLimits = section("How much.", ClientLimits, example={"concurrent": 4})
    priority: int = field("route", "Whose waiting request goes first; higher wins.", default=50, ge=0, le=100)
