"""From a prepared deployment to the launch of one process: argv, environment, log, private directory."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.control.preparations import Preparation
from reconciler.core.environments import Ours, child_environment
from reconciler.errors import ManifestsInvalid, RuntimeUnusable
from reconciler.host.places import Places
from reconciler.host.processes import Launch
from reconciler.host.secrets import read_secrets
from reconciler.spec.problems import Severity


def launch_of(
    preparation: Preparation, *, port: int, api_key: str, places: Places, environ: Mapping[str, str]
) -> Launch:
    """Everything that `host.processes.start` needs. Raises where the text or the Runtime keeps it from starting."""
    for problem in preparation.problems:
        if problem.severity is Severity.ERROR:
            raise ManifestsInvalid(
                f"Cannot start {preparation.name}: {problem.message}", next_step=problem.hint
            )
    record = preparation.engine.record
    if record is None or record.reason is not None:
        reason = record.reason if record and record.reason else "RuntimeMissing"
        message = record.message if record else f"nobody looked for {preparation.engine.wanted.name}"
        raise RuntimeUnusable(reason, message, next_step=record.next_step if record else "")
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
        cwd=places.engine_home,
    )
