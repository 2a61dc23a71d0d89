"""The options that the extension supports, in llama-server's sections and with its names.

What is missing is refused by name: downloads, tools, RPC, files that are written or served, devices by name.
"""

from __future__ import annotations

from reconciler.host.embedded.model_tables import COMMON
from reconciler.host.embedded.sampling_tables import SAMPLING, SPECULATIVE
from reconciler.host.embedded.server_tables import SERVER

SECTIONS = {
    "common params": COMMON,
    "sampling params": SAMPLING,
    "speculative params": SPECULATIVE,
    "example-specific params": SERVER,
}

OPTIONS = tuple(option for section in SECTIONS.values() for option in section)
