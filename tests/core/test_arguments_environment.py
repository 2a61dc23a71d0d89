"""The environment is a second command line: which variables deployments and Runtimes may set."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.arguments import (
    Checked,
    OptionTable,
    PolicyRules,
    Written,
    assumed_table,
    check,
    option_table,
)

BUILD = option_table((Path(__file__).parents[1] / "fakes" / "data" / "help_b11434.txt").read_text())
TABLES = pytest.mark.parametrize("options", [BUILD, assumed_table()], ids=["probed", "assumed"])

LISTED = [
    *(
        "GGML_BACKEND_PATH",
        "LLAMA_CACHE",
        "HF_TOKEN",
        "HF_ENDPOINT",
        "MODEL_ENDPOINT",
        "LLAMA_SERVER_ROUTER_PORT",
    ),
    *("LLAMA_SERVER_CHILD_MODE", "LLAMA_APP_CMD", "AIP_MODE", "AIP_HTTP_PORT", "AIP_HEALTH_ROUTE"),
    *("AIP_PREDICT_ROUTE", "LLAMA_MEDIA_MARKER", "LLAMA_TRACE", "LLAMA_SERVER_SLOTS_DEBUG"),
    *("LLAMA_ATTN_ROT_DISABLE", "LLAMA_GRAPH_REUSE_DISABLE", "GGML_CUDA_ENABLE_UNIFIED_MEMORY"),
    *("GGML_CUDA_DEVICES", "CUDA_VISIBLE_DEVICES", "XDG_CONFIG_HOME", "HOME", "LLAMA_API_KEY"),
    *("LLAMA_ARG_TOOLS", "LLAMA_ARG_NO_SUCH_OPTION", "MTMD_BACKEND_DEVICE"),
]
LOADERS = [
    *(
        "LD_PRELOAD",
        "LD_AUDIT",
        "LD_LIBRARY_PATH",
        "ld_preload",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "BASH_ENV",
        "ENV",
    ),
    *(
        "BASH_FUNC_ls",
        "OPENSSL_CONF",
        "OMP_TOOL_LIBRARIES",
        "VK_ICD_FILENAMES",
        "VK_LAYER_PATH",
        "OCL_ICD_VENDORS",
    ),
    *("CUDA_INJECTION64_PATH", "NVTX_INJECTION64_PATH", "NCCL_NET_PLUGIN", "FLEXIBLAS", "GLIBC_TUNABLES"),
    *("GCONV_PATH", "PATH", "TMPDIR", "http_proxy", "ALL_PROXY", "SSL_CERT_FILE", "SSLKEYLOGFILE"),
    *(
        "HIP_VISIBLE_DEVICES",
        "ROCR_VISIBLE_DEVICES",
        "GGML_VK_VISIBLE_DEVICES",
        "CUDA_DEVICE_ORDER",
        "FAKE_GPU",
    ),
    *("RECONCILER_OWNER", "OPENAI_API_KEY", "hfToken", "DB_PASSWORD", "1BAD", "A=B", "A B", ""),
]


def judge(env: dict[str, object], *, operator: bool = False, options: OptionTable = BUILD) -> Checked:
    rules = PolicyRules(passthrough=("*",))
    return check(Written(env=env, operator=operator), rules=rules, options=options)


@TABLES
@pytest.mark.parametrize("name", [*LISTED, *LOADERS])
def test_a_deployment_cannot_set_what_loads_code_moves_files_or_steers_the_engine(
    name: str, options: OptionTable
) -> None:
    checked = judge({name: "1"}, options=options)

    assert [("spec", "env", name)] == [problem.path for problem in checked.problems]
    assert {} == checked.env


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OMP_NUM_THREADS", "4"),
        ("GGML_CUDA_FORCE_MMQ", "1"),
        ("CUDA_LAUNCH_BLOCKING", "1"),
        ("LANG", "C.UTF-8"),
        ("TZ", "Europe/Berlin"),
        ("KMP_AFFINITY", "granularity=fine"),
        ("GOMP_CPU_AFFINITY", "0-3"),
        ("HSA_OVERRIDE_GFX_VERSION", "10.3.0"),
        ("TZ", "America/Argentina/Ushuaia"),
    ],
)
def test_a_deployment_may_set_plain_tuning_variables(name: str, value: str) -> None:
    checked = judge({name: value})

    assert () == checked.problems
    assert {name: value} == checked.env


@pytest.mark.parametrize("value", [1, True, 0.5, None, "a\0b", "/tmp/evil.so", "http://x"])
def test_values_are_text_and_no_paths(value: object) -> None:
    assert not judge({"OMP_NUM_THREADS": value}).ok


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("LLAMA_ARG_CTX_SIZE", "use spec.args.ctx-size"),
        ("LLAMA_ARG_PORT", "use spec.port"),
        ("LLAMA_ARG_NO_JINJA", "use spec.args.jinja"),
        ("LLAMA_ARG_TOOLS", "no policy allows --tools"),
        ("HF_TOKEN", "spec.secretEnv"),
        ("LLAMA_API_KEY", "Host.spec.auth"),
        ("CUDA_VISIBLE_DEVICES", "spec.placement.gpus"),
        ("GGML_BACKEND_PATH", "Runtime.spec.env"),
    ],
)
def test_a_refusal_names_the_place_to_use(name: str, says: str) -> None:
    problem = judge({name: "1"}).problems[0]

    assert says in f"{problem.message} ({problem.hint})"


def test_an_operator_may_load_a_backend_choose_devices_and_imagine_gpus() -> None:
    env = {
        "CUDA_VISIBLE_DEVICES": "GPU-1",
        "FAKE_GPU": "24576,12288",
        "GGML_BACKEND_PATH": "/opt/libfakegpu.so",
        "LD_LIBRARY_PATH": "/opt/lib",
    }

    checked = judge({**env}, operator=True)

    assert () == checked.problems
    assert env == checked.env
    assert [("GGML_BACKEND_PATH", "/opt/libfakegpu.so", (".so",))] == [
        (use.option, use.text, use.suffixes) for use in checked.paths
    ]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "LD_PRELOAD",
            "LD_AUDIT",
            "LLAMA_ARG_TOOLS",
            "LLAMA_ARG_THREADS",
            "HF_TOKEN",
            "HOME",
            "XDG_CONFIG_HOME",
        ),
        *(
            "LLAMA_SERVER_ROUTER_PORT",
            "AIP_MODE",
            "PYTHONPATH",
            "BASH_ENV",
            "RECONCILER_OWNER",
            "LLAMA_API_KEY",
        ),
    ],
)
@TABLES
def test_not_even_an_operator_sets_the_second_command_line_or_injects_code(
    name: str, options: OptionTable
) -> None:
    assert not judge({name: "x"}, operator=True, options=options).ok


@pytest.mark.parametrize(
    ("name", "ok"),
    [
        ("HF_TOKEN", True),
        ("MY_SECRET", True),
        ("LD_PRELOAD", False),
        ("LLAMA_ARG_TOOLS", False),
        ("GGML_BACKEND_PATH", False),
        ("LLAMA_API_KEY", False),
        ("PYTHONPATH", False),
    ],
)
def test_s0_11_secret_variables_go_through_the_same_list(name: str, ok: bool) -> None:
    checked = check(Written(secret_env=(name,)), rules=PolicyRules(), options=BUILD)

    assert ok == checked.ok


@pytest.mark.parametrize(
    "name",
    [
        *("GGML_SYCL_DEVICE", "GGML_OPENCL_DEVICE", "GGML_OPENCL_PLATFORM", "GGML_OPENVINO_DEVICE"),
        *("GGML_HEXAGON_NDEV", "SYCL_DEVICE_FILTER", "SYCL_DEVICE_ALLOWLIST", "sycl_device_filter"),
        *("ROCBLAS_TENSILE_LIBPATH", "LOCPATH", "NLSPATH", "ZDOTDIR", "GCOV_PREFIX", "ASAN_OPTIONS"),
        *("AMD_LOGFILE", "CUBLAS_LOGDEST_DBG", "HOSTALIASES", "RES_OPTIONS", "LOCALDOMAIN"),
    ],
)
def test_a_deployment_cannot_pick_devices_or_files_by_less_known_names(name: str) -> None:
    assert not judge({name: "1"}).ok


@pytest.mark.parametrize("value", ["/dev/zero", ":/etc/shadow", "../../../../tmp/fifo", ":a/../../b"])
def test_a_time_zone_is_no_path(value: str) -> None:
    assert not judge({"TZ": value}).ok
