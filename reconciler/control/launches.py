"""From a prepared deployment to the launch of one process: argv, environment, log, private directory."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.control.preparations import Preparation
from reconciler.core.environments import Ours, child_environment
from reconciler.errors import ManifestsInvalid, RuntimeUnusable, StartFailed
from reconciler.host.places import Places
from reconciler.host.processes import Launch
from reconciler.host.secrets import read_secrets


def launch_of(
    preparation: Preparation, *, port: int, api_key: str, places: Places, environ: Mapping[str, str]
) -> Launch:
    """Everything that `host.processes.start` needs. Raises for what already keeps it from starting."""
    _check_text(preparation)
    _check_machine(preparation)
    environment = child_environment(
        environ,
        Ours(home=str(places.engine_home), api_key=api_key),
        operator=preparation.engine.wanted.env,
        deployment=preparation.env,
        secrets=read_secrets(preparation.secrets, environ),
    )
    return Launch(
        argv=preparation.command(port),
        env=environment,
        log_path=places.logs / f"{preparation.name}.log",
        cwd=places.engine_work,
    )


def _check_text(preparation: Preparation) -> None:
    for problem in preparation.errors:
        message = f"Cannot start {preparation.name}: {problem.message}"
        raise ManifestsInvalid(message, next_step=problem.hint)


def _check_machine(preparation: Preparation) -> None:
    record = preparation.engine.record
    if record is None:
        raise RuntimeUnusable("RuntimeMissing", f"nobody looked for {preparation.engine.wanted.name}")
    if record.reason is not None:
        raise RuntimeUnusable(record.reason, record.message, next_step=record.next_step)
    for absent in preparation.absent:
        raise StartFailed(absent.reason, f"Cannot start {preparation.name}: {absent.message}")
    if preparation.missing_devices:
        gpus = ", ".join(preparation.spec.placement.gpus or ())
        message = f"Cannot start {preparation.name}: the engine does not see all of {gpus}"
        raise StartFailed("DeviceMissing", message, next_step="see reconciler get runtimes")
