"""`reconciler demo`: an engine with a model of our own, to be tried with curl, on a machine with nothing on it."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from typing import TYPE_CHECKING

from reconciler.cli.exit_codes import DONE, INTERRUPTED
from reconciler.cli.failures import end_echoed_line
from reconciler.cli.parsers import port_number

if TYPE_CHECKING:
    from reconciler.cli.demo_engines import DemoEngine

DESCRIPTION = """\
Makes a tiny model, starts one engine with it on a free port of 127.0.0.1, prints a curl line for each API,
and runs until Ctrl-C. Nothing is downloaded, and nothing is left behind: the model, the log and the key live
in a private temporary directory. The model knows a few words only; it shows that everything works."""
EXAMPLES = (
    ("reconciler demo", "until Ctrl-C"),
    ("reconciler demo --once", "one question, its answer on stdout, and the end"),
    (
        "reconciler demo --runtime llama-server --port 8080",
        "the llama-server of this machine, on a port of your choice",
    ),
)

QUESTION = "Hello, who are you?"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=port_number, default=0, metavar="PORT", help="default: one that is free"
    )
    parser.add_argument(
        "--runtime",
        choices=("embedded", "llama-server", "llamafile"),
        metavar="NAME",
        help="embedded, llama-server or llamafile (default embedded, or llama-server where that is not installed)",
    )
    parser.add_argument("--once", action="store_true", help="ask one question, print the answer and end")


def run(options: argparse.Namespace) -> int:
    from reconciler.cli.demo_engines import running_engine
    from reconciler.cli.stop_signals import Stopped, StopSignals

    if sys.stderr.isatty():
        print("making a model and starting an engine ...", file=sys.stderr)
    ready = False
    try:
        with StopSignals() as signals, running_engine(options.port, options.runtime, signals) as engine:
            ready = True
            if options.once:
                print(engine.answer(QUESTION))
            else:
                print("\n".join(_welcome(engine)), flush=True)
                engine.wait()
    except Stopped:
        end_echoed_line()
        # A signal is how a demo that runs is meant to end.
        if not ready or options.once:
            print("reconciler: interrupted; nothing is left behind", file=sys.stderr)
            return INTERRUPTED
        print("stopped; nothing is left behind", file=sys.stderr)
    return DONE


def _welcome(engine: DemoEngine) -> list[str]:
    body = engine.request(QUESTION)
    return [
        f"{engine.runtime} serves the model '{engine.model}' at {engine.url}",
        f"It was ready after {engine.seconds:.1f} s. The key in these lines works for this run only.",
        "",
        "# OpenAI",
        _curl(f"{engine.url}/v1/chat/completions", f"Authorization: Bearer {engine.key}", body=body),
        "",
        "# Anthropic",
        _curl(
            f"{engine.url}/v1/messages",
            f"x-api-key: {engine.key}",
            "anthropic-version: 2023-06-01",
            body=body,
        ),
        "",
        "Ollama's API comes with the gateway, which this demo does not start; embeddings need a model for them.",
        "Ctrl-C ends it.",
    ]


def _curl(url: str, *headers: str, body: object) -> str:
    lines = ("Content-Type: application/json", *headers)
    return shlex.join(
        ["curl", "-sS", url, *(word for line in lines for word in ("-H", line)), "-d", json.dumps(body)]
    )
