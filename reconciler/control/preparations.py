"""A deployment made ready to start: effective spec, checked options, confined files, the command line.

What the manifests' text gets wrong is an error and leaves nothing to start; what only this machine lacks is a
warning here, and the reason on the deployment when it is to run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.control.engines import Engine
from reconciler.core.arguments.policy import Written, check
from reconciler.core.arguments.rules import Limit, PolicyRules
from reconciler.core.arguments.settings import PathUse, Setting, overlay
from reconciler.core.commandlines import (
    EngineFiles,
    Seat,
    argv,
    automatic_context,
    field_problems,
    lacking,
    owned_options,
)
from reconciler.core.gguf.facts import ModelFacts, ModelKind
from reconciler.errors import GgufInvalid, PathRefused
from reconciler.host.models import read_facts
from reconciler.host.paths import FileAbsent, confine
from reconciler.spec.deployments import DeploymentSpec
from reconciler.spec.kinds import ArgPolicy, Runtime
from reconciler.spec.problems import FieldPath, Problem, warning

MODEL_SUFFIXES = (".gguf",)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where files may come from. `models` is where model paths start, `roots` is what no path may leave."""

    models: Path
    roots: tuple[Path, ...]
    manifest: Path


@dataclass(frozen=True, slots=True)
class Operators:
    """What a Runtime sets for every deployment on it; `problems` are told at the Runtime's manifest."""

    settings: tuple[Setting, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a deployment is prepared in. What `operators` set, the deployment may replace."""

    engine: Engine
    operators: Operators
    rules: PolicyRules
    folders: Folders
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
    files: EngineFiles
    facts: ModelFacts | None
    devices: tuple[str, ...]
    has_gpus: bool
    problems: tuple[Problem, ...] = field(default=())

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


def prepare_runtime(runtime: Runtime, engine: Engine, rules: PolicyRules, folders: Folders) -> Operators:
    """The operator's own options and environment, through the same policy."""
    written = Written(args=runtime.spec.args, env=runtime.spec.env, operator=True)
    checked = check(written, rules=rules, options=engine.options)
    files = _Files(folders)
    named = files.named(checked.paths)
    return Operators(checked.settings, named, (*checked.problems, *files.problems))


def prepare(name: str, spec: DeploymentSpec, around: Surroundings) -> Preparation:
    """Check and resolve one deployment."""
    engine, rules = around.engine, around.rules
    owned = owned_options(spec, engine.options)
    written = Written(
        args=spec.args,
        extra_args=spec.extra_args,
        env=spec.env,
        secret_env=tuple(sorted(spec.secret_env)),
        owned=owned,
    )
    checked = check(written, rules=rules, options=engine.options)
    below = [one for one in around.operators.settings if one.option.name not in owned]
    files = _Files(around.folders)
    resolved = files.all_of(spec, checked.paths)
    facts = files.facts(resolved.model)
    preparation = Preparation(
        name=name,
        spec=spec,
        engine=engine,
        settings=overlay(below, checked.settings),
        env=checked.env,
        files=replace(resolved, named={**around.operators.named, **resolved.named}),
        facts=facts,
        devices=around.devices,
        has_gpus=around.has_gpus,
    )
    problems = (
        *checked.problems,
        *_build_problems(spec, engine),
        *files.problems,
        *_model_problems(spec, facts),
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
    if engine.options.probed:
        yield from field_problems(spec, engine.options)
        if missing := lacking(engine.options):
            at: FieldPath = ("spec", "runtime")
            yield warning(
                at, f"this build lacks --{', --'.join(missing)}, without which nothing can be started"
            )


def _model_problems(spec: DeploymentSpec, facts: ModelFacts | None) -> Iterator[Problem]:
    if facts is None:
        return
    if facts.kind is not ModelKind.MODEL:
        yield warning(
            ("spec", "model", "path"),
            f"the file is a {facts.kind.value}, not a model",
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


class _Files:
    """Resolves the paths of one deployment and notes what is wrong with each."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._models_present = folders.models.is_dir()
        self.problems: list[Problem] = []

    def all_of(self, spec: DeploymentSpec, named: Iterable[PathUse]) -> EngineFiles:
        model, at = spec.model, ("spec", "model")
        return EngineFiles(
            model=self._model(model.path, (*at, "path")),
            mmproj=self._model(model.mmproj.path, (*at, "mmproj", "path")) if model.mmproj else "",
            draft=self._model(model.draft.path, (*at, "draft", "path")) if model.draft else "",
            loras=tuple(
                self._model(lora.path, (*at, "loras", index, "path"))
                for index, lora in enumerate(model.loras)
            ),
            named=self.named(named),
        )

    def named(self, paths: Iterable[PathUse]) -> dict[str, str]:
        return {use.text: self._file(use.text, use.path, use.suffixes) for use in paths}

    def facts(self, model: str) -> ModelFacts | None:
        if not Path(model).is_file():
            return None
        try:
            return read_facts(Path(model))
        except (GgufInvalid, OSError) as error:
            self.problems.append(warning(("spec", "model", "path"), f"Cannot read the model: {error}"))
            return None

    def _model(self, written: str, at: FieldPath) -> str:
        bases = (self._folders.models,)
        return self._confined(written, at, bases=bases, suffixes=MODEL_SUFFIXES, gguf=True)

    def _file(self, written: str, at: FieldPath, suffixes: tuple[str, ...]) -> str:
        bases = (self._folders.manifest, self._folders.models)
        return self._confined(written, at, bases=bases, suffixes=suffixes, gguf=suffixes == MODEL_SUFFIXES)

    def _confined(
        self, written: str, at: FieldPath, *, bases: tuple[Path, ...], suffixes: tuple[str, ...], gguf: bool
    ) -> str:
        try:
            found = confine(written, bases=bases, roots=self._folders.roots, suffixes=suffixes, gguf=gguf)
        except PathRefused as error:
            self.problems.append(Problem(at, error.message, error.next_step))
            return written
        if isinstance(found, FileAbsent):
            if self._models_present or self._folders.models not in bases:
                self.problems.append(warning(at, found.message, _heal(found)))
            return str(found.path)
        return str(found)


def _heal(absent: FileAbsent) -> str:
    if absent.reason == "FileMissing":
        return "put it there, or correct the path"
    return "allow us to read it" if absent.reason == "FileUnreadable" else "name a GGUF file"
