"""Words of other tools - Ollama, llama-cpp-python, vLLM, Docker Compose - and where the same thing stands here.

Asked only about words that are unknown where they stand, so that a hint beats a list of keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_HOMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "spec.lifecycle.idleUnload": (
            "keepalive",
            "ollamakeepalive",
            "ttl",
            "idletimeout",
            "sleepidleseconds",
        ),
        "spec.context.size": ("numctx", "nctx", "ctxsize", "contextsize", "contextlength", "maxmodellen"),
        "spec.context.parallel": ("nparallel", "numparallel", "ollamanumparallel", "maxnumseqs"),
        "spec.context.flashAttention": ("flashattn", "fa"),
        "spec.context.kvType": ("cachetype", "kvcachetype", "ollamakvcachetype", "kvcachedtype"),
        "spec.context.kvType.k": ("cachetypek", "ctk", "typek"),
        "spec.context.kvType.v": ("cachetypev", "ctv", "typev"),
        "spec.context.batch": ("nbatch", "numbatch", "batchsize"),
        "spec.context.ubatch": ("nubatch", "ubatchsize"),
        "spec.placement.gpuLayers": ("ngl", "ngpulayers", "numgpu", "numgpulayers"),
        "spec.placement.gpus": ("cudavisibledevices", "deviceids"),
        "spec.model.path": ("modelpath", "modelfile", "gguf"),
        "spec.args.threads": ("nthreads", "numthread", "numthreads"),
        "spec.args.load-mode": ("mlock", "usemlock", "mmap", "usemmap", "nommap"),
        "spec.request.defaults": (
            *("temperature", "temp", "topp", "topk", "minp", "repeatpenalty", "presencepenalty"),
            *("frequencypenalty", "seed", "stop", "maxtokens", "npredict", "numpredict"),
        ),
        "spec.env": ("environment",),
        "spec.extraArgs": ("cmd", "command"),
        "Runtime.spec.path": ("image", "binary"),
        "Host.spec.paths": ("volumes",),
    }
)
_HOME_OF = {word: home for home, words in _HOMES.items() for word in words}


def home_of(word: str) -> str:
    """The field that another tool's word means, from its `spec` or its kind on; or an empty string."""
    return _HOME_OF.get(word.lstrip("-").casefold().replace("-", "").replace("_", ""), "")
