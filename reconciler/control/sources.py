"""Manifest files and this machine, read together: what `validate` prints and what a controller plans from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.control.engines import Engine, Engines, this_machine
from reconciler.control.preparations import (
    Folders,
    Operators,
    Preparation,
    Surroundings,
    policy_rules,
    prepare,
    prepare_runtime,
)
from reconciler.core.arguments.rules import PolicyRules, narrow
from reconciler.host.files import ManifestFile, read_manifests
from reconciler.host.gpus import GpuList, list_gpus
from reconciler.host.runtimes import hidden_configuration
from reconciler.spec.diagnostics import Diagnostic, format_path, locate
from reconciler.spec.kinds import ModelDeployment, Runtime
from reconciler.spec.layers import HostSettings, host_settings, over
from reconciler.spec.nodes import Document
from reconciler.spec.objectrules import within_object
from reconciler.spec.problems import Problem, Severity, warning
from reconciler.spec.shapes import nearest
from reconciler.spec.trees import Declared, Tree, join, read_file


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that a set of files declares. `preparations` are in the order of the deployments' names."""

    files: int
    tree: Tree
    settings: HostSettings
    engines: Engines
    preparations: tuple[Preparation, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def is_valid(self) -> bool:
        return not any(one.is_error for one in self.diagnostics)


def read_sources(
    paths: Sequence[str], *, environ: Mapping[str, str], look_at_machine: bool = True
) -> Reading:
    """Read, check and prepare. What the machine lacks is only looked for where `look_at_machine`."""
    files = read_manifests(paths)
    tree = join([read_file(file.name, file.raw) for file in files if not file.trouble])
    settings = host_settings(tree.host, environ)
    gpus = list_gpus() if look_at_machine else GpuList()
    machine = this_machine(settings.name, environ, gpus) if look_at_machine else None
    engines = Engines({one.manifest.metadata.name: one.manifest for one in tree.runtimes}, machine)
    found = [_unreadable(file) for file in files if file.trouble]
    found += _host_diagnostics(settings, tree)
    preparing = _Preparing(tree, settings, engines, gpus, {file.name: file.folder for file in files})
    preparations = tuple(preparing.all())
    told = [one for one in preparing.diagnostics if look_at_machine or one.is_error]
    return Reading(
        files=len(files),
        tree=tree,
        settings=settings,
        engines=engines,
        preparations=preparations,
        diagnostics=tuple(sorted({*tree.diagnostics, *found, *told})),
    )


def _unreadable(file: ManifestFile) -> Diagnostic:
    return _placeless(file.name, Problem((), file.trouble))


def _placeless(file: str, problem: Problem) -> Diagnostic:
    path = format_path(problem.path)
    return Diagnostic(file, 1, 1, path, problem.message, problem.hint, problem.severity)


def _host_diagnostics(settings: HostSettings, tree: Tree) -> Iterator[Diagnostic]:
    for problem in settings.problems:
        yield _placeless("environment", problem)
    for path in hidden_configuration() if tree.deployments else ():
        yield _placeless(
            str(path),
            warning(
                (), "every llama-server reads options from this file, whatever its manifest says", "remove it"
            ),
        )


class _Preparing:
    """Prepares each deployment of a tree and places what is wrong in the file that says it."""

    def __init__(
        self, tree: Tree, settings: HostSettings, engines: Engines, gpus: GpuList, folders: Mapping[str, Path]
    ) -> None:
        self._tree = tree
        self._settings = settings
        self._engines = engines
        self._gpus = gpus
        self._folders = folders
        self._policies = {one.manifest.metadata.name: one.manifest for one in tree.policies}
        self._host_rules = self._rules(settings.spec.arg_policy)
        self._operators: dict[str, Operators] = {}
        self._told_runtimes: set[str] = set()
        self.diagnostics: list[Diagnostic] = []

    def all(self) -> Iterator[Preparation]:
        for runtime in self._tree.runtimes:
            self._runtime(runtime)
        self._models_folder()
        for declared in sorted(self._tree.deployments, key=lambda one: one.manifest.metadata.name):
            yield self._deployment(declared)

    def _deployment(self, declared: Declared[ModelDeployment]) -> Preparation:
        manifest = declared.manifest
        spec = over(manifest.spec, self._settings.spec.defaults)
        runtime = spec.runtime or self._settings.spec.runtime
        # A reference to nothing is told by the tree; the built-in table stands in so that the rest is checked too.
        known = runtime in {*self._engines.declared, "llama-server", "llamafile", "embedded"}
        engine = self._engines.engine(runtime if known else "llama-server")
        declared_runtime = self._engines.declared.get(runtime)
        own_policy = declared_runtime.spec.arg_policy if declared_runtime else None
        devices, device_problems = self._devices(spec.placement.gpus, engine)
        around = Surroundings(
            engine=engine,
            operators=self._operators.get(runtime, Operators()),
            rules=narrow(self._host_rules, self._rules(own_policy)) if own_policy else self._host_rules,
            folders=self._folders_of(declared.document),
            devices=devices,
            has_gpus=bool(engine.record and engine.record.devices),
        )
        preparation = prepare(manifest.metadata.name, spec, around)
        merged = within_object(manifest.model_copy(update={"spec": spec}))
        for problem in (
            *merged,
            *preparation.problems,
            *device_problems,
            *self._runtime_problems(runtime, engine),
        ):
            self.diagnostics.append(self._placed(problem, declared.document))
        return replace(preparation, problems=(*preparation.problems, *device_problems))

    def _runtime(self, declared: Declared[Runtime]) -> None:
        name, spec = declared.manifest.metadata.name, declared.manifest.spec
        engine = self._engines.engine(name)
        rules = (
            narrow(self._host_rules, self._rules(spec.arg_policy)) if spec.arg_policy else self._host_rules
        )
        operators = prepare_runtime(declared.manifest, engine, rules, self._folders_of(declared.document))
        self._operators[name] = operators
        self.diagnostics += [declared.diagnostic(problem) for problem in operators.problems]
        if engine.record is not None and not engine.record.usable:
            at = ("spec", "path" if spec.path else "kind")
            self.diagnostics.append(declared.diagnostic(_unusable(engine, at)))
            self._told_runtimes.add(name)

    def _runtime_problems(self, name: str, engine: Engine) -> Iterator[Problem]:
        """A Runtime without a manifest is told at the first deployment that uses it."""
        if engine.record is not None and not engine.record.usable and name not in self._told_runtimes:
            self._told_runtimes.add(name)
            yield _unusable(engine, ("spec", "runtime"))

    def _devices(self, gpus: tuple[str, ...] | None, engine: Engine) -> tuple[tuple[str, ...], list[Problem]]:
        """The engine's names for declared GPUs: it lists them in the order of nvidia-smi."""
        at = ("spec", "placement", "gpus")
        names, offered = (
            self._settings.spec.gpu_names,
            [one.name for one in (engine.record.devices or ())] if engine.record else [],
        )
        by_uuid = {gpu.uuid: gpu.name for gpu in self._gpus.gpus}
        found, problems = [], []
        for index, written in enumerate(gpus or ()):
            reference = names.get(written, written)
            name = by_uuid.get(reference, reference)
            number = name.removeprefix("gpu")
            if number.isdigit():
                if engine.record is not None and int(number) >= len(offered):
                    problems.append(warning((*at, index), f"this machine has no {name}", _have(len(offered))))
                elif offered:
                    found.append(offered[int(number)])
            elif reference.startswith(("GPU-", "MIG-")):
                problems.append(
                    warning((*at, index), f"this machine has no GPU {reference}", _have(len(offered)))
                )
            else:
                guess = nearest(written, [*names, *by_uuid])
                hint = (
                    f"did you mean {guess}?" if guess else "gpu0, a UUID, or a name from Host.spec.gpuNames"
                )
                problems.append(Problem((*at, index), f"no GPU is named {written}", hint))
        return tuple(found), problems

    def _rules(self, name: str | None) -> PolicyRules:
        return policy_rules(self._policies.get(name) if name else None)

    def _folders_of(self, document: Document) -> Folders:
        """Model paths start at Host.spec.paths.models, and without a Host beside the manifest."""
        paths, manifest = self._settings.spec.paths, self._folders[document.file].absolute()
        host = self._tree.host
        base = self._folders[host.document.file].absolute() if host else manifest
        models = base / paths.models if paths.models else base
        return Folders(models, (models, *(base / allowed for allowed in paths.allowed)), manifest)

    def _models_folder(self) -> None:
        host = self._tree.host
        if host is None or self._settings.spec.paths.models is None or not self._tree.deployments:
            return
        models = self._folders_of(host.document).models
        if not models.is_dir():
            at = ("spec", "paths", "models")
            missing = warning(
                at, f"{models} does not exist: model files are not checked", "mount it, or correct it"
            )
            self.diagnostics.append(host.diagnostic(missing))

    def _placed(self, problem: Problem, document: Document) -> Diagnostic:
        """At the deployment, or at the Host whose defaults say it."""
        host = self._tree.host
        if host is not None and not document.has(problem.path[:3]) and problem.path[:1] == ("spec",):
            in_defaults = ("spec", "defaults", *problem.path[1:])
            if host.document.has(in_defaults[:4]):
                return host.diagnostic(replace(problem, path=in_defaults))
        return locate(problem, document)


def _unusable(engine: Engine, at: tuple[str, ...]) -> Problem:
    record = engine.record
    if record is None:
        raise AssertionError("an engine without a record was never asked")
    message = f"{record.reason}: {record.message}"
    return Problem(at, message, record.next_step, severity=Severity.WARNING)


def _have(count: int) -> str:
    if count == 0:
        return "the engine lists none"
    return f"the engine lists gpu0 to gpu{count - 1}" if count > 1 else "the engine lists gpu0 alone"
