"""When a model runs and how it is watched: lifecycle, rollout, probes and schedules of a ModelDeployment."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reconciler.spec.scalars import Name
from reconciler.spec.shapes import Shape, field, required, section
from reconciler.spec.times import CronText, Days, Duration, IdleTime, TimeOfDay, TimeSpan, TimeZone

State = Literal["running", "onDemand", "stopped"]


class Lifecycle(Shape):
    idle_unload: IdleTime = field(
        "inplace",
        "Unload after this long without a request, counted from the end of the last one; or never.",
        default="15m",
        example="15m",
    )
    priority: int = field(
        "inplace", "Who is served first and evicted last; higher wins.", default=50, ge=0, le=100
    )
    pinned: bool = field("inplace", "Once loaded, never evicted and never idle-unloaded.", default=False)
    min_residency: Duration = field(
        "inplace", "After a load, no eviction for this long.", default="60s", example="60s"
    )
    drain: Duration | None = field(
        "inplace",
        "How long a stop waits for running requests. Absent: the request timeout.",
        example="10m",
    )
    stop_grace: Duration = field(
        "inplace",
        "How long a process has to end after SIGTERM before the next signal.",
        default="10s",
        example="10s",
    )


class Rollout(Shape):
    strategy: Literal["recreate", "surge"] = field(
        "inplace",
        "recreate stops the old process first; surge keeps it serving until the new one is loaded, when both fit.",
        default="recreate",
    )
    auto_revert: bool = field(
        "inplace", "Return to the last good generation when a new one misses its deadline.", default=True
    )
    progress_deadline: TimeSpan | None = field(
        "inplace",
        "A start without any sign of progress for this long has failed. Absent: by model size.",
        example="5m",
    )


class Liveness(Shape):
    interval: TimeSpan = field("inplace", "Time between two probes.", default="30s", example="30s")
    timeout: TimeSpan = field("inplace", "How long one probe may take.", default="20s", example="20s")
    stall: TimeSpan = field(
        "inplace",
        "With work in flight and no sign of progress for this long, the server is replaced.",
        default="10m",
        example="10m",
    )


class Probes(Shape):
    liveness: Liveness = section(
        "How a hung server is found.", Liveness, example={"interval": "30s", "stall": "10m"}
    )


class WindowContext(Shape):
    size: int | None = field(
        "restart", "Context in tokens while the window is open.", example=8192, ge=16, le=16_777_216
    )
    parallel: int | None = field("restart", "Slots while the window is open.", example=2, ge=1, le=256)


class Schedule(Shape):
    """One window of time. `days`/`from`/`to` or `cron`/`duration`, never both."""

    name: Name = required("inplace", "A name that status and events use.", example="office")
    days: Days | None = field("inplace", "Weekdays on which the window opens.", example="Mon-Fri")
    from_: TimeOfDay | None = field("inplace", "Start of the window.", example="08:00", alias="from")
    to: TimeOfDay | None = field(
        "inplace",
        'End of the window, at most "24:00"; earlier than `from` means across midnight.',
        example="19:00",
    )
    cron: CronText | None = field("inplace", "Start of the window as cron.", example="0 4 * * 1-5")
    duration: TimeSpan | None = field("inplace", "Length of a cron window.", example="3h")
    time_zone: TimeZone | None = field(
        "inplace", "IANA time zone. Absent: Host.spec.timeZone, else UTC.", example="Europe/Berlin"
    )
    state: State | None = field("inplace", "State while the window is open.", example="running")
    pinned: bool | None = field("inplace", "Pinning while the window is open.", example=True)
    suspend: bool | None = field("inplace", "Leave exactly as it is while the window is open.", example=True)
    replicas: int | None = field("inplace", "Replicas while the window is open.", example=2, ge=0, le=64)
    context: WindowContext | None = section("Context while the window is open.", example={"size": 8192})


Schedules = Annotated[tuple[Schedule, ...], Field(max_length=64)]
