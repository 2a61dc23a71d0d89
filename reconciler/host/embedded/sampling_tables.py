"""Options about how tokens are chosen: the defaults of requests, and the draft model."""

from __future__ import annotations

from reconciler.host.embedded.options import choice, custom, real, switch, text, whole
from reconciler.host.embedded.values import KV_TYPES, cache_types, gpu_layers, spec_types

DRAFT = "speculative.draft."

SAMPLING = (
    text("--samplers", "sampling.samplers", "samplers in their order, separated by ';'", metavar="SAMPLERS"),
    whole(
        "-s --seed", "sampling.seed", "RNG seed (default: random)", metavar="SEED", low=0, high=(1 << 32) - 1
    ),
    switch("--ignore-eos", "sampling.ignore_eos", "ignore end of stream token and continue generating"),
    real("--temp --temperature", "sampling.temp", "temperature (default: 0.80)"),
    whole("--top-k", "sampling.top_k", "top-k sampling (default: 40, 0 = disabled)"),
    real("--top-p", "sampling.top_p", "top-p sampling (default: 0.95, 1.0 = disabled)"),
    real("--min-p", "sampling.min_p", "min-p sampling (default: 0.05, 0.0 = disabled)"),
    real(
        "--typical --typical-p", "sampling.typ_p", "locally typical sampling (default: 1.00, 1.0 = disabled)"
    ),
    whole(
        "--repeat-last-n", "sampling.penalty_last_n", "tokens to consider for penalties (default: 64)", low=-1
    ),
    real("--repeat-penalty", "sampling.penalty_repeat", "penalty for repeated tokens (default: 1.00)"),
    real("--presence-penalty", "sampling.penalty_present", "presence penalty (default: 0.00)"),
    real("--frequency-penalty", "sampling.penalty_freq", "frequency penalty (default: 0.00)"),
)

SPECULATIVE = (
    text("--spec-draft-model -md --model-draft", DRAFT + "mparams.path", "draft model", metavar="FNAME"),
    custom(
        "--spec-draft-ngl -ngld --gpu-layers-draft --n-gpu-layers-draft",
        gpu_layers(DRAFT + "n_gpu_layers"),
        "layers of the draft model in VRAM, a number, 'auto', or 'all' (default: auto)",
        metavar="N",
    ),
    whole("--spec-draft-n-max", DRAFT + "n_max", "most tokens to draft (default: 3)", low=0),
    whole("--spec-draft-n-min", DRAFT + "n_min", "fewest tokens to draft (default: 0)", low=0),
    real("--spec-draft-p-min --draft-p-min", DRAFT + "p_min", "least probability (default: 0.00)"),
    real("--spec-draft-p-split --draft-p-split", DRAFT + "p_split", "split probability (default: 0.10)"),
    custom(
        "--spec-type",
        spec_types,
        "kinds of speculative decoding, comma-separated (default: none)",
        metavar="none,draft-simple,draft-eagle3,draft-mtp,ngram-simple,ngram-map-k,ngram-map-k4v,ngram-mod,ngram-cache",
    ),
    choice(
        "--spec-draft-type-k -ctkd --cache-type-k-draft",
        DRAFT + "cache_type_k",
        "KV cache data type for K of the draft model" + KV_TYPES,
        cache_types(),
        metavar="TYPE",
    ),
    choice(
        "--spec-draft-type-v -ctvd --cache-type-v-draft",
        DRAFT + "cache_type_v",
        "KV cache data type for V of the draft model" + KV_TYPES,
        cache_types(),
        metavar="TYPE",
    ),
)
