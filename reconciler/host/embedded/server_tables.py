"""Options about slots, listeners, chat and endpoints; llama-server's section of its own parameters."""

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
    chat_template_file,
    prefixed,
    reasoning,
    rerank,
    template_arguments,
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
