"""The environment of every process that we start, built from an allowlist instead of inherited.

llama-server reads its environment as a second command line: each option has a twin variable, one variable loads
any shared library, and a file under HOME or XDG_CONFIG_HOME is a third command line. So a child sees what is
listed here, what the operator wrote on the Runtime, what passed the argument policy, and nothing else.

LD_LIBRARY_PATH is not on the list. NVIDIA's and ROCm's packages and container runtimes register their libraries
with the loader, builds find their own beside themselves, and a path that a login shell happens to carry would
put foreign code into every engine. A build that needs one gets it from `Runtime.spec.env`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Passed on from the controller: where programs are, how text is encoded, what time it is.
INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")

FALLBACKS = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}

#: Each of these would let a deployment pick its own code, options, files or device, past the argument policy.
BEYOND_DEPLOYMENTS = frozenset(
    {
        "CUDA_VISIBLE_DEVICES",
        "GGML_BACKEND_PATH",
        "GGML_CUDA_ENABLE_UNIFIED_MEMORY",
        "HIP_VISIBLE_DEVICES",
        "PATH",
        "ROCR_VISIBLE_DEVICES",
    }
)
BEYOND_DEPLOYMENTS_PREFIXES = ("AIP_", "LD_", "LLAMA_", "MTMD_", "PYTHON")

#: Marks say whose process this is; nothing but the controller writes names that begin so.
MARK_PREFIX = "RECONCILER_"

NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """What only we may say to a child.

    `home` is a private directory without configuration; `devices` are the variables that hide the other GPUs.
    """

    home: str
    api_key: str = field(default="", repr=False)
    devices: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)


def child_environment(
    parent: Mapping[str, str],
    ours: Ours,
    *,
    operator: Mapping[str, str] = NOTHING,
    deployment: Mapping[str, str] = NOTHING,
    secrets: Mapping[str, str] = NOTHING,
) -> dict[str, str]:
    """`operator` is `Runtime.spec.env`; `deployment` and `secrets` are the deployment's. Ours always win."""
    inherited = {name: parent[name] for name in INHERITED if parent.get(name)}
    managed = _managed(ours)
    written = {**operator, **_permitted(deployment), **_permitted(secrets)}
    return {
        **FALLBACKS,
        **inherited,
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        **{name: value for name, value in written.items() if not name.startswith(MARK_PREFIX)},
        **managed,
    }


def is_beyond_deployments(name: str) -> bool:
    """Names that the argument policy refuses, and that would not arrive if it did not."""
    return name in BEYOND_DEPLOYMENTS or name.startswith((*BEYOND_DEPLOYMENTS_PREFIXES, MARK_PREFIX))


def _permitted(variables: Mapping[str, str]) -> dict[str, str]:
    # The argument policy has refused these with a message; here they cannot pass whoever calls.
    return {name: value for name, value in variables.items() if not is_beyond_deployments(name)}


def _managed(ours: Ours) -> dict[str, str]:
    managed = {
        **ours.devices,
        "HOME": ours.home,
        "XDG_CONFIG_HOME": ours.home,
        "XDG_CACHE_HOME": ours.home,
        "XDG_DATA_HOME": ours.home,
        # A crash would start a debugger, where one is installed, and hang for seconds on its backtrace.
        "GGML_NO_BACKTRACE": "1",
    }
    if ours.api_key:
        managed["LLAMA_API_KEY"] = ours.api_key
    if stray := sorted(name for name in ours.marks if not name.startswith(MARK_PREFIX)):
        raise ValueError(f"a mark begins with {MARK_PREFIX}, not {', '.join(stray)}")
    return {**managed, **ours.marks}
