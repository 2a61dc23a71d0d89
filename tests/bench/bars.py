"""What is measured, and how fast it must be. The figures are those of the performance page."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.control.sources import read_sources
from reconciler.core.tinymodels.kinds import build
from reconciler.host.models import read_facts, write_model
from reconciler.spec.trees import join, read_file
from tests.fakes.giants import LARGE_FILE_SIZE, large_header

DEPLOYMENT = """\
apiVersion: models.reconciler/v1alpha1
kind: ModelDeployment
metadata: {{name: model-{number}, labels: {{tier: chat, number: "{number}"}}}}
spec:
  model: {{path: tiny.gguf}}
  state: onDemand
  aliases: [alias-{number}, "alias:{number}"]
  placement:
    gpuLayers: all
    memory: {{vram: 7Gi, ram: 2Gi}}
  context: {{size: 4096, parallel: 4, kvUnified: true, kvType: {{k: q8_0, v: q8_0}}}}
  args: {{reasoning-format: auto, threads: 4}}
  lifecycle: {{idleUnload: 15m, priority: 50}}
  schedules:
    - {{name: office, days: Mon-Fri, from: "08:00", to: "19:00", timeZone: Europe/Berlin, state: running}}
  request: {{defaults: {{temperature: 0.7}}, timeout: 30m, queue: {{maxWait: 5m, max: 64}}}}
"""


@dataclass(frozen=True, slots=True)
class Bar:
    name: str
    seconds: float
    work: Callable[[], object]


@contextmanager
def prepared() -> Iterator[list[Bar]]:
    """All bars over a directory of their own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tree = _tree(folder / "manifests")
        header = folder / "header.gguf"
        header.write_bytes(large_header())
        os.truncate(header, LARGE_FILE_SIZE)
        environ = {**os.environ, "HOME": name, "XDG_RUNTIME_DIR": name}
        readings = [read_file(str(path), path.read_bytes()) for path in sorted(tree.glob("*.yaml"))]
        changed = sorted(tree.glob("*.yaml"))[7]
        yield [
            Bar("parse 200 manifests in 50 files", 1.0, lambda: _parse(tree)),
            Bar(
                "re-read one changed file",
                0.1,
                lambda: join([*readings, read_file("x", changed.read_bytes())]),
            ),
            Bar("validate 200 with the machine", 1.0, lambda: read_sources([str(tree)], environ=environ)),
            Bar("GGUF header, 152k tokens", 0.040, lambda: read_facts(header)),
            Bar("reconciler --help", 0.2, lambda: _command("--help", environ)),
            Bar("reconciler version", 0.35, lambda: _command("version", environ)),
        ]


def _tree(folder: Path) -> Path:
    folder.mkdir()
    write_model(folder / "tiny.gguf", build(kind="chat"))
    for file in range(50):
        documents = [DEPLOYMENT.format(number=4 * file + one) for one in range(4)]
        (folder / f"{file:02}.yaml").write_text("---\n".join(documents))
    return folder


def _parse(tree: Path) -> None:
    read = join([read_file(str(path), path.read_bytes()) for path in sorted(tree.glob("*.yaml"))])
    if not read.is_valid or len(read.deployments) != 200:
        raise AssertionError(read.diagnostics)


def _command(argument: str, environ: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-m", "reconciler", argument], check=True, env=environ, stdout=subprocess.DEVNULL
    )
