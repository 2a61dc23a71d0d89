from __future__ import annotations

import pytest

from reconciler.spec.explanations import every_field
from reconciler.spec.kinds import KINDS
from tests.cli.running import reconciler


def test_a_field_is_explained_whole() -> None:
    ran = reconciler("explain", "modeldeployment.SPEC.context.kvtype.k")

    assert 0 == ran.code
    assert ran.stdout.splitlines()[0] == "ModelDeployment.spec.context.kvType.k   text"
    for part in (
        "  default   f16",
        "  one of    f32, f16, bf16, q8_0",
        "  change    restarts the model, after its requests have drained",
        "  flag      --cache-type-k",
        "  example   k: q8_0",
    ):
        assert part in ran.stdout


def test_a_mapping_lists_its_fields() -> None:
    ran = reconciler("explain", "modeldeployment.spec.context")

    assert "    kvUnified       One cache that all slots share." in ran.stdout


def test_recursive_shows_everything_below_with_types() -> None:
    ran = reconciler("explain", "host", "--recursive")

    assert "\n    memory   mapping\n      reserve   mapping of names to quantity\n" in ran.stdout


def test_no_argument_lists_the_kinds() -> None:
    ran = reconciler("explain")

    assert 0 == ran.code
    assert all(f"  {kind} " in ran.stdout for kind in KINDS)


@pytest.mark.parametrize(
    "short", ["spec.context.size", "md.spec.context.size", "deployments.spec.context.size"]
)
def test_the_usual_kind_has_short_names(short: str) -> None:
    assert (
        reconciler("explain", short).stdout
        == reconciler("explain", "modeldeployment.spec.context.size").stdout
    )


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("modeldeploymnt", "no kind is named 'modeldeploymnt'\n  did you mean ModelDeployment?"),
        ("host.spec.lisen", "no field is named 'lisen' in Host.spec\n  did you mean listen?"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(word: str, message: str) -> None:
    ran = reconciler("explain", word)

    assert 64 == ran.code
    assert message in ran.stderr


@pytest.mark.parametrize("flag", ["-ngl", "--n-gpu-layers", "--n_gpu_layers", "--gpu-layers=30"])
def test_an_engine_flag_leads_to_its_field_by_any_of_its_names(flag: str) -> None:
    ran = reconciler("explain", "--", flag)

    assert 0 == ran.code
    assert "  field     spec.placement.gpuLayers\n" in ran.stdout
    assert "ModelDeployment.spec.placement.gpuLayers   number of layers, all or auto" in ran.stdout


def test_a_flag_without_a_field_is_written_in_args() -> None:
    ran = reconciler("explain", "--", "--rope-scaling")

    assert "  write     rope-scaling: none   in args of a ModelDeployment" in ran.stdout


def test_a_flag_that_nobody_may_set_says_why() -> None:
    ran = reconciler("explain", "--", "--tools")

    assert "  refused   in every manifest; no ArgPolicy lifts it\n" in ran.stdout
    assert "run programs on this machine" in ran.stdout


def test_a_flag_that_is_gone_names_its_replacement() -> None:
    assert "write load-mode: mlock" in reconciler("explain", "--", "--mlock").stdout


def test_a_misspelt_flag_is_answered_with_the_nearest() -> None:
    ran = reconciler("explain", "--", "--topk")

    assert 64 == ran.code
    assert "no engine option is named --topk\n  did you mean --top-k?" in ran.stderr


def test_every_flag_that_a_field_declares_can_be_explained() -> None:
    flags = sorted({one.flag for kind in KINDS for one in every_field(kind) if one.flag})
    ran = reconciler("explain", "--", *flags)

    assert flags
    assert 0 == ran.code


def test_every_field_can_be_explained() -> None:
    paths = [one.path for kind in KINDS for one in every_field(kind)]
    ran = reconciler("explain", *paths)

    assert 0 == ran.code
    assert all(f"{path}   " in ran.stdout for path in paths)


def test_a_field_as_json_has_stable_keys() -> None:
    found = reconciler("explain", "client.spec.priority", "-o", "json").json

    assert {
        "path": "Client.spec.priority",
        "type": "whole number",
        "doc": "Whose waiting request goes first; higher wins.",
        "required": False,
        "default": 50,
        "choices": [],
        "bounds": "0 to 100",
        "change": "route",
        "effect": "takes effect with the next request; the running process is not touched",
        "flag": "",
        "example": None,
        "fields": [],
    } == found


def test_a_flag_as_json_holds_its_field() -> None:
    found = reconciler("explain", "-o", "json", "--", "-c").json

    assert ["-c", "--ctx-size"] == found["names"]
    assert "ModelDeployment.spec.context.size" == found["field"]["path"]


def test_several_words_as_json_are_one_list() -> None:
    found = reconciler("explain", "-o", "json", "--", "-c", "client.spec.priority").json

    assert ["-c", None] == [one.get("flag") or None for one in found]


def test_a_flag_without_the_dashes_before_it_is_told_where_it_stands() -> None:
    ran = reconciler("explain", "-ngl")

    assert 64 == ran.code
    assert (
        "unknown option -ngl (engine flags stand after --, as in: reconciler explain -- -ngl)" in ran.stderr
    )


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (["modeldeployment.spec.schedules[0].days"], "ModelDeployment.spec.schedules.days"),
        (["context.size"], "ModelDeployment.spec.context.size"),
        (["keep_alive"], "ModelDeployment.spec.lifecycle.idleUnload"),
        (["OLLAMA_KEEP_ALIVE"], "ModelDeployment.spec.lifecycle.idleUnload"),
        (["num_ctx"], "ModelDeployment.spec.context.size"),
        (["Metadata.name"], "ModelDeployment.metadata.name"),
    ],
)
def test_a_word_from_a_message_or_another_tool_is_understood(words: list[str], path: str) -> None:
    ran = reconciler("explain", *words)

    assert 0 == ran.code
    assert path == ran.stdout.split("   ")[0]


@pytest.mark.parametrize(
    "words", [["ngl"], ["n_gpu_layers"], ["--", "-ngl", "99"], ["--", "--n-gpu-layers", "all"]]
)
def test_a_flag_may_come_bare_or_with_its_value(words: list[str]) -> None:
    assert reconciler("explain", *words).stdout == reconciler("explain", "--", "-ngl").stdout


def test_several_flags_of_a_command_line_are_explained_in_turn() -> None:
    ran = reconciler("explain", "-o", "json", "--", "-c", "4096", "--temp", "0.5", "host")

    assert ["ctx-size", "temp", None] == [one.get("name") for one in ran.json]
