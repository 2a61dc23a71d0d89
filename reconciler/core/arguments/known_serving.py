"""Options that decide how a server answers, whom it answers and what it writes down."""

from __future__ import annotations

from reconciler.core.arguments.known import Known
from reconciler.core.arguments.options import Kind, Many, Tier

_FLAG, _SWITCH, _INTEGER, _NUMBER = Kind.FLAG, Kind.SWITCH, Kind.INTEGER, Kind.NUMBER
_ENUM, _STRING, _PATH = Kind.ENUM, Kind.STRING, Kind.PATH
_FILE, _MANAGED, _DENY = Tier.PATH, Tier.MANAGED, Tier.DENY
_REPEAT = Many.REPEAT

_EXITS = "the engine prints something and exits instead of serving"
_RUNS = "clients could run programs on this machine"
_FETCHES = "the engine would download from the network"
_ROUTER = "it belongs to the engine's router mode, which ignores budgets and this policy"
_LOCAL = "put the file under Host.spec.paths.models and name it in spec.model.path"
_OUR_LOG = "reconciler writes and rotates the log: `reconciler logs NAME`"
_GATEWAY = "the gateway answers browsers; the engine listens on loopback for it alone"
_OUR_PROBE = "reconciler's probes rely on it"
_SUFFIXES_TEMPLATE = ".jinja .jinja2 .j2 .tmpl .txt"

LOGS = (
    Known("--log-disable", _FLAG, _MANAGED, instead=_OUR_LOG),
    Known("--log-file", _PATH, _DENY, risk="it empties the file that it names", instead=_OUR_LOG),
    Known("--log-prompts-dir", _PATH, _DENY, risk="it writes clients' prompts to disk"),
    Known("--log-jsonl", _FLAG, _MANAGED, no="--no-log-jsonl", instead=_OUR_LOG),
    Known("--log-colors", _SWITCH, _MANAGED, choices="on off auto", instead=_OUR_LOG),
    Known("--log-prefix", _FLAG, _MANAGED, no="--no-log-prefix", instead=_OUR_LOG),
    Known("--log-timestamps", _FLAG, _MANAGED, no="--no-log-timestamps", instead=_OUR_LOG),
    Known("-v --verbose --log-verbose", _FLAG, _MANAGED, instead=f"{_OUR_LOG}; this level logs prompts"),
    Known("-lv --verbosity --log-verbosity", _INTEGER, _MANAGED, emit="-lv", instead=_OUR_LOG),
    Known("--perf", _FLAG, no="--no-perf"),
)

CHAT = (
    Known("-e --escape", _FLAG, no="--no-escape", default_on=True),
    Known("-r --reverse-prompt", _STRING, many=_REPEAT),
    Known("-sp --special", _FLAG),
    Known("--spm-infill", _FLAG),
    Known("--jinja", _FLAG, no="--no-jinja", default_on=True),
    Known("--chat-template", _STRING, risk="a hostile template can burn CPU"),
    Known("--chat-template-file", _PATH, _FILE, suffixes=_SUFFIXES_TEMPLATE),
    Known("--chat-template-kwargs", _STRING),
    Known("--skip-chat-parsing", _FLAG, no="--no-skip-chat-parsing"),
    Known("--prefill-assistant", _FLAG, no="--no-prefill-assistant", default_on=True),
    Known("--reasoning-format", _ENUM, choices="none auto deepseek deepseek-legacy"),
    Known("-rea --reasoning", _SWITCH, choices="on off auto"),
    Known("--reasoning-effort", _STRING),
    Known("--reasoning-budget", _INTEGER, low=-1),
    Known("--reasoning-budget-message", _STRING),
    Known("--reasoning-preserve", _FLAG, no="--no-reasoning-preserve", default_on=True),
    Known("--pooling", _ENUM, choices="none mean cls last rank"),
    Known("--embd-normalize", _INTEGER),
    Known("--embedding --embeddings", _FLAG),
    Known("--rerank --reranking", _FLAG),
    Known("--grammar", _STRING),
    Known("--grammar-file", _PATH, _FILE, suffixes=".gbnf .grammar .txt"),
    Known("-j --json-schema", _STRING, emit="-j"),
    Known("-jf --json-schema-file", _PATH, _FILE, suffixes=".json"),
    Known("-bs --backend-sampling", _FLAG),
)

SAMPLING = (
    Known("--samplers", _STRING, sampling=True),
    Known("-s --seed", _INTEGER, emit="-s", sampling=True, low=-1, high=2**32 - 1),
    Known("--sampler-seq --sampling-seq", _STRING, sampling=True),
    Known("--ignore-eos", _FLAG, sampling=True),
    Known("--temp --temperature", _NUMBER, sampling=True),
    Known("--top-k", _INTEGER, sampling=True),
    Known("--top-p", _NUMBER, sampling=True),
    Known("--min-p", _NUMBER, sampling=True),
    Known("--top-nsigma --top-n-sigma", _NUMBER, sampling=True),
    Known("--xtc-probability", _NUMBER, sampling=True),
    Known("--xtc-threshold", _NUMBER, sampling=True),
    Known("--typical --typical-p", _NUMBER, sampling=True),
    Known("--repeat-last-n", _INTEGER, sampling=True),
    Known("--repeat-penalty", _NUMBER, sampling=True),
    Known("--presence-penalty", _NUMBER, sampling=True),
    Known("--frequency-penalty", _NUMBER, sampling=True),
    Known("--dry-multiplier", _NUMBER, sampling=True),
    Known("--dry-base", _NUMBER, sampling=True),
    Known("--dry-allowed-length", _INTEGER, sampling=True),
    Known("--dry-penalty-last-n", _INTEGER, sampling=True),
    Known("--dry-sequence-breaker", _STRING, many=_REPEAT, sampling=True),
    Known("--adaptive-target", _NUMBER, sampling=True),
    Known("--adaptive-decay", _NUMBER, sampling=True),
    Known("--dynatemp-range", _NUMBER, sampling=True),
    Known("--dynatemp-exp", _NUMBER, sampling=True),
    Known("--mirostat", _INTEGER, sampling=True, low=0, high=2),
    Known("--mirostat-lr", _NUMBER, sampling=True),
    Known("--mirostat-ent", _NUMBER, sampling=True),
    Known("-l --logit-bias", _STRING, many=_REPEAT, sampling=True),
)

