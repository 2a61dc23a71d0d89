"""What the operator sets on a Runtime for every deployment on it, through the same policy as everybody's options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reconciler.control.engines import Engine
from reconciler.control.named_files import Folders, KnownModels, NamedFiles
from reconciler.core.arguments.catalog import assumed_table
from reconciler.core.arguments.policy import Written, check
from reconciler.core.arguments.rules import PolicyRules
from reconciler.core.arguments.settings import Setting, with_files
from reconciler.core.runtimes import RuntimeWanted
from reconciler.spec.kinds import Runtime
from reconciler.spec.problems import Problem


@dataclass(frozen=True, slots=True)
class Operators:
    """Settings under those of a deployment; `problems` are told at the Runtime's manifest."""

    settings: tuple[Setting, ...] = ()
    problems: tuple[Problem, ...] = ()


def wanted_runtime(runtime: Runtime, folders: Folders) -> RuntimeWanted:
    """A Runtime as declared; a relative path starts at its manifest."""
    spec = runtime.spec
    return RuntimeWanted(
        name=runtime.metadata.name,
        kind=spec.kind,
        path=str(Path(folders.manifest, spec.path)) if spec.path else None,
        sha256=spec.sha256,
        env=_vetted(runtime, folders),
    )


def _vetted(runtime: Runtime, folders: Folders) -> dict[str, str]:
    """The binary is asked for its options before these can check anything, and gets nothing that is refused."""
    written = Written(env=runtime.spec.env, operator=True)
    checked = check(written, rules=PolicyRules(), options=assumed_table())
    found = NamedFiles(folders, KnownModels()).named(checked.paths)
    confined = {use.option: found.get(use) for use in checked.paths}
    resolved = {name: confined.get(name, value) for name, value in checked.env.items()}
    return {name: value for name, value in resolved.items() if value is not None}


def prepare_runtime(runtime: Runtime, engine: Engine, rules: PolicyRules, files: NamedFiles) -> Operators:
    """The operator's own options and environment."""
    written = Written(args=runtime.spec.args, env=runtime.spec.env, operator=True)
    checked = check(written, rules=rules, options=engine.options)
    found = files.named(checked.paths)
    return Operators(with_files(checked.settings, found), (*checked.problems, *files.problems))
