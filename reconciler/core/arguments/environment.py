"""Which environment variables manifests may set: the environment is a second command line of the engine.

A deployment may set plain tuning variables (`OMP_NUM_THREADS`, `GGML_CUDA_FORCE_MMQ`): whatever is neither listed
here nor has a word in its name that loads code, moves files, reaches the network, picks devices or holds secrets.
A Runtime is the operator's: it may set all but the engine's second command line, our own marks and what would load
code into every program (`LD_PRELOAD`). Files that it may load are confined like any path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconciler.core.arguments.options import Option, OptionTable, Tier, key_of
from reconciler.core.arguments.refusals import is_secret
from reconciler.core.arguments.values import Wrong

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ZONE = re.compile(r"[A-Za-z_]+(/[A-Za-z0-9_+-]+)+")
_OPERATORS = "only Runtime.spec.env may set it"
_HOME_OF_SECRETS = "write it as spec.secretEnv: {NAME: {fromFile: /path}} or {fromEnv: NAME}"

# What neither a deployment nor a Runtime sets.
_CORE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (
            r"LD_(PRELOAD|AUDIT|DEBUG.*|PROFILE.*)|DYLD_INSERT_LIBRARIES|GCONV_PATH|GLIBC_TUNABLES",
            "it injects code",
        ),
        (
            r"BASH_ENV|ENV|SHELLOPTS|BASHOPTS|PS4|IFS|BASH_FUNC.*|PYTHON.*",
            "a script that starts the engine obeys it",
        ),
        (r"HOME|XDG_.*", "the engine would read a config.ini from there, with any option in it"),
        (r"LLAMA_SERVER_.*|LLAMA_APP_CMD|AIP_.*", "it turns the engine into another kind of server"),
        (
            r"LLAMA_CACHE|(HF|MODEL)_ENDPOINT|HF_HOME|HF_HUB_.*|HUGGINGFACE_.*",
            "it concerns downloads, which are off",
        ),
        (r"RECONCILER_.*", "reconciler marks its own processes with it"),
    )
)
_DEVICES = (
    r".*VISIBLE_DEVICES?",
    r"GGML_CUDA_DEVICES|CUDA_DEVICE_ORDER|GPU_DEVICE_ORDINAL|ZE_AFFINITY_MASK|ONEAPI_DEVICE_SELECTOR",
    r"MTMD_BACKEND_DEVICE|FAKE_GPU.*",
    r"(GGML|SYCL|CUDA_MPS|HIP|OCL|OPENCL)_.*(DEVICE|PLATFORM|NDEV).*",
)
_DEPLOYMENT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"GGML_BACKEND_PATH", "it loads a shared library; only Runtime.spec.env may set it"),
        ("|".join(_DEVICES), "placement decides the devices: use spec.placement.gpus"),
        (r"GGML_CUDA_ENABLE_UNIFIED_MEMORY", "video memory would overflow into RAM unseen"),
        (r"(LD|DYLD|LLAMA|VK|OCL|OPENSSL|SSL|NVTX|NCCL|MALLOC|GIT|SSH|PERL|RUBY|NODE)_.*", _OPERATORS),
        (r"(GCOV|RES)_.*|HOSTALIASES|LOCALDOMAIN|.*SAN_OPTIONS", _OPERATORS),
        (r"SSLKEYLOGFILE|CUDA_INJECTION.*|FLEXIBLAS.*|NVIDIA_.*", _OPERATORS),
    )
)
_WORDS = frozenset(
    (
        *(
            "PATH",
            "PATHS",
            "PRELOAD",
            "LIB",
            "LIBS",
            "LIBRARY",
            "LIBRARIES",
            "PLUGIN",
            "PLUGINS",
            "INJECTION",
        ),
        *("AUDIT", "CONF", "CONFIG", "PROXY", "CMD", "COMMAND", "EXEC", "SHELL", "DIR", "DIRS"),
        *(
            "DIRECTORY",
            "FILE",
            "FILES",
            "FILENAME",
            "FILENAMES",
            "MODULE",
            "MODULES",
            "ENGINE",
            "ENGINES",
            "LAYER",
        ),
        *("LAYERS", "ICD", "DRIVER", "DRIVERS", "TOOL", "TOOLS", "URL", "ENDPOINT", "HOST", "PORT"),
        *("SOCKET", "SOCK", "TMPDIR", "TMP", "TEMP", "ROOT", "LOADER", "HOOK", "CREDENTIALS", "USER", "LOG"),
        *("LOGFILE", "LOGDEST"),
    )
)
#: Words that are written together: LIBPATH, LOCPATH, ZDOTDIR.
_ENDINGS = ("PATH", "FILE", "DIR")


def variable_wrong(name: str, value: object, options: OptionTable, *, operator: bool) -> Wrong | None:
    """Why `env` cannot hold this variable, or None. `operator`: of a Runtime, not of a deployment."""
    if not _NAME.fullmatch(name):
        return Wrong(f"Cannot set {name!r}: a variable's name has letters, digits and '_'")
    if not isinstance(value, str):
        return Wrong(f"Cannot set {name}: its value must be text", "put it in quotes")
    if "\0" in value:
        return Wrong(f"Cannot set {name}: its value contains a NUL character")
    wrong = _secret(name) or _twin(name, options) or _listed(name, operator=operator)
    if wrong is None and not operator and "/" in value and not (name == "TZ" and _ZONE.fullmatch(value)):
        return Wrong(f"Cannot set {name}: its value looks like a path or an address", "use Runtime.spec.env")
    return wrong


def secret_wrong(name: str, options: OptionTable) -> Wrong | None:
    """Why `secretEnv` cannot hold this variable, or None: all that `env` refuses, but for being a secret."""
    if not _NAME.fullmatch(name):
        return Wrong(f"Cannot set {name!r}: a variable's name has letters, digits and '_'")
    if name == "HF_TOKEN":
        return None
    return _own_key(name) or _twin(name, options) or _listed(name, operator=False)


def path_in(name: str, value: str) -> str:
    """The file that a Runtime's variable makes the engine load, or nothing."""
    return value if name.upper() == "GGML_BACKEND_PATH" and value else ""


