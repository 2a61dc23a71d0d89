"""Manifest files and this machine, read together: what `validate` prints and what a controller plans from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.control.engines import Engine, Engines, this_machine
from reconciler.control.named_files import Folders, KnownModels, NamedFiles
from reconciler.control.operators import Operators, prepare_runtime, wanted_runtime
from reconciler.control.placements import engine_devices
from reconciler.control.preparations import Preparation, Surroundings, policy_rules, prepare
from reconciler.core.arguments.rules import PolicyRules, narrow
from reconciler.core.runtimes import RuntimeWanted
from reconciler.host.files import ManifestFile, read_manifests
from reconciler.host.gpus import GpuList, list_gpus
from reconciler.host.runtimes import hidden_configuration
from reconciler.spec.diagnostics import Diagnostic, format_path, locate
from reconciler.spec.kinds import ModelDeployment, Runtime
from reconciler.spec.layers import HostSettings, host_settings, in_zone
from reconciler.spec.nodes import Document
from reconciler.spec.objectrules import within_object
from reconciler.spec.problems import Problem, Severity, warning
from reconciler.spec.runtimes import BUILT_IN_RUNTIMES
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
    folders = _Folders(tree, settings, {file.name: file.folder.absolute() for file in files})
    engines = Engines({one.manifest.metadata.name: folders.runtime(one) for one in tree.runtimes}, machine)
    found = [_unreadable(file) for file in files if file.trouble]
    found += _host_diagnostics(settings, tree)
    preparing = _Preparing(tree, settings, engines, gpus, folders)
    preparations = tuple(preparing.all())
    return Reading(
        files=len(files),
        tree=tree,
        settings=settings,
        engines=engines,
        preparations=preparations,
        diagnostics=tuple(sorted(_without_echoes({*tree.diagnostics, *found, *preparing.diagnostics}))),
    )


def _without_echoes(told: set[Diagnostic]) -> Iterator[Diagnostic]:
    """What is refused at a place need not be advised on there too."""
    refused = {(one.file, one.line, one.column) for one in told if one.is_error and one.path}
    for one in told:
        if one.is_error or (one.file, one.line, one.column) not in refused:
            yield one


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


class _Folders:
    """Where paths of each manifest start, and what they may not leave."""

    def __init__(self, tree: Tree, settings: HostSettings, by_file: Mapping[str, Path]) -> None:
        self._paths = settings.spec.paths
        self._by_file = by_file
        self._host = by_file[tree.host.document.file] if tree.host else None

    def of(self, document: Document) -> Folders:
        """Model paths start at Host.spec.paths.models, and without a Host beside the manifest."""
        manifest = self._by_file[document.file]
        base = self._host or manifest
        models = base / self._paths.models if self._paths.models else base
        return Folders(models, (models, *(base / allowed for allowed in self._paths.allowed)), manifest)

    def runtime(self, declared: Declared[Runtime]) -> RuntimeWanted:
        return wanted_runtime(declared.manifest, self.of(declared.document))


class _Preparing:
    """Prepares each deployment of a tree and places what is wrong in the file that says it."""

    def __init__(
        self, tree: Tree, settings: HostSettings, engines: Engines, gpus: GpuList, folders: _Folders
    ) -> None:
        self._tree = tree
        self._settings = settings
        self._engines = engines
        self._gpus = gpus
        self._folders = folders
        self._models = KnownModels()
        self._policies = {one.manifest.metadata.name: one.manifest for one in tree.policies}
        self._runtimes = {one.manifest.metadata.name: one.manifest for one in tree.runtimes}
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
        for remaining in self._tree.remains:
            if isinstance(remaining.manifest, ModelDeployment):
                self._look_further(remaining.manifest, remaining.document)

    def _look_further(self, manifest: ModelDeployment, document: Document) -> None:
        """Options and files of a refused deployment, which do not hang on what it was refused for."""
        for problem in self._prepared(manifest, document).problems:
            if problem.path[1:2] in {("args",), ("extraArgs",), ("env",), ("secretEnv",), ("model",)}:
                self.diagnostics.append(self._placed(problem, document))

    def _deployment(self, declared: Declared[ModelDeployment]) -> Preparation:
        manifest = declared.manifest
        preparation = self._prepared(manifest, declared.document)
        runtime, engine = self._runtime_of(manifest), preparation.engine
        problems = (*self._merged_problems(declared, preparation), *preparation.problems)
        for problem in (*problems, *self._runtime_problems(runtime, engine)):
            self.diagnostics.append(self._placed(problem, declared.document))
        return replace(preparation, problems=problems)

    def _merged_problems(
        self, declared: Declared[ModelDeployment], preparation: Preparation
    ) -> Iterator[Problem]:
        """Rules that neither the deployment nor the Host's defaults break alone, and both together do."""
        name, host = declared.manifest.metadata.name, self._tree.host
        spec = in_zone(preparation.spec, self._settings.spec.time_zone or "UTC")
        told = {(one.path[1:], one.message) for one in within_object(declared.manifest)}
        told |= {(one.path[2:], one.message) for one in (within_object(host.manifest) if host else ())}
        for problem in within_object(declared.manifest.model_copy(update={"spec": spec})):
            if (problem.path[1:], problem.message) not in told:
                yield replace(problem, message=f"with deployment {name}: {problem.message}")

    def _runtime_of(self, manifest: ModelDeployment) -> str:
        host = self._settings.spec
        return manifest.spec.runtime or host.defaults.runtime or host.runtime

    def _prepared(self, manifest: ModelDeployment, document: Document) -> Preparation:
        host, runtime = self._settings.spec, self._runtime_of(manifest)
        # A reference to nothing is told by the tree; the built-in table stands in so that the rest is checked too.
        known = runtime in self._runtimes or runtime in BUILT_IN_RUNTIMES
        engine = self._engines.engine(runtime if known else "llama-server")
        wanted = manifest.spec.placement.gpus or host.defaults.placement.gpus or ()
        devices, device_problems = engine_devices(wanted, engine, names=host.gpu_names, gpus=self._gpus)
        around = Surroundings(
            engine=engine,
            defaults=host.defaults,
            operators=self._operators.get(runtime, Operators()),
            rules=self._rules_on(runtime),
            files=self._files(document),
            devices=devices,
            has_gpus=self._engines.use_gpus(engine),
        )
        preparation = prepare(manifest.metadata.name, manifest.spec, around)
        return replace(preparation, problems=(*preparation.problems, *device_problems))

    def _runtime(self, declared: Declared[Runtime]) -> None:
        name, spec = declared.manifest.metadata.name, declared.manifest.spec
        engine = self._engines.engine(name)
        operators = prepare_runtime(
            declared.manifest, engine, self._rules_on(name), self._files(declared.document)
        )
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

    def _files(self, document: Document) -> NamedFiles:
        return NamedFiles(
            self._folders.of(document), self._models, on_machine=self._engines.machine is not None
        )

    def _rules_on(self, runtime: str) -> PolicyRules:
        """The Host's, narrowed by the Runtime's."""
        declared = self._runtimes.get(runtime)
        own = declared.spec.arg_policy if declared else None
        return narrow(self._host_rules, self._rules(own)) if own else self._host_rules

    def _rules(self, name: str | None) -> PolicyRules:
        return policy_rules(self._policies.get(name) if name else None)

    def _models_folder(self) -> None:
        host = self._tree.host
        if host is None or self._settings.spec.paths.models is None or not self._tree.deployments:
            return
        if self._engines.machine is None:
            return
        models = self._folders.of(host.document).models
        if not models.is_dir():
            at = ("spec", "paths", "models")
            missing = warning(
                at, f"{models} does not exist: model files are not checked", "mount it, or correct it"
            )
            self.diagnostics.append(host.diagnostic(missing))

    def _placed(self, problem: Problem, document: Document) -> Diagnostic:
        """Where most of the path is written: at the deployment, or at the Host whose defaults say it."""
        host = self._tree.host
        for length in range(len(problem.path), 1, -1) if host is not None else ():
            in_defaults = ("spec", "defaults", *problem.path[1:])
            if document.has(problem.path[:length]):
                break
            if host is not None and host.document.has(in_defaults[: length + 1]):
                return host.diagnostic(replace(problem, path=in_defaults))
        return locate(problem, document)


def _unusable(engine: Engine, at: tuple[str, ...]) -> Problem:
    record = engine.record
    if record is None:
        raise AssertionError("an engine without a record was never asked")
    message = f"{record.reason}: {record.message}"
    return Problem(at, message, record.next_step, severity=Severity.WARNING)
