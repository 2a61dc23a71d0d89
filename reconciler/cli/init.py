"""`reconciler init`: from a directory of model files to manifests that work as they are."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.exit_codes import DONE
from reconciler.cli.outputs import print_json
from reconciler.cli.parsers import output_option
from reconciler.cli.terminals import printable
from reconciler.errors import CommandLineWrong

if TYPE_CHECKING:
    from reconciler.cli.manifest_folders import Existing

DESCRIPTION = """\
Writes host.yaml and one manifest for each GGUF file found under the models directory. Nothing is ever
overwritten: what exists is left as it is, and a model that a manifest names already gets no second one.
A projector (mmproj) joins the model beside it; adapters, later parts of split models and broken files
are skipped and named."""
EXAMPLES = (
    ("reconciler init manifests/ --models /srv/models", "manifests here, models there"),
    ("reconciler init ~/models", "manifests beside the models"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dir", metavar="DIR", help="where the manifests go; made when it is missing")
    parser.add_argument(
        "--models", metavar="DIR", help="where the models are (default: as the Host there says, else DIR)"
    )
    output_option(parser, "text", "json")


@dataclass(slots=True)
class Report:
    """What happened to each file; the keys of `-o json`."""

    written: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def run(options: argparse.Namespace) -> int:
    from reconciler.cli.init_manifests import deployment_text, host_text, names_for
    from reconciler.cli.manifest_folders import Existing
    from reconciler.cli.model_searches import search

    target = Path(options.dir)
    existing = Existing.under(target)
    models = _models_folder(options, target, existing)
    found = search(models)
    target.mkdir(parents=True, exist_ok=True)
    report = Report(skipped=found.skipped)
    if existing.host_file:
        report.left.append((existing.host_file, "it holds the Host"))
    else:
        _write(target / "host.yaml", host_text(target, models), report)
    new = [model for model in found.models if existing.declares(models / model.path) is None]
    for model in found.models:
        if (file := existing.declares(models / model.path)) is not None:
            report.left.append((file, f"it names {model.path}"))
    for name, model in names_for(new, taken=existing.taken):
        _write(target / f"{name}.yaml", deployment_text(name, model), report)
    _tell(report, options, models, empty=not found.models)
    return DONE


def _models_folder(options: argparse.Namespace, target: Path, existing: Existing) -> Path:
    asked = Path(options.models) if options.models else None
    declared = existing.models_folder
    if asked and declared and asked.resolve() != declared.resolve():
        raise CommandLineWrong(
            f"{existing.host_file} says that the models are in {declared}, not in {asked}",
            next_step="change spec.paths.models there, or leave --models out",
        )
    folder = asked or declared or target
    if folder != target and not folder.is_dir():
        raise CommandLineWrong(f"{folder} is not a directory", next_step="name the directory of the models")
    return folder


def _write(path: Path, text: str, report: Report) -> None:
    from reconciler.cli.manifest_folders import write_new

    if write_new(path, text):
        report.written.append(str(path))
    else:
        report.left.append((str(path), "it exists"))


def _tell(report: Report, options: argparse.Namespace, models: Path, *, empty: bool) -> None:
    if options.output == "json":
        print_json(
            {
                "models": os.fspath(models),
                "written": report.written,
                "left": [{"path": path, "reason": reason} for path, reason in report.left],
                "skipped": [{"path": path, "reason": reason} for path, reason in report.skipped],
            }
        )
        return
    for path in report.written:
        print(f"wrote    {printable(path)}")
    for path, reason in report.left:
        print(f"left     {printable(path)}: {printable(reason)}")
    for path, reason in report.skipped:
        print(f"skipped  {printable(path)}: {printable(reason)}")
    if empty:
        print(f"no model found under {printable(str(models))}; put a .gguf file there and run this again")
    print(f"next: reconciler validate {printable(options.dir)}")
