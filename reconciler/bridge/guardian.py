"""Imports the models.yaml of Llama CPP Guardian: a deployment for each model, and a Host for what they share.

    text --documents--> models --the options that Guardian would have written--> drafts --> manifest texts

Each model stands for itself: what is wrong with one leaves the others as they are. Nothing is dropped in silence.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from reconciler.bridge.deployment_drafts import DeploymentDraft
from reconciler.bridge.guardian_manifests import Drafted, Imported, Shared, write
from reconciler.bridge.guardian_settings import read_settings
from reconciler.bridge.names import NameSpace
from reconciler.bridge.runtimes import backend_of
from reconciler.core.arguments.catalog import assumed_table
from reconciler.spec.diagnostics import Diagnostic, from_text, locate
from reconciler.spec.documents import read_documents
from reconciler.spec.nodes import Document, Node, Scalar, Sequence
from reconciler.spec.nodes import Mapping as MappingNode
from reconciler.spec.problems import FieldPath, Problem, Severity, warning
from reconciler.spec.shapes import nearest

#: In the order in which Guardian writes them; extra_args come last and win.
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "path": ("-m",),
    "context": ("-c",),
    "ngl": ("-ngl",),
    "kv_type": ("-ctk", "-ctv"),
    "cuda_visible_devices": ("-dev",),
    "tensor_split": ("-ts",),
    "vision_mmproj": ("--mmproj",),
    "mmproj": ("--mmproj",),
    "spec_type": ("--spec-type",),
    "draft_model_path": ("-md",),
    "spec_draft_n_max": ("--spec-draft-n-max",),
    "spec_draft_n_min": ("--spec-draft-n-min",),
    "draft_cache_type_k": ("-ctkd",),
    "draft_cache_type_v": ("-ctvd",),
    "n_slots": ("-np",),
}
_DEFAULTS = {"context": "4096", "kv_type": "q4_0"}
#: Without a draft model these are written for none.
_NO_SPECULATION = ("none", "draft-dflash")
_DRAFTING = ("spec_draft_n_max", "spec_draft_n_min", "draft_cache_type_k", "draft_cache_type_v")
_OTHER_KEYS = ("backend", "extra_args", "aliases")
_NOT_CARRIED = {"max_context": "Guardian only told it to clients; reconciler tells what is loaded"}
_TOP_KEYS = ("models", "guardian", "aliases", "pinned_model", "switch_allowlist", "idle_unload_minutes")
#: Names of files that are no deployment's.
_OWN_FILES = ("host", "runtimes", "argpolicy")


def import_models(
    file: str, raw: bytes, *, backends: Mapping[str, str] | None = None, host: str = "workstation"
) -> Imported:
    """Manifests for everything in one models.yaml. `backends`: the binary of each name that `backend:` uses."""
    text = read_documents(file, raw)
    found = [from_text(file, text.lines, problem) for problem in text.problems]
    faulty = {problem.path[:2] for problem in text.problems if problem.is_error}
    if text.is_broken or not text.documents:
        return Imported(
            notes=tuple(found or [_placeless(file, "the file holds nothing", "name models.yaml")])
        )
    document = text.documents[0]
    more = warning((), "only the first document of the file counts for Guardian")
    found += [locate(more, document) for document in text.documents[1:]]
    reading = _Reading(document, dict(backends or {}))
    drafted = [one for one in reading.models() if ("models", one.original) not in faulty]
    shared = Shared(host=host, settings=read_settings(document), found=reading.found)
    return write(document, drafted, shared, notes=found)


class _Reading:
    def __init__(self, document: Document, backends: dict[str, str]) -> None:
        self._document = document
        self._backends = backends
        self._names = NameSpace(_OWN_FILES)
        self.found: list[Problem] = []

    def models(self) -> list[Drafted]:
        root = self._document.root
        entry = root.find("models") if isinstance(root, MappingNode) else None
        if entry is None or not isinstance(entry.node, MappingNode):
            hint = "Guardian keeps models by name under `models:`"
            self.found.append(Problem(("models",), "there are no models in this file", hint))
            return []
        if isinstance(root, MappingNode):
            self.found += _unknown(root, _TOP_KEYS, ())
        drafted = [self._model(one.key, one.node) for one in entry.node.entries]
        self._give_aliases(drafted)
        return drafted

    def _model(self, original: str, node: Node) -> Drafted:
        at: FieldPath = ("models", original)
        one = Drafted(self._names.claim(original), original, at, DeploymentDraft(assumed_table()))
        if not isinstance(node, MappingNode):
            one.draft.problems.append(Problem(at, "must be a mapping", "with at least `path:`"))
            return one
        texts = dict(self._texts(node, one))
        self._backend(texts, one)
        self._options(texts, one)
        if (extra := node.find("extra_args")) is not None:
            _extra(extra.node, one.draft, (*at, "extra_args"))
        one.draft.problems += _unknown(node, (*_OPTIONS, *_OTHER_KEYS), at)
        if "path" not in texts:
            one.draft.problems.append(Problem((*at, "path"), "is missing", "the model file"))
        one.draft.finish(at)
        return one

    def _texts(self, node: MappingNode, one: Drafted) -> Iterator[tuple[str, str]]:
        """What is set, as text; Guardian takes empty for not set."""
        for entry in node.entries:
            at = (*one.at, entry.key)
            if entry.key in {"extra_args", *_NOT_CARRIED}:
                continue
            if entry.key == "aliases":
                one.aliases = list(_words(entry.node))
            elif entry.key == "tensor_split" and isinstance(entry.node, Sequence):
                yield entry.key, ",".join(_words(entry.node))
            elif entry.key in _OPTIONS or entry.key == "backend":
                if not isinstance(entry.node, Scalar):
                    one.draft.problems.append(Problem(at, "must be one value"))
                elif entry.node.value not in (None, ""):
                    yield entry.key, entry.node.text.strip()

    def _backend(self, texts: Mapping[str, str], one: Drafted) -> None:
        found = backend_of(texts.get("backend", ""), self._backends)
        if isinstance(found, Problem):
            one.draft.problems.append(Problem((*one.at, "backend"), found.message, found.hint))
        elif found is not None:
            one.backend = found
            one.draft = DeploymentDraft(assumed_table(), is_fork=True)
            if found.note:
                one.draft.note((*one.at, "backend"), found.note, "import again with --backend NAME=PATH")

    def _options(self, texts: dict[str, str], one: Drafted) -> None:
        draft = one.draft
        for key, value in _DEFAULTS.items():
            if key not in texts:
                more = "; f16 keeps full quality" if key == "kv_type" else ""
                draft.note(one.at, f"{key} is not set: Guardian's default {value} is written out{more}")
        texts = _DEFAULTS | texts
        if "draft_model_path" in texts:
            texts.setdefault("spec_type", "draft-dflash")
        else:
            if texts.get("spec_type") in _NO_SPECULATION:
                del texts["spec_type"]
            for key in _DRAFTING:
                if texts.pop(key, None) is not None:
                    draft.note((*one.at, key), "is left out: there is no draft_model_path")
        for key, names in _OPTIONS.items():
            for name in names if key in texts else ():
                draft.add((name, texts[key]), (*one.at, key))

    def _give_aliases(self, drafted: list[Drafted]) -> None:
        """After all names: an alias never takes a name that a model has."""
        by_name = {one.original: one for one in drafted}
        for alias, target, at in self._mapped_aliases():
            if target in by_name:
                by_name[target].aliases.append(alias)
            else:
                self.found.append(warning(at, f"alias {alias!r} is left out: no model is named {target!r}"))
        for one in drafted:
            wanted = [one.original, *one.draft.spec.pop("aliases", ()), *one.aliases]
            given = list(self._names.aliases(one.name, dict.fromkeys(wanted)))
            for alias, trouble in given:
                if trouble:
                    one.draft.note(one.at, f"alias {alias!r} is left out: {trouble}")
            if kept := [alias for alias, trouble in given if not trouble]:
                one.draft.spec["aliases"] = kept

    def _mapped_aliases(self) -> Iterator[tuple[str, str, FieldPath]]:
        for path in (("aliases",), ("guardian", "aliases")):
            node = self._document.find(path)
            for entry in node.entries if isinstance(node, MappingNode) else ():
                yield entry.key, entry.node.text if isinstance(entry.node, Scalar) else "", (*path, entry.key)


def _unknown(node: MappingNode, known: tuple[str, ...], at: FieldPath) -> Iterator[Problem]:
    for entry in node.entries:
        if entry.key in known:
            continue
        reason = _NOT_CARRIED.get(entry.key)
        guess = nearest(entry.key, known)
        hint = f"did you mean {guess}?" if guess and not reason else ""
        message = f"is left out: {reason or 'Guardian has no such key that reconciler knows'}"
        yield warning((*at, entry.key), message, hint, at_key=True)


def _extra(node: Node, draft: DeploymentDraft, at: FieldPath) -> None:
    """Guardian's shell took quotes literally; what people meant is what a shell does with them."""
    if isinstance(node, Sequence):
        draft.add(list(_words(node)), at)
    elif isinstance(node, Scalar) and node.value is not None:
        try:
            draft.add(shlex.split(node.text), at)
        except ValueError as error:
            message = f"cannot be split into words: {str(error).lower()}"
            draft.problems.append(Problem(at, message, "close the quote, or put a backslash before it"))
    elif not isinstance(node, Scalar):
        draft.problems.append(Problem(at, "must be text", 'such as "--parallel 4"'))


def _words(node: Node) -> Iterator[str]:
    items = node.items if isinstance(node, Sequence) else [node]
    yield from (item.text for item in items if isinstance(item, Scalar) and item.value not in (None, ""))


def _placeless(file: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(file, 1, 1, "", message, hint, Severity.ERROR)
