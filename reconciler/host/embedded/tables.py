"""The options that the extension supports, in llama-server's sections and with its names.

What is missing here is refused by name: downloads, tools, RPC, files that are written or served, devices by name.
"""

from __future__ import annotations

from reconciler.host.embedded.options import (
    Member,
    Option,
    choice,
    custom,
    ignored,
    listed,
    real,
    switch,
    text,
    toggle,
    whole,
)
from reconciler.host.embedded.values import (
    api_keys,
    cache_types,
    chat_template_file,
    fit_target,
    gpu_layers,
    loras,
    prefixed,
    reasoning,
    rerank,
    scaled_loras,
    spec_types,
    template_arguments,
    tensor_split,
)

DRAFT = "speculative.draft."
KV_TYPES = "\nallowed values: f32, f16, bf16, q8_0, q4_0, q4_1, iq4_nl, q5_0, q5_1\n(default: f16)"

INFORMATION = (
    ignored("-h --help --usage", "print usage and exit"),
    ignored("--version", "show version and build info"),
    ignored("--list-devices", "print list of available devices and exit"),
)

COMMON = (
    *INFORMATION,
    whole("-t --threads", "cpuparams.n_threads", "CPU threads for generation (default: -1)"),
    whole(
        "-tb --threads-batch",
        "cpuparams_batch.n_threads",
        "CPU threads for prompts (default: same as --threads)",
    ),
    whole("--prio", "cpuparams.priority", "priority: low(-1) to realtime(3) (default: 0)", low=-1, high=3),
    whole("--poll", "cpuparams.poll", "polling level while waiting for work (default: 50)", low=0, high=100),
    whole("-c --ctx-size", "n_ctx", "size of the context (default: 0, 0 = loaded from model)", low=0),
    whole("-n --predict --n-predict", "n_predict", "tokens to predict (default: -1, -1 = infinity)"),
    whole("-b --batch-size", "n_batch", "logical maximum batch size (default: 2048)", low=1),
    whole("-ub --ubatch-size", "n_ubatch", "physical maximum batch size (default: 512)", low=1),
    whole("--keep", "n_keep", "tokens to keep from the initial prompt (default: 0, -1 = all)"),
    switch("--swa-full", "swa_full", "full-size SWA cache (default: false)"),
    choice(
        "-fa --flash-attn",
        "flash_attn_type",
        "Flash Attention ('on', 'off', or 'auto', default: 'auto')",
        prefixed(
            "llama_flash_attn_type", "LLAMA_FLASH_ATTN_TYPE_", on="ENABLED", off="DISABLED", auto="AUTO"
        ),
        metavar="[on|off|auto]",
    ),
    choice(
        "--rope-scaling",
        "rope_scaling_type",
        "RoPE frequency scaling method, linear unless the model says otherwise",
        prefixed(
            "llama_rope_scaling_type", "LLAMA_ROPE_SCALING_TYPE_", none="NONE", linear="LINEAR", yarn="YARN"
        ),
    ),
    real("--rope-freq-base", "rope_freq_base", "RoPE base frequency (default: loaded from model)"),
    real("--rope-freq-scale", "rope_freq_scale", "RoPE frequency scaling factor"),
    whole(
        "--yarn-orig-ctx", "yarn_orig_ctx", "YaRN: original context size (default: 0 = trained size)", low=0
    ),
    real("--yarn-ext-factor", "yarn_ext_factor", "YaRN: extrapolation mix factor (default: -1.00)"),
    real("--yarn-attn-factor", "yarn_attn_factor", "YaRN: attention magnitude (default: -1.00)"),
    real("--yarn-beta-slow", "yarn_beta_slow", "YaRN: high correction dim (default: -1.00)"),
    real("--yarn-beta-fast", "yarn_beta_fast", "YaRN: low correction dim (default: -1.00)"),
    toggle(
        "-kvo --kv-offload",
        "-nkvo --no-kv-offload",
        "no_kv_offload",
        "KV cache offloading (default: enabled)",
        on=False,
    ),
    toggle("--repack", "-nr --no-repack", "no_extra_bufts", "weight repacking (default: enabled)", on=False),
    switch("--no-host", "no_host", "bypass host buffer"),
    choice(
        "-ctk --cache-type-k",
        "cache_type_k",
        "KV cache data type for K" + KV_TYPES,
        cache_types(),
        metavar="TYPE",
    ),
    choice(
        "-ctv --cache-type-v",
        "cache_type_v",
        "KV cache data type for V" + KV_TYPES,
        cache_types(),
        metavar="TYPE",
    ),
    choice(
        "-lm --load-mode",
        "load_mode",
        "model loading mode (default: auto)\n- auto: mmap\n- none: no special mode\n- mmap: memory-map model\n"
        "- mlock: keep model in RAM\n- mmap+mlock: both\n- dio: direct reads",
        {
            **prefixed(
                "llama_load_mode", "LLAMA_LOAD_MODE_", auto="AUTO", none="NONE", mmap="MMAP", mlock="MLOCK"
            ),
            "mmap+mlock": Member("llama_load_mode", "LLAMA_LOAD_MODE_MMAP_MLOCK"),
            "dio": Member("llama_load_mode", "LLAMA_LOAD_MODE_DIRECT_IO"),
        },
        metavar="MODE",
    ),
    choice(
        "--numa",
        "numa",
        "NUMA optimizations\n- distribute: evenly over all nodes\n- isolate: one node\n- numactl: as numactl says",
        prefixed(
            "ggml_numa_strategy",
            "GGML_NUMA_STRATEGY_",
            distribute="DISTRIBUTE",
            isolate="ISOLATE",
            numactl="NUMACTL",
        ),
        metavar="TYPE",
    ),
    text(
        "-ot --override-tensor",
        "tensor_buft_overrides",
        "override tensor buffer type",
        metavar="<tensor name pattern>=<buffer type>,...",
    ),
    custom(
        "-ngl --gpu-layers --n-gpu-layers",
        gpu_layers("n_gpu_layers"),
        "layers in VRAM, a number, 'auto', or 'all' (default: auto)",
        metavar="N",
    ),
    choice(
        "-sm --split-mode",
        "split_mode",
        "how to split the model across several GPUs (default: layer)",
        prefixed(
            "llama_split_mode", "LLAMA_SPLIT_MODE_", none="NONE", layer="LAYER", row="ROW", tensor="TENSOR"
        ),
    ),
    custom("-ts --tensor-split", tensor_split, "proportion for each GPU, e.g. 3,1", metavar="N0,N1,N2,..."),
    whole("-mg --main-gpu", "main_gpu", "the GPU for split mode none (default: 0)", metavar="INDEX", low=0),
    choice(
        "-fit --fit",
        "fit_params",
        "adjust unset arguments to the device memory ('on' or 'off', default: 'on')",
        {"on": True, "off": False},
        metavar="[on|off]",
    ),
    custom(
        "-fitt --fit-target",
        fit_target,
        "margin per device for --fit (default: 1024)",
        metavar="MiB0,MiB1,MiB2,...",
    ),
    whole(
        "-fitc --fit-ctx", "fit_params_min_ctx", "smallest context that --fit may set (default: 4096)", low=0
    ),
    switch("--check-tensors", "check_tensors", "check model tensor data for invalid values (default: false)"),
    toggle(
        "--op-offload", "--no-op-offload", "no_op_offload", "host tensor operations (default: true)", on=False
    ),
    custom("--lora", loras, "path to LoRA adapter, comma-separated for several", metavar="FNAME"),
    custom("--lora-scaled", scaled_loras, "path to LoRA adapter with its scale", metavar="FNAME:SCALE,..."),
    text("-m --model", "model.path", "model path to load", metavar="FNAME"),
    choice(
        "--log-colors",
        "",
        "colored logging; there is none here",
        {"off": None, "auto": None},
        metavar="[off|auto]",
    ),
    switch("--offline", "offline", "nothing is ever downloaded here"),
    whole(
        "-lv --verbosity --log-verbosity",
        "verbosity",
        "verbosity threshold, 0 to 5 (default: 3)",
        low=0,
        high=5,
    ),
)

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

