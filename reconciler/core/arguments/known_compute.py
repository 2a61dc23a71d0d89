"""Options that decide what a model is, where it lies and how it computes."""

from __future__ import annotations

from reconciler.core.arguments.known import Known
from reconciler.core.arguments.options import Kind, Many, Tier

_FLAG, _SWITCH, _INTEGER, _NUMBER = Kind.FLAG, Kind.SWITCH, Kind.INTEGER, Kind.NUMBER
_ENUM, _STRING, _PATH, _SCALED = Kind.ENUM, Kind.STRING, Kind.PATH, Kind.SCALED_PATH
_REPEAT, _COMMA = Many.REPEAT, Many.COMMA
_FILE, _MANAGED, _DENY = Tier.PATH, Tier.MANAGED, Tier.DENY

_KV_TYPES = "f32 f16 bf16 q8_0 q4_0 q4_1 iq4_nl q5_0 q5_1"
_PLACED = "Placement decides the devices"
_DOWNLOAD = "the engine would download from the network"
_LOCAL = "put the file under Host.spec.paths.models and name it in spec.model.path"
_REALTIME = "3 is realtime: it can starve the whole machine"
_GPUS, _DRAFT_FIELD = "spec.placement.gpus", "spec.model.draft"

CPU = (
    Known("-t --threads", _INTEGER, emit="-t"),
    Known("-tb --threads-batch", _INTEGER),
    Known("-C --cpu-mask", _STRING),
    Known("-Cr --cpu-range", _STRING),
    Known("--cpu-strict", _SWITCH, choices="0 1"),
    Known("--prio", _INTEGER, low=-1, high=2, risk=_REALTIME),
    Known("--poll", _INTEGER, low=0, high=100, risk="high values burn CPU while idle"),
    Known("-Cb --cpu-mask-batch", _STRING),
    Known("-Crb --cpu-range-batch", _STRING),
    Known("--cpu-strict-batch", _SWITCH, choices="0 1"),
    Known("--prio-batch", _INTEGER, low=0, high=2, risk=_REALTIME),
    Known("--poll-batch", _SWITCH, choices="0 1"),
    Known("--numa", _ENUM, choices="distribute isolate numactl", if_true="distribute"),
)

CONTEXT = (
    Known("-c --ctx-size", _INTEGER, owner="spec.context.size", emit="-c", low=0),
    Known("-b --batch-size", _INTEGER, owner="spec.context.batch", emit="-b", low=1),
    Known("-ub --ubatch-size", _INTEGER, owner="spec.context.ubatch", low=1),
    Known("-np --parallel", _INTEGER, owner="spec.context.parallel"),
    Known("-kvu --kv-unified", _FLAG, no="-no-kvu --no-kv-unified", owner="spec.context.kvUnified"),
    Known("--kv-unified-per-slot", _INTEGER),
    Known("-fa --flash-attn", _SWITCH, choices="on off auto", owner="spec.context.flashAttention"),
    Known("-ctk --cache-type-k", _ENUM, choices=_KV_TYPES, owner="spec.context.kvType.k"),
    Known("-ctv --cache-type-v", _ENUM, choices=_KV_TYPES, owner="spec.context.kvType.v"),
    Known("-cram --cache-ram", _INTEGER, _MANAGED, owner="spec.context.promptCache"),
    Known("--keep", _INTEGER),
    Known("--swa-full", _FLAG),
    Known("-dt --defrag-thold", _NUMBER),
    Known("-ctxcp --ctx-checkpoints --swa-checkpoints", _INTEGER, risk="takes RAM for each slot"),
    Known("-cms --checkpoint-min-step", _INTEGER),
    Known("--cache-idle-slots", _FLAG, no="--no-cache-idle-slots", default_on=True),
    Known("--context-shift", _FLAG, no="--no-context-shift", risk="silently drops the start of long chats"),
    Known("-cb --cont-batching", _FLAG, no="-nocb --no-cont-batching", default_on=True),
    Known("--cache-prompt", _FLAG, no="--no-cache-prompt", default_on=True),
    Known("--cache-reuse", _INTEGER),
    Known("-sps --slot-prompt-similarity", _NUMBER),
    Known("-n --predict --n-predict", _INTEGER, emit="-n"),
    Known("--rope-scaling", _ENUM, choices="none linear yarn"),
    Known("--rope-scale", _NUMBER),
    Known("--rope-freq-base", _NUMBER),
    Known("--rope-freq-scale", _NUMBER),
    Known("--yarn-orig-ctx", _INTEGER),
    Known("--yarn-ext-factor", _NUMBER),
    Known("--yarn-attn-factor", _NUMBER),
    Known("--yarn-beta-slow", _NUMBER),
    Known("--yarn-beta-fast", _NUMBER),
)