SERVER = (
    Known("--host", _STRING, _MANAGED, owner="Host.spec.listen"),
    Known("--port", _INTEGER, _MANAGED, owner="spec.port"),
    Known("--reuse-port", _FLAG, _DENY, risk="another process could take over the port"),
    Known("--path", _PATH, _DENY, risk="it publishes a directory over HTTP"),
    Known("-a --alias", _STRING, _MANAGED, owner="spec.aliases"),
    Known("--tags", _STRING),
    Known("--api-key", _STRING, _MANAGED, owner="Host.spec.auth"),
    Known("--api-key-file", _PATH, _MANAGED, owner="Host.spec.auth"),
    Known("--api-prefix", _STRING, _MANAGED, instead=_OUR_PROBE),
    Known("--ssl-key-file", _PATH, _MANAGED, owner="Host.spec.tls.keyFile"),
    Known("--ssl-cert-file", _PATH, _MANAGED, owner="Host.spec.tls.certFile"),
    Known("--cors-origins", _STRING, _MANAGED, instead=_GATEWAY),
    Known("--cors-methods", _STRING, _MANAGED, instead=_GATEWAY),
    Known("--cors-headers", _STRING, _MANAGED, instead=_GATEWAY),
    Known(
        "--cors-credentials", _FLAG, _MANAGED, no="--no-cors-credentials", default_on=True, instead=_GATEWAY
    ),
    Known("-to --timeout", _INTEGER, low=1),
    Known("--sse-ping-interval", _INTEGER),
    Known("--threads-http", _INTEGER),
    Known("--metrics", _FLAG, _MANAGED, instead=_OUR_PROBE),
    Known("--props", _FLAG, _MANAGED, instead=_OUR_PROBE),
    Known("--slots", _FLAG, _MANAGED, no="--no-slots", default_on=True, instead=_OUR_PROBE),
    Known("--slot-save-path", _PATH, _MANAGED, instead="reconciler decides where state is kept"),
    Known("--sleep-idle-seconds", _INTEGER, _MANAGED, owner="spec.lifecycle.idleUnload"),
    Known("--offline", _FLAG, _MANAGED, instead="every engine is started offline"),
    Known("--ui --webui", _FLAG, _MANAGED, no="--no-ui --no-webui", default_on=True, instead=_GATEWAY),
    Known("--ui-config --webui-config", _STRING, _MANAGED, instead=_GATEWAY),
    Known("--ui-config-file --webui-config-file", _PATH, _DENY, risk="it publishes the file that it names"),
    Known(
        "--ui-mcp-proxy --webui-mcp-proxy",
        _FLAG,
        _DENY,
        no="--no-ui-mcp-proxy --no-webui-mcp-proxy",
        risk="it opens a proxy into this machine's network",
    ),
    Known("--tools", _STRING, _DENY, risk=_RUNS),
    Known("--tools-runtime", _STRING, _DENY, risk=_RUNS),
    Known("--mcp-servers-config", _STRING, _DENY, risk=_RUNS),
    Known("--mcp-servers-json", _STRING, _DENY, risk=_RUNS),
    Known("-ag --agent", _FLAG, _DENY, no="-no-ag --no-agent", risk=_RUNS),
    Known(
        "--rpc", _STRING, _DENY, risk="it sends weights and prompts to other hosts, without authentication"
    ),
    Known("--models-dir", _PATH, _DENY, risk=_ROUTER),
    Known("--models-preset", _PATH, _DENY, risk=f"{_ROUTER}; a preset can set any other option"),
    Known("--models-max", _INTEGER, _DENY, risk=_ROUTER),
    Known("--models-autoload", _FLAG, _DENY, no="--no-models-autoload", default_on=True, risk=_ROUTER),
)

EXITING = (
    Known("-h --help --usage", _FLAG, _DENY, risk=_EXITS),
    Known("--version", _FLAG, _DENY, risk=_EXITS),
    Known("-cl --cache-list", _FLAG, _DENY, risk=_EXITS),
    Known("--completion-bash", _FLAG, _DENY, risk=_EXITS),
    Known("--list-devices", _FLAG, _DENY, risk=_EXITS, instead="use `reconciler get gpus`"),
)

PRESETS = tuple(
    Known(f"--{name}", _FLAG, _DENY, risk=_FETCHES, instead=_LOCAL)
    for name in (
        "embd-gemma-default",
        "fim-qwen-1.5b-default",
        "fim-qwen-3b-default",
        "fim-qwen-7b-default",
        "fim-qwen-7b-spec",
        "fim-qwen-14b-spec",
        "fim-qwen-30b-default",
        "gpt-oss-20b-default",
        "gpt-oss-120b-default",
        "vision-gemma-4b-default",
        "vision-gemma-12b-default",
    )
)

ROWS = (*LOGS, *CHAT, *SAMPLING, *SERVER, *EXITING, *PRESETS)
