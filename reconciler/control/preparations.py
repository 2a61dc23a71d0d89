"""A deployment made ready to start: effective spec, checked options, confined files, the command line.

What the manifests' text gets wrong is an error and leaves nothing to start; what only this machine lacks is a
warning here, and the reason on the deployment when it is to run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.control.engines import Engine
from reconciler.control.named_files import NamedFiles
from reconciler.control.operators import Operators
from reconciler.control.placements import AT as GPUS
from reconciler.core.arguments.policy import Written, check
from reconciler.core.arguments.rules import Limit, PolicyRules
from reconciler.core.arguments.settings import Setting, overlay, with_files
from reconciler.core.builds import field_problems, foreign_buffers
from reconciler.core.commandlines import (
    EngineFiles,
    Seat,
    argv,
    automatic_context,
)
from reconciler.core.field_limits import limit_problems
from reconciler.core.gguf.facts import ModelFacts, ModelKind
from reconciler.core.layers import contested, yielding
from reconciler.errors import PathRefused
from reconciler.host.paths import FileAbsent
from reconciler.spec.deployments import DeploymentDefaults, DeploymentSpec, SecretSource
from reconciler.spec.kinds import ArgPolicy
from reconciler.spec.layers import over
from reconciler.spec.problems import Problem, Severity, warning


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a deployment is prepared in. What `defaults` and `operators` set, the deployment may replace."""

    engine: Engine
    defaults: DeploymentDefaults
    operators: Operators
    rules: PolicyRules
    files: NamedFiles
    devices: tuple[str, ...]
    has_gpus: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """Everything that a start needs but the port. `problems` are told at the deployment's manifest."""

    name: str
    spec: DeploymentSpec
    engine: Engine
    settings: tuple[Setting, ...]
    env: Mapping[str, str]
    secrets: Mapping[str, SecretSource]
    files: EngineFiles
    facts: ModelFacts | None
    devices: tuple[str, ...]
    has_gpus: bool
    absent: tuple[FileAbsent, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What the text gets wrong: with any, there is nothing to start."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    @property
    def missing_devices(self) -> int:
        """How many of the GPUs that the manifest names are not there."""
        return 0 if self.engine.devices is None else len(self.spec.placement.gpus or ()) - len(self.devices)

    def arguments(self, port: int) -> tuple[str, ...]:
        """What follows the binary."""
        wanted, facts = self.spec.capabilities, self.facts
        seat = Seat(
            name=self.name,
            port=port,
            context=self.spec.context.size or automatic_context(facts.trained_context if facts else None),
            devices=self.devices,
            has_gpus=self.has_gpus,
            embeddings=wanted.embeddings
            if wanted.embeddings is not None
            else bool(facts and facts.embeddings),
            rerank=wanted.rerank if wanted.rerank is not None else bool(facts and facts.rerank),
        )
        return argv(self.spec, seat, files=self.files, settings=self.settings, options=self.engine.options)

    def command(self, port: int) -> tuple[str, ...]:
        """The whole command line; a Runtime that this machine lacks is shown by its name."""
        record = self.engine.record
        head = (
            record.argv if record and record.argv else (self.engine.wanted.path or self.engine.wanted.name,)
        )
        return (*head, *self.arguments(port))


def policy_rules(policy: ArgPolicy | None) -> PolicyRules:
    if policy is None:
        return PolicyRules()
    spec = policy.spec
    return PolicyRules(
        allow=spec.allow,
        deny=spec.deny,
        passthrough=spec.passthrough,
        limits={name: Limit(minimum=limit.min, maximum=limit.max) for name, limit in spec.limits.items()},
        name=policy.metadata.name,
    )


def prepare(name: str, own: DeploymentSpec, around: Surroundings) -> Preparation:
    """Check and resolve one deployment; `own` is its spec as written."""
    options, files = around.engine.options, around.files
    spec = over(own, yielding(around.defaults, own, options))
    owned = contested(own, spec, options)
    written = Written(
        args=spec.args,
        extra_args=spec.extra_args,
        env=spec.env,
        secret_env=tuple(sorted(spec.secret_env)),
        owned=owned,
    )
    checked = check(written, rules=around.rules, options=options)
    below = [one for one in around.operators.settings if one.option.name not in owned]
    resolved, named = files.of_model(spec), files.named(checked.paths)
    facts, secrets = files.facts(resolved.model), files.secrets(spec.secret_env)
    preparation = Preparation(
        name=name,
        spec=spec,
        engine=around.engine,
        settings=overlay(below, with_files(checked.settings, named)),
        env=checked.env,
        secrets=secrets,
        files=resolved,
        facts=facts,
        devices=around.devices,
        has_gpus=around.has_gpus,
        absent=tuple(files.absent),
    )
    problems = (
        *checked.problems,
        *_build_problems(spec, around.engine),
        *limit_problems(spec, around.rules, options),
        *foreign_buffers(spec, seen=around.engine.devices or (), chosen=around.devices),
        *files.problems,
        *_model_problems(spec, facts),
        *_ability_problems(preparation),
        *_unwritable(preparation),
    )
    return replace(preparation, problems=problems)


def _unwritable(preparation: Preparation) -> Iterator[Problem]:
    """A path that the engine's own syntax cannot carry."""
    try:
        preparation.arguments(port=0)
    except PathRefused as error:
        yield Problem(("spec", "model", "loras"), error.message, "rename the file")


def _build_problems(spec: DeploymentSpec, engine: Engine) -> Iterator[Problem]:
    if not engine.options.probed:
        return
    for problem in field_problems(spec, engine.options):
        # Where there is no GPU to choose, its absence is told, and heals with the machine.
        if engine.devices != () or problem.path != GPUS:
            yield problem


def _ability_problems(preparation: Preparation) -> Iterator[Problem]:
    """What the model file is for, and this build cannot do."""
    facts, options = preparation.facts, preparation.engine.options
    wanted = preparation.spec.capabilities
    abilities = (
        ("embeddings", "embedding", facts is not None and facts.embeddings and wanted.embeddings is None),
        ("rerank", "rerank", facts is not None and facts.rerank and wanted.rerank is None),
    )
    for what, name, is_wanted in abilities:
        if is_wanted and options.by_key(name) is None:
            message = f"the model is for {what}, and this build of the engine has no --{name}"
            yield warning(("spec", "model", "path"), message, "choose another Runtime")


def _model_problems(spec: DeploymentSpec, facts: ModelFacts | None) -> Iterator[Problem]:
    if facts is None:
        return
    if facts.kind is not ModelKind.MODEL:
        yield warning(
            ("spec", "model", "path"),
            f"the file is no model: it says that it is of kind {facts.kind.value}",
            "an adapter goes to spec.model.loras, a projector to spec.model.mmproj",
        )
    size, trained = spec.context.size, facts.trained_context
    stretched = any(key.replace("_", "-").startswith(("rope-", "yarn-")) for key in spec.args)
    if size is not None and trained is not None and size > trained and not stretched:
        yield warning(
            ("spec", "context", "size"),
            f"the model was trained for {trained} tokens, and {size} is more",
            f"at most {trained}, unless args scale its positions (rope-scaling)",
        )