MEMORY = (
    Known("-kvo --kv-offload", _FLAG, no="-nkvo --no-kv-offload", default_on=True),
    Known("--repack", _FLAG, no="-nr --no-repack", default_on=True),
    Known("--no-host", _FLAG),
    Known("-lm --load-mode", _ENUM, choices="auto none mmap mlock mmap+mlock dio", risk="mlock pins RAM"),
    Known("-lzm --lazy-mode", _ENUM, choices="on auto off"),
    Known("--check-tensors", _FLAG, risk="reads the whole file before the load"),
    Known("--warmup", _FLAG, no="--no-warmup", default_on=True),
    Known("--mlock", _FLAG, risk="pins RAM", fork=True),
    Known("--no-mmap", _FLAG, fork=True),
    Known("-cmoe --cpu-moe", _FLAG),
    Known("-ncmoe --n-cpu-moe", _INTEGER, low=0),
    Known("-ncffn --n-cpu-ffn", _INTEGER, low=0),
    Known("--op-offload", _FLAG, no="--no-op-offload", default_on=True),
)

PLACEMENT = (
    Known("-dev --device", _STRING, _MANAGED, owner=_GPUS),
    Known("-ot --override-tensor", _STRING, _MANAGED, many=_COMMA, owner="spec.placement.overrideTensors"),
    Known(
        "-ngl --gpu-layers --n-gpu-layers", _STRING, _MANAGED, emit="-ngl", owner="spec.placement.gpuLayers"
    ),
    Known(
        "-sm --split-mode", _ENUM, _MANAGED, choices="none layer row tensor", owner="spec.placement.splitMode"
    ),
    Known("-ts --tensor-split", _NUMBER, _MANAGED, many=_COMMA, owner="spec.placement.tensorSplit"),
    Known("-mg --main-gpu", _INTEGER, _MANAGED, owner="spec.placement.mainGpu"),
    Known("-fit --fit", _SWITCH, _MANAGED, choices="on off", owner="spec.placement", instead=_PLACED),
    Known("-fitt --fit-target", _STRING, _MANAGED, owner="Host.spec.memory.headroom", instead=_PLACED),
    Known("-fitc --fit-ctx", _INTEGER, _MANAGED, owner="spec.placement.fallbacks", instead=_PLACED),
)

MODEL = (
    Known("-m --model", _PATH, _MANAGED, owner="spec.model.path", emit="-m", suffixes=".gguf"),
    Known("-mu --model-url", _STRING, _DENY, risk=f"{_DOWNLOAD} and write where -m points", instead=_LOCAL),
    Known("-dr --docker-repo", _STRING, _DENY, risk=_DOWNLOAD, instead=_LOCAL),
    Known(
        "-hf -hfr --hf-repo",
        _STRING,
        _DENY,
        risk=f"{_DOWNLOAD}, and a preset in the repository can set any other option",
        instead=_LOCAL,
    ),
    Known("-hff --hf-file", _STRING, _DENY, risk=_DOWNLOAD, instead=_LOCAL),
    Known("-hft --hf-token", _STRING, _DENY, risk="`ps` shows it to everyone", instead="use spec.secretEnv"),
    Known("--override-kv", _STRING, _DENY, risk="the memory sum was made from the unchanged file"),
    Known("--lora", _PATH, _FILE, many=_REPEAT, owner="spec.model.loras", suffixes=".gguf"),
    Known("--lora-scaled", _SCALED, _FILE, many=_REPEAT, owner="spec.model.loras", suffixes=".gguf"),
    Known("--lora-init-without-apply", _FLAG),
    Known("--lora-base", _PATH, _FILE, suffixes=".gguf", fork=True),
    Known("--control-vector", _PATH, _FILE, many=_REPEAT, suffixes=".gguf"),
    Known("--control-vector-scaled", _SCALED, _FILE, many=_REPEAT, suffixes=".gguf"),
    Known("--control-vector-layer-range", _INTEGER, arity=2, low=0),
    Known("-mm --mmproj", _PATH, _FILE, owner="spec.model.mmproj.path", suffixes=".gguf"),
    Known(
        "-mmu --mmproj-url", _STRING, _DENY, risk=_DOWNLOAD, instead="name the file in spec.model.mmproj.path"
    ),
    Known("--mmproj-auto", _FLAG, no="--no-mmproj --no-mmproj-auto", default_on=True),
    Known(
        "--mmproj-offload",
        _FLAG,
        no="--no-mmproj-offload",
        owner="spec.model.mmproj.offload",
        default_on=True,
    ),
    Known("-mmdev --mmproj-device", _STRING, _MANAGED, owner=_GPUS),
    Known("--image-min-tokens", _INTEGER),
    Known("--image-max-tokens", _INTEGER),
    Known("--mtmd-batch-max-tokens", _INTEGER),
    Known("--video-fps", _NUMBER),
    Known("--video-timestamp-interval", _INTEGER),
    Known(
        "--video-ffmpeg-dir", _STRING, _DENY, risk="programs of that directory would run on clients' videos"
    ),
    Known("--media-path", _PATH, _DENY, risk="clients could read every file below it"),
)

