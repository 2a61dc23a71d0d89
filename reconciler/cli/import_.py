"""`reconciler import`: manifests from what another program keeps about its models."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.exit_codes import DONE, MANIFESTS_INVALID
from reconciler.cli.terminals import printable
from reconciler.errors import CommandLineWrong

if TYPE_CHECKING:
    from reconciler.bridge.guardian_manifests import Imported, ImportedFile
    from reconciler.cli.manifest_folders import Existing

DESCRIPTION = """\
Writes manifests from the configuration of another program: a deployment for each model, and a Host for
what they share. --from guardian reads the models.yaml of Llama CPP Guardian.

What is left out or written differently stands in a note with its line, on stderr and as a comment in the
manifest. A model with an error is in no file, the others are; the exit code is then 3. Nothing is ever
overwritten."""
EXAMPLES = (
    ("reconciler import --from guardian config/models.yaml", "look at the manifests and the notes first"),
    ("reconciler import --from guardian config/ --into manifests/", "write them"),
    (
        "reconciler import --from guardian config/ --backend ik_fork=/opt/ik_llama.cpp/llama-server",
        "with the binary that a name in backend: stands for",
    ),
)

SOURCES = ("guardian",)
_PLACES = ("models.yaml", "models.yml", "config/models.yaml", "config/models.yml")
_HOST_HELD = "{} holds the Host; compare it with what this command prints without --into"
#: Files beside models.yaml that say more than this verb reads.
_BESIDE = {
    "settings.yaml": "timeouts, windows and services are not imported",
    "api_keys.json": "keys are not imported: `reconciler keys new NAME` makes one for each client",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path", metavar="PATH", help="its configuration: a file, or the directory that holds it"
    )
    parser.add_argument(
        "--from",
        dest="source",
        choices=SOURCES,
        required=True,
        metavar="PROGRAM",
        help=f"whose configuration it is: {', '.join(SOURCES)}",
    )
    parser.add_argument(
        "--into", metavar="DIR", help="where the manifests go; made when it is missing (default: stdout)"
    )
    parser.add_argument(
        "--backend",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="the binary of a backend, repeatable",
    )


def run(options: argparse.Namespace) -> int:
    from reconciler.bridge.guardian import import_models

    file = _file(Path(options.path))
    imported = import_models(str(file), _read(file), backends=_backends(options.backend))
    if options.into is None:
        print(_stream(imported), end="")
    else:
        _write(Path(options.into), imported)
    sys.stdout.flush()
    for note in imported.notes:
        print(printable(str(note)), file=sys.stderr)
    for name, reason in _BESIDE.items():
        if (file.parent / name).exists():
            print(printable(f"{file.parent / name}: {reason}"), file=sys.stderr)
    return DONE if imported.is_complete else MANIFESTS_INVALID


def _file(path: Path) -> Path:
    if not path.is_dir():
        if not path.exists():
            raise CommandLineWrong(f"{path} does not exist", next_step="name models.yaml, or its directory")
        return path
    found = next((path / place for place in _PLACES if (path / place).is_file()), None)
    if found is None:
        raise CommandLineWrong(f"{path} holds no models.yaml", next_step="name the file")
    return found


def _read(file: Path) -> bytes:
    from reconciler.spec.documents import MOST_BYTES

    with file.open("rb") as handle:
        return handle.read(MOST_BYTES + 1)


def _backends(pairs: list[str]) -> dict[str, str]:
    found = dict(pair.partition("=")[::2] for pair in pairs)
    for name, path in found.items():
        if not name or not path:
            raise CommandLineWrong(f"Cannot read --backend {name}", next_step="write --backend NAME=PATH")
    return found


def _stream(imported: Imported) -> str:
    """All files as one, which is a valid tree too."""
    return "---\n".join(f"# {file.name}\n{file.text}" for file in imported.files)


def _write(target: Path, imported: Imported) -> None:
    from reconciler.cli.manifest_folders import Existing, write_new

    existing = Existing.under(target)
    target.mkdir(parents=True, exist_ok=True)
    for file in imported.files:
        path = target / file.name
        reason = _declared(file, target, existing)
        if not reason and not write_new(path, file.text):
            reason = "it exists"
        told = f"left     {path}: {reason}" if reason else f"wrote    {path}"
        print(printable(told))
    print(printable(f"next: reconciler validate {target}"))


def _declared(file: ImportedFile, target: Path, existing: Existing) -> str:
    """Which manifest says it already, or nothing."""
    if file.name == "host.yaml" and existing.host_file:
        return _HOST_HELD.format(existing.host_file)
    name = file.name.removesuffix(".yaml")
    if name in existing.names and not (target / file.name).exists():
        return f"another manifest there is named {name}"
    return ""
