from __future__ import annotations

from collections.abc import Mapping

import pytest

from reconciler.core.environments import Ours, child_environment, is_beyond_deployments

OURS = Ours(home="/private", api_key="key", marks={"RECONCILER_OWNER": "default"})


def child(parent: Mapping[str, str] | None = None, **layers: Mapping[str, str]) -> dict[str, str]:
    return child_environment(parent or {}, OURS, **layers)


def test_an_empty_parent_gives_a_complete_environment() -> None:
    assert child() == {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "HOME": "/private",
        "XDG_CONFIG_HOME": "/private",
        "XDG_CACHE_HOME": "/private",
        "XDG_DATA_HOME": "/private",
        "GGML_NO_BACKTRACE": "1",
        "LLAMA_API_KEY": "key",
        "RECONCILER_OWNER": "default",
    }


def test_only_the_listed_variables_of_the_parent_pass() -> None:
    parent = {
        "PATH": "/opt/bin",
        "LANG": "de_DE.UTF-8",
        "TZ": "Europe/Berlin",
        "SSH_AUTH_SOCK": "/x",
        "LS_COLORS": "x",
    }

    environment = child(parent)

    passed = {name for name, value in environment.items() if parent.get(name) == value}
    assert passed == {"PATH", "LANG", "TZ"}


@pytest.mark.parametrize(
    "name",
    [
        "LLAMA_ARG_TOOLS",
        "LLAMA_ARG_NO_UI",
        "GGML_BACKEND_PATH",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "LLAMA_SERVER_ROUTER_PORT",
        "AIP_MODE",
        "HF_TOKEN",
        "CUDA_VISIBLE_DEVICES",
        "PYTHONPATH",
        "RECONCILER_OWNER_OF_A_NESTED_CONTROLLER",
    ],
)
def test_bx_3_what_steers_an_engine_is_never_inherited(name: str) -> None:
    assert name not in child({name: "parent"})


def test_the_operator_may_set_what_no_deployment_may() -> None:
    written = {
        "GGML_BACKEND_PATH": "/opt/backend.so",
        "LD_LIBRARY_PATH": "/opt/lib",
        "CUDA_VISIBLE_DEVICES": "1",
    }

    assert written.items() <= child(operator=written).items()


@pytest.mark.parametrize("layer", ["deployment", "secrets"])
@pytest.mark.parametrize(
    "name",
    ["LLAMA_ARG_TOOLS", "GGML_BACKEND_PATH", "LD_PRELOAD", "PATH", "PYTHONPATH", "RECONCILER_X", "AIP_MODE"],
)
def test_bx_3_a_deployment_cannot_pass_the_policy_through_its_variables(layer: str, name: str) -> None:
    environment = child({}, **{layer: {name: "hijacked", "OMP_NUM_THREADS": "4"}})

    assert "hijacked" not in environment.values()
    assert environment["OMP_NUM_THREADS"] == "4"
    assert is_beyond_deployments(name)


@pytest.mark.parametrize("layer", ["operator", "deployment", "secrets"])
@pytest.mark.parametrize(
    "name", ["HOME", "XDG_CONFIG_HOME", "LLAMA_API_KEY", "GGML_NO_BACKTRACE", "RECONCILER_OWNER"]
)
def test_nobody_overrides_what_is_managed(layer: str, name: str) -> None:
    assert child({}, **{layer: {name: "other"}})[name] == child()[name]


def test_the_placement_beats_the_operator_in_choosing_devices() -> None:
    ours = Ours(home="/private", devices={"CUDA_VISIBLE_DEVICES": "GPU-1"})

    environment = child_environment({}, ours, operator={"CUDA_VISIBLE_DEVICES": "0"})

    assert environment["CUDA_VISIBLE_DEVICES"] == "GPU-1"


def test_a_deployment_overrides_the_operator_in_what_it_may_set() -> None:
    environment = child(operator={"OMP_NUM_THREADS": "8"}, deployment={"OMP_NUM_THREADS": "2"})

    assert environment["OMP_NUM_THREADS"] == "2"


def test_without_a_key_none_is_set() -> None:
    assert "LLAMA_API_KEY" not in child_environment({}, Ours(home="/private"))


def test_a_mark_without_our_prefix_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="begins with RECONCILER_"):
        child_environment({}, Ours(home="/private", marks={"OWNER": "default"}))


def test_the_key_is_not_in_the_text_of_the_request() -> None:
    assert "key'" not in repr(Ours(home="/private", api_key="secret-key"))
    assert "secret" not in repr(Ours(home="/private", api_key="secret-key"))