def _twin(name: str, options: OptionTable) -> Wrong | None:
    upper = name.upper()
    option = options.by_env(upper)
    if option is None and not upper.startswith("LLAMA_ARG_"):
        return None
    key = key_of(upper.removeprefix("LLAMA_ARG_").removeprefix("NO_").lower())
    if option is None and (spelled := options.by_key(key)):
        option = spelled.option
    return Wrong(f"Cannot set {name}: it is a second command line of the engine", _instead_of(option))


def _instead_of(option: Option | None) -> str:
    if option is None:
        return "use spec.args"
    if option.tier is Tier.DENY:
        return f"no policy allows --{option.name}: {option.risk}"
    if option.tier is Tier.MANAGED:
        return f"use {option.owner}" if option.owner else option.instead
    return f"use spec.args.{option.name}"


def _own_key(name: str) -> Wrong | None:
    if name.upper() != "LLAMA_API_KEY":
        return None
    return Wrong(
        f"Cannot set {name}: reconciler makes the engine's key", "use Host.spec.auth and Client objects"
    )


def _secret(name: str) -> Wrong | None:
    return _own_key(name) or (
        Wrong(f"Cannot set {name} in plain text: it is a secret", _HOME_OF_SECRETS)
        if is_secret(name)
        else None
    )


def _listed(name: str, *, operator: bool) -> Wrong | None:
    upper = name.upper()
    for pattern, reason in (*_CORE, *(() if operator else _DEPLOYMENT)):
        if pattern.fullmatch(upper):
            return Wrong(f"Cannot set {name}: {reason}")
    words = re.split(r"[_0-9]+", upper)
    word = next((word for word in words if word in _WORDS or word.endswith(_ENDINGS)), "")
    if word and not operator:
        return Wrong(
            f"Cannot set {name}: {word!r} in its name suggests files or the network", "use Runtime.spec.env"
        )
    return None


def accepted(env: Mapping[str, object]) -> dict[str, str]:
    """The variables as the child gets them, in a stable order."""
    return {name: value for name, value in sorted(env.items()) if isinstance(value, str)}
