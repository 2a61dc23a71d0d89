"""`reconciler get runtimes`: the engine binaries that manifests and this machine offer, each with its trouble."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from reconciler.cli.exit_codes import DONE
from reconciler.cli.outputs import print_json, print_yaml
from reconciler.cli.parsers import did_you_mean, manifests_option, output_option
from reconciler.cli.tables import table
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.core.runtimes import RuntimeRecord

DESCRIPTION = """\
Lists the Runtimes of the manifests and the three built-in ones, each as this machine has it: found or not,
version, devices, and what is wrong with it. It asks each binary for its --help and --list-devices."""
EXAMPLES = (
    ("reconciler get runtimes", "what is installed here"),
    (
        "reconciler get runtimes -f manifests/ -o wide",
        "with the Runtimes of a tree, and what to do about each",
    ),
    ("reconciler get runtimes -o json", "for a script"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these Runtimes")
    manifests_option(parser, "manifests that declare Runtimes")
    output_option(parser, "table", "wide", "json", "yaml", "name")


def run(options: argparse.Namespace) -> int:
    records = _chosen(_records(options.file), options.names)
    if options.output in {"json", "yaml"}:
        found = [_as_object(record) for record in records]
        (print_json if options.output == "json" else print_yaml)({"runtimes": found})
    elif options.output == "name":
        print("\n".join(record.name for record in records))
    else:
        is_wide = options.output == "wide"
        print(_as_table(records, wide=is_wide))
        if not is_wide and not all(record.usable for record in records):
            print("what to do: reconciler get runtimes -o wide", file=sys.stderr)
    return DONE


def _records(paths: list[str]) -> list[RuntimeRecord]:
    from reconciler.control.sources import read_sources
    from reconciler.spec.runtimes import BUILT_IN_RUNTIMES

    reading = read_sources(paths, environ=os.environ)
    if not reading.is_valid:
        # Runtimes that can be read are worth listing while a deployment beside them is being mended.
        print("warning: the manifests have errors; reconciler validate -f PATH shows them", file=sys.stderr)
    names = sorted({*BUILT_IN_RUNTIMES, *reading.engines.declared})
    found = (reading.engines.engine(name).record for name in names)
    return [record for record in found if record is not None]


def _chosen(records: list[RuntimeRecord], names: list[str]) -> list[RuntimeRecord]:
    known = [record.name for record in records]
    for name in names:
        if name not in known:
            guess = did_you_mean(name, known) or f" (there are {', '.join(known)})"
            raise ReconcilerError(f"no Runtime is named {name}{guess}")
    return [record for record in records if not names or record.name in names]


def _as_table(records: list[RuntimeRecord], *, wide: bool) -> str:
    headings = ["NAME", "KIND", "STATUS", "REASON", "VERSION", "DEVICES", "PATH"]
    headings += ["SHA256", "MESSAGE"] if wide else []
    rows = []
    for record in records:
        row = [record.name, record.kind, _status(record), record.reason or "", _version(record, wide=wide)]
        row += [_devices(record), record.path]
        rows.append(row + ([record.sha256[:12], _advice(record)] if wide else []))
    return table(headings, rows)


def _status(record: RuntimeRecord) -> str:
    return "Usable" if record.usable else "Unusable"


def _version(record: RuntimeRecord, *, wide: bool) -> str:
    return record.version if wide else record.version.partition(" (")[0]


def _devices(record: RuntimeRecord) -> str:
    if record.devices is None:
        return ""
    return ",".join(device.name for device in record.devices) or "CPU"


def _advice(record: RuntimeRecord) -> str:
    return f"{record.message} ({record.next_step})" if record.next_step else record.message


def _as_object(record: RuntimeRecord) -> dict[str, Any]:
    devices = record.devices
    return {
        "name": record.name,
        "kind": record.kind,
        "source": record.source,
        "status": _status(record),
        "reason": record.reason,
        "message": record.message,
        "nextStep": record.next_step,
        "version": record.version,
        "path": record.path,
        "sha256": record.sha256,
        "argv": list(record.argv),
        "devices": None
        if devices is None
        else [
            {"name": one.name, "description": one.description, "total": one.total, "free": one.free}
            for one in devices
        ],
    }
