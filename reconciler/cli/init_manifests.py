"""The manifests that `reconciler init` writes for the models that it found."""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from reconciler.cli.model_searches import FoundModel, base_name
from reconciler.cli.outputs import as_yaml
from reconciler.cli.terminals import printable
from reconciler.core.commandlines import automatic_context
from reconciler.core.gguf.facts import ModelFacts
from reconciler.core.names import folded, unused
from reconciler.spec.kinds import API_VERSION, ModelDeployment


def names_for(models: Sequence[FoundModel], *, taken: Collection[str]) -> Iterator[tuple[str, FoundModel]]:
    """A name for each model, in the order of their paths; a name that is taken gets a number."""
    used = set(taken)
    for model in models:
        name = unused(base_name(model.path), used)
        used.add(name)
        yield name, model


def host_text(target: Path, models: Path) -> str:
    """The Host, with what people change first as comments."""
    paths = {} if models.resolve() == target.resolve() else {"paths": {"models": _from(target, models)}}
    manifest = {
        "apiVersion": API_VERSION,
        "kind": "Host",
        "metadata": {"name": _host_name()},
        "spec": {**paths, "listen": ["127.0.0.1:11434"]},
    }
    return (
        "# This machine. `reconciler explain host` says what else may stand here.\n"
        f"{as_yaml(manifest)}"
        "  # memory: {reserve: {gpu0: 1536Mi, ram: 4Gi}}   # left to other programs, whether they use it or not\n"
        "  # defaults: {lifecycle: {idleUnload: 30m}}       # laid under every deployment\n"
    )


def deployment_text(name: str, model: FoundModel) -> str:
    """A deployment, with what its file says about the model as comments."""
    context = automatic_context(model.facts.trained_context)
    source = {"path": model.path} | ({"mmproj": {"path": model.projector}} if model.projector else {})
    manifest = {
        "apiVersion": API_VERSION,
        "kind": ModelDeployment.__name__,
        "metadata": {"name": name},
        "spec": {"model": source},
    }
    return (
        "".join(f"# {printable(line)}\n" for line in described(model.facts))
        + as_yaml(manifest)
        + "  # state: running                 # keep it loaded; without this a request loads it\n"
        + f"  # context: {{size: {context}, parallel: 4}}   # tokens, shared by all slots\n"
    )


def described(facts: ModelFacts) -> list[str]:
    """A line of facts and one of abilities."""
    parts = [
        facts.architecture,
        f"{_short(facts.parameters)} parameters",
        facts.quantisation,
        f"{facts.file_size / 2**30:.1f} GiB"
        if facts.file_size >= 2**28
        else f"{facts.file_size / 2**20:.1f} MiB",
        f"trained for {facts.trained_context} tokens" if facts.trained_context else "",
    ]
    lines = [facts.name[:80]] if facts.name else []
    return [*lines, ", ".join(part for part in parts if part), _abilities(facts)]


def _abilities(facts: ModelFacts) -> str:
    if facts.rerank:
        return "It ranks documents."
    if facts.embeddings:
        return "It makes embeddings."
    if facts.chat_template is None:
        return "It has no chat template: it completes text."
    more = [word for word, has in (("tools", facts.tools), ("reasoning", facts.reasoning)) if has]
    return f"It chats{', with ' + ' and '.join(more) if more else ''}."


def _short(count: int) -> str:
    for unit, size in (("B", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return str(count)


def _from(target: Path, models: Path) -> str:
    """Relative where the models lie under the manifests, so that the tree can move as a whole."""
    inside, root = models.resolve(), target.resolve()
    return str(inside.relative_to(root) if inside.is_relative_to(root) else inside)


def _host_name() -> str:
    return folded(platform.node().partition(".")[0], otherwise="workstation")
