"""`reconciler keys new`: a key for a client, and the manifest that knows only its hash."""

from __future__ import annotations

import argparse
import sys

from reconciler.cli.exit_codes import DONE
from reconciler.cli.outputs import as_yaml, print_json
from reconciler.cli.parsers import output_option
from reconciler.errors import CommandLineWrong

DESCRIPTION = """\
Makes an API key. The Client manifest with the hash of the key goes to stdout and is safe to commit;
the key itself is printed once, on stderr, and is stored nowhere.

To rotate a key, add the new hash to the keys of the existing manifest and remove the old one later."""
EXAMPLES = (
    ("reconciler keys new alice > clients/alice.yaml", "a client that may send requests to every model"),
    ("reconciler keys new ops --role use --role load --expires 2099-12-31", "more rights, and an end"),
    (
        "KEY=$(reconciler keys new ci 2>&1 >ci.yaml)",
        "in a script: without a terminal stderr is the key alone",
    ),
)

ROLES = ("use", "load", "engine", "metrics", "admin")
PREFIX = "rk_"
RANDOM_BYTES = 32


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="name of the client")
    parser.add_argument(
        "--role",
        action="append",
        choices=ROLES,
        metavar="ROLE",
        help=f"what it may do, repeatable: {', '.join(ROLES)} (default use)",
    )
    parser.add_argument(
        "--expires", type=_day, metavar="DATE", help="last day on which the key works, such as 2099-12-31"
    )
    output_option(parser, "yaml", "json")


def run(options: argparse.Namespace) -> int:
    import secrets

    key = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    manifest = client(options.name, key, roles=options.role or ["use"], expires=options.expires)
    _check(manifest)
    if options.output == "json":
        print_json(manifest)
    else:
        print(as_yaml(manifest), end="")
    # The key is shown only when its manifest has got out: a full disk must not leave half of the pair.
    sys.stdout.flush()
    _show(options.name, key)
    return DONE


def client(name: str, key: str, *, roles: list[str], expires: str | None) -> dict[str, object]:
    from reconciler.spec.kinds import API_VERSION

    entry = {"hash": key_hash(key)} | ({"expires": expires} if expires is not None else {})
    return {
        "apiVersion": API_VERSION,
        "kind": "Client",
        "metadata": {"name": name},
        "spec": {"keys": [entry], "roles": list(dict.fromkeys(roles))},
    }


def key_hash(key: str) -> str:
    import hashlib

    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _day(text: str) -> str:
    """A day that is not over; argparse prints what is wrong with it."""
    from datetime import date

    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date (write it as 2099-12-31)") from None
    if day < date.today():  # noqa: DTZ011 - the day where the key is made
        raise argparse.ArgumentTypeError(f"{day} is over, the key would never work (name a day to come)")
    return day.isoformat()


def _check(manifest: dict[str, object]) -> None:
    """What is printed must pass `validate`; whatever does not came from the command line."""
    from reconciler.spec.trees import read_file

    text = as_yaml(manifest).encode(errors="replace")
    for problem in read_file("the command line", text).diagnostics:
        raise CommandLineWrong(f"Cannot make this client: {problem.message}", next_step=problem.hint)


def _show(name: str, key: str) -> None:
    if not sys.stderr.isatty():
        print(key, file=sys.stderr)
        return
    print(f"\nThe key of {name}, shown only now; store it where {name} finds it:\n", file=sys.stderr)
    print(f"  {key}", file=sys.stderr)