SERVER = (
    whole(
        "-ctxcp --ctx-checkpoints", "n_ctx_checkpoints", "context checkpoints per slot (default: 32)", low=0
    ),
    whole(
        "-cram --cache-ram",
        "cache_ram_mib",
        "prompt cache in MiB (default: 8192, -1 - no limit, 0 - disable)",
        low=-1,
    ),
    toggle(
        "-kvu --kv-unified",
        "-no-kvu --no-kv-unified",
        "kv_unified",
        "one KV buffer for all sequences (default: enabled if number of slots is auto)",
    ),
    toggle("--context-shift", "--no-context-shift", "ctx_shift", "context shift (default: disabled)"),
    switch("-sp --special", "special", "special tokens output enabled (default: false)"),
    toggle("--warmup", "--no-warmup", "warmup", "warmup with an empty run (default: enabled)"),
    choice(
        "--pooling",
        "pooling_type",
        "pooling type for embeddings, use model default if unspecified",
        prefixed(
            "llama_pooling_type",
            "LLAMA_POOLING_TYPE_",
            none="NONE",
            mean="MEAN",
            cls="CLS",
            last="LAST",
            rank="RANK",
        ),
    ),
    whole("-np --parallel", "n_parallel", "number of server slots (default: -1, -1 = auto)", low=-1),
    toggle(
        "-cb --cont-batching",
        "-nocb --no-cont-batching",
        "cont_batching",
        "continuous batching (default: enabled)",
    ),
    text("-mm --mmproj", "mmproj.path", "path to a multimodal projector file", metavar="FILE"),
    toggle(
        "--mmproj-offload", "--no-mmproj-offload", "mmproj_use_gpu", "projector on the GPU (default: enabled)"
    ),
    whole(
        "--image-min-tokens", "image_min_tokens", "least tokens per image (default: read from model)", low=-1
    ),
    whole(
        "--image-max-tokens", "image_max_tokens", "most tokens per image (default: read from model)", low=-1
    ),
    listed("-a --alias", "model_alias", "model name aliases, comma-separated (to be used by API)"),
    listed("--tags", "model_tags", "model tags, comma-separated"),
    whole("--embd-normalize", "embd_normalize", "normalisation for embeddings (default: 2)", low=-1),
    listed(
        "--host", "hostnames", "addresses, or .sock paths, to listen on (default: 127.0.0.1)", metavar="HOST"
    ),
    whole("--port", "port", "port to listen (default: 8080)", metavar="PORT", low=0, high=65535),
    text("--cors-origins", "cors_origins", "allowed origins for CORS (default: *)", metavar="ORIGINS"),
    text("--cors-methods", "cors_methods", "allowed methods for CORS", metavar="METHODS"),
    text("--cors-headers", "cors_headers", "allowed headers for CORS (default: *)", metavar="HEADERS"),
    toggle(
        "--cors-credentials",
        "--no-cors-credentials",
        "cors_credentials",
        "CORS credentials (default: enabled)",
    ),
    text("--api-prefix", "api_prefix", "prefix path the server serves from", metavar="PREFIX"),
    ignored("--no-agent", "there are no agent tools here"),
    toggle("--ui --webui", "--no-ui --no-webui", "ui", "the Web UI (default: enabled)"),
    switch("--embedding --embeddings", "embedding", "only embeddings (default: disabled)"),
    custom("--api-key-file", api_keys, "file with API keys, one per line (default: none)", metavar="FNAME"),
    Option(("--rerank", "--reranking"), rerank, "enable reranking endpoint on server (default: disabled)"),
    custom(
        "--chat-template-kwargs",
        template_arguments,
        "parameters for the template, a JSON object",
        metavar="STRING",
    ),
    whole(
        "-to --timeout", "timeout_read timeout_write", "read/write timeout in seconds (default: 3600)", low=0
    ),
    whole("--sse-ping-interval", "sse_ping_interval", "SSE ping interval in seconds (default: 30)", low=-1),
    whole("--threads-http", "n_threads_http", "threads for HTTP requests (default: -1)", low=-1),
    toggle("--cache-prompt", "--no-cache-prompt", "cache_prompt", "prompt caching (default: enabled)"),
    whole("--cache-reuse", "n_cache_reuse", "least chunk to reuse from the cache (default: 0)", low=0),
    switch("--metrics", "endpoint_metrics", "Prometheus metrics (default: disabled)"),
    switch("--props", "endpoint_props", "POST /props (default: disabled)"),
    toggle("--slots", "--no-slots", "endpoint_slots", "slots endpoint (default: enabled)"),
    toggle("--jinja", "--no-jinja", "use_jinja", "jinja template engine for chat (default: enabled)"),
    choice(
        "--reasoning-format",
        "reasoning_format",
        "how thoughts are returned; one of:\n- none: in `message.content`\n- auto: as deepseek\n"
        "- deepseek: in `message.reasoning_content`\n- deepseek-legacy: in both\n(default: auto)",
        {
            **prefixed("common_reasoning_format", "COMMON_REASONING_FORMAT_", none="NONE", auto="AUTO"),
            "deepseek": Member("common_reasoning_format", "COMMON_REASONING_FORMAT_DEEPSEEK"),
            "deepseek-legacy": Member("common_reasoning_format", "COMMON_REASONING_FORMAT_DEEPSEEK_LEGACY"),
        },
        metavar="FORMAT",
    ),
    custom("-rea --reasoning", reasoning, "thinking in the chat (default: 'auto')", metavar="[on|off|auto]"),
    whole(
        "--reasoning-budget", "sampling.reasoning_budget_tokens", "budget for thinking (default: -1)", low=-1
    ),
    text("--chat-template", "chat_template", "jinja chat template", metavar="JINJA_TEMPLATE"),
    custom(
        "--chat-template-file", chat_template_file, "jinja chat template file", metavar="JINJA_TEMPLATE_FILE"
    ),
    toggle(
        "--prefill-assistant",
        "--no-prefill-assistant",
        "prefill_assistant",
        "prefill (default: prefill enabled)",
    ),
    real(
        "-sps --slot-prompt-similarity", "slot_prompt_similarity", "similarity to use a slot (default: 0.10)"
    ),
    switch(
        "--lora-init-without-apply",
        "lora_init_without_apply",
        "LoRA adapters not applied (default: disabled)",
    ),
)

SECTIONS = {
    "common params": COMMON,
    "sampling params": SAMPLING,
    "speculative params": SPECULATIVE,
    "example-specific params": SERVER,
}

OPTIONS = tuple(option for section in SECTIONS.values() for option in section)
