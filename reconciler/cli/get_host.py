"""`reconciler get host`: the settings of this machine as they count, and where each of them is from."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from reconciler.cli.exit_codes import DONE
from reconciler.cli.outputs import as_yaml, print_json
from reconciler.cli.parsers import manifests_option, output_option
from reconciler.cli.terminals import printable
from reconciler.errors import ManifestsInvalid

if TYPE_CHECKING:
    from reconciler.control.sources import Reading

DESCRIPTION = """\
Prints the Host as it counts: what the manifests say, what environment variables say over them, and defaults.
The output is a manifest itself. With --sources each value names the file and line, variable or default."""
EXAMPLES = (
    ("reconciler get host", "the defaults, and what the environment changes"),
    ("reconciler get host -f manifests/ --sources", "why a setting is what it is"),
    ("reconciler get host -f manifests/ -o json --sources", "the same for a script"),
)

Leaves = dict[tuple[str, ...], tuple[Any, str]]


def arguments(parser: argparse.ArgumentParser) -> None:
    manifests_option(parser, "manifests")
    parser.add_argument("--sources", action="store_true", help="say where each value is from")
    output_option(parser, "yaml", "json", "name")


def run(options: argparse.Namespace) -> int:
    from reconciler.control.sources import read_sources
    from reconciler.spec.kinds import API_VERSION

    reading = read_sources(options.file, environ=os.environ, look_at_machine=False)
    _check(reading)
    leaves = _leaves(reading)
    manifest: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "Host",
        "metadata": {"name": reading.settings.name},
        "spec": {},
    }
    for path, (value, _) in leaves.items():
        _put(manifest, path, value)
    if options.output == "name":
        print(reading.settings.name)
    elif options.output == "json":
        sources = {"sources": {".".join(path): source for path, (_, source) in leaves.items()}}
        print_json(manifest | (sources if options.sources else {}))
    elif options.sources:
        print("\n".join(_commented(manifest, leaves)))
    else:
        print(as_yaml(manifest), end="")
    return DONE


def _check(reading: Reading) -> None:
    errors = [one for one in reading.diagnostics if one.is_error]
    if errors:
        more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
        raise ManifestsInvalid(
            f"Cannot use these manifests: {errors[0]}{more}",
            next_step="reconciler validate -f PATH shows all",
        )


def _leaves(reading: Reading) -> Leaves:
    """Every setting that has a value, as manifests spell it, with its source; absent ones are automatic."""
    from reconciler.spec.explanations import every_field

    defaults = {one.path.removeprefix("Host."): one.default for one in every_field("Host")}
    found: Leaves = {}
    for dotted, source in reading.settings.sources.items():
        path = tuple(dotted.split("."))
        value = defaults.get(dotted) if source == "default" else _set_value(reading, path, source)
        if value is not None:
            found[path] = (value, source)
    return found


def _set_value(reading: Reading, path: tuple[str, ...], source: str) -> Any:
    """The text of the manifest, or what a variable has become."""
    if not source.startswith("env ") and (host := reading.tree.host) is not None:
        value: Any = host.document.data
        for step in path:
            value = value[step]
        return value
    value = reading.settings.spec
    for step in path[1:]:
        fields = {info.alias or name: name for name, info in type(value).model_fields.items()}
        value = getattr(value, fields[step])
    return list(value) if isinstance(value, tuple) else value


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        tree = tree.setdefault(step, {})
    tree[path[-1]] = value


def _commented(manifest: Mapping[str, Any], leaves: Leaves) -> Iterator[str]:
    """The manifest as YAML, each setting with a comment behind it."""

    def lines(tree: Mapping[str, Any], at: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        for key, value in tree.items():
            path = (*at, key)
            if path not in leaves and isinstance(value, Mapping) and value:
                yield f"{key}:", ""
                yield from ((f"  {line}", source) for line, source in lines(value, path))
            else:
                first, *rest = as_yaml({key: value}).splitlines()
                yield first, leaves[path][1] if path in leaves else ""
                yield from ((line, "") for line in rest)

    told = list(lines(manifest, ()))
    width = max(len(line) for line, source in told if source)
    for line, source in told:
        yield f"{line:<{width}}   # {printable(source)}" if source else line
