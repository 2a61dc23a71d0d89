"""Options about the model, its memory and its devices; llama-server's section of common parameters."""

from __future__ import annotations

from reconciler.host.embedded.options import (
    Member,
    choice,
    custom,
    ignored,
    real,
    switch,
    text,
    toggle,
    whole,
)
from reconciler.host.embedded.values import (
    KV_TYPES,
    cache_types,
    fit_target,
    gpu_layers,
    loras,
    prefixed,
    scaled_loras,
    tensor_split,
)

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