DRAFT = (
    Known(
        "--spec-draft-model -md --model-draft",
        _PATH,
        _FILE,
        owner=f"{_DRAFT_FIELD}.path",
        suffixes=".gguf",
    ),
    Known(
        "--spec-draft-ngl -ngld --gpu-layers-draft --n-gpu-layers-draft",
        _STRING,
        _MANAGED,
        owner=f"{_DRAFT_FIELD}.gpuLayers",
    ),
    Known("--spec-draft-n-max", _INTEGER, owner=f"{_DRAFT_FIELD}.max", low=0),
    Known("--spec-draft-n-min", _INTEGER, low=0),
    Known("--spec-draft-device -devd --device-draft", _STRING, _MANAGED, owner=_GPUS),
    Known(
        "--spec-draft-override-tensor -otd --override-tensor-draft",
        _STRING,
        _MANAGED,
        many=_COMMA,
        owner="spec.placement.overrideTensors",
    ),
    Known("--spec-draft-hf -hfd -hfrd --hf-repo-draft", _STRING, _DENY, risk=_DOWNLOAD, instead=_LOCAL),
    Known("--spec-draft-type-k -ctkd --cache-type-k-draft", _ENUM, choices=_KV_TYPES),
    Known("--spec-draft-type-v -ctvd --cache-type-v-draft", _ENUM, choices=_KV_TYPES),
    Known("--spec-draft-threads -td --threads-draft", _INTEGER),
    Known("--spec-draft-threads-batch -tbd --threads-batch-draft", _INTEGER),
    Known("--spec-draft-cpu-mask -Cd --cpu-mask-draft", _STRING),
    Known("--spec-draft-cpu-range -Crd --cpu-range-draft", _STRING),
    Known("--spec-draft-cpu-strict --cpu-strict-draft", _SWITCH, choices="0 1"),
    Known("--spec-draft-prio --prio-draft", _INTEGER, low=0, high=2, risk=_REALTIME),
    Known("--spec-draft-poll --poll-draft", _SWITCH, choices="0 1"),
    Known("--spec-draft-cpu-mask-batch -Cbd --cpu-mask-batch-draft", _STRING),
    Known("--spec-draft-cpu-strict-batch --cpu-strict-batch-draft", _SWITCH, choices="0 1"),
    Known("--spec-draft-prio-batch --prio-batch-draft", _INTEGER, low=0, high=2, risk=_REALTIME),
    Known("--spec-draft-poll-batch --poll-batch-draft", _SWITCH, choices="0 1"),
    Known("--spec-draft-cpu-moe -cmoed --cpu-moe-draft", _FLAG),
    Known("--spec-draft-n-cpu-moe --spec-draft-ncmoe -ncmoed --n-cpu-moe-draft", _INTEGER, low=0),
    Known("--spec-draft-p-split --draft-p-split", _NUMBER, low=0, high=1),
    Known("--spec-draft-p-min --draft-p-min", _NUMBER, low=0, high=1),
    Known(
        "--spec-draft-backend-sampling",
        _FLAG,
        no="--no-spec-draft-backend-sampling",
        default_on=True,
    ),
    Known("--spec-draft-sampling", _ENUM, choices="greedy probabilistic"),
    Known("--spec-type", _ENUM, many=_COMMA, risk="some types load a second context"),
    Known("--spec-default", _FLAG),
    Known("--spec-synth-len", _NUMBER, _DENY, risk="the answers would no longer be the model's"),
    Known("--spec-synth-rates", _STRING, _DENY, risk="the answers would no longer be the model's"),
    *(
        Known(f"--spec-ngram-{name}", _INTEGER, low=0)
        for name in (
            "mod-n-min",
            "mod-n-max",
            "mod-n-match",
            *(
                f"{family}-{size}"
                for family in ("simple", "map-k", "map-k4v")
                for size in ("size-n", "size-m", "min-hits")
            ),
        )
    ),
    Known("-lcs --lookup-cache-static", _PATH, _FILE),
    Known("-lcd --lookup-cache-dynamic", _PATH, _DENY, risk="writes clients' text to the file that it names"),
    # Removed from llama.cpp, which still lists them; forks still have some.
    Known("--draft --draft-n --draft-max", _INTEGER, low=0),
    Known("--draft-min --draft-n-min", _INTEGER, low=0),
    Known("--spec-ngram-size-n", _INTEGER, low=0),
    Known("--spec-ngram-size-m", _INTEGER, low=0),
    Known("--spec-ngram-min-hits", _INTEGER, low=0),
    Known("--ctx-size-draft -cd", _INTEGER, low=0, fork=True),
    Known("--draft-params -draft", _STRING, _DENY, risk="its value is a second command line", fork=True),
)

ROWS = (*CPU, *CONTEXT, *MEMORY, *PLACEMENT, *MODEL, *DRAFT)
