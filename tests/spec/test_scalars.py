"""Quantities, durations, names and devices: what is read, what is written back, what is refused."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from reconciler.spec import scalars, times
from reconciler.spec.hosts import Listener, Network, Percent, PortRange
from reconciler.spec.placements import Context
from reconciler.spec.scalars import MIB, format_quantity, parse_gpu, parse_layers, parse_quantity
from reconciler.spec.shapes import nearest
from reconciler.spec.times import format_duration, parse_duration
from tests.budgets import examples

quick = examples(80)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(tuple), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
TYPES = {
    name: TypeAdapter[Any](kind)
    for module in (scalars, times)
    for name, kind in vars(module).items()
    if name[0].isupper() and hasattr(kind, "__metadata__")
} | {
    "Listener": TypeAdapter(Listener),
    "Network": TypeAdapter(Network),
    "Percent": TypeAdapter(Percent),
    "PortRange": TypeAdapter(PortRange),
}


@pytest.mark.parametrize(
    ("text", "size"),
    [("7Gi", 7 << 30), ("1536Mi", 1536 << 20), ("1.5Gi", 1536 << 20), ("1Ti", 1 << 40), ("8G", 8 * 10**9),
     ("1048576", MIB), (1048576, MIB), ("2048Ki", 2 << 20), ("0.5Gi", 512 << 20)],
)  # fmt: skip
def test_quantities_are_those_of_kubernetes(text: object, size: int) -> None:
    assert size == parse_quantity(text)


@quick
@given(st.integers(MIB, 10**15))
def test_a_quantity_reads_back_as_it_is_written(size: int) -> None:
    assert size == parse_quantity(format_quantity(size))


@quick
@given(st.integers(0, 10**12))
def test_a_duration_reads_back_as_it_is_written(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)

    assert duration == parse_duration(format_duration(duration))


def test_durations_add_up() -> None:
    assert timedelta(hours=2, minutes=30) == parse_duration("2h30m")
    assert timedelta(days=30) == parse_duration("30d")
    assert timedelta(milliseconds=1500) == parse_duration("1s500ms")
    assert timedelta(minutes=90) == parse_duration("90m")
    assert format_duration(timedelta(seconds=9000)) == "2h30m"


@pytest.mark.parametrize(
    ("text", "hint"),
    [("7gb", "write 7Gi"), ("512mb", "write 512Mi"), ("100k", "did you mean 100Mi?"), ("0", "remove the key"),
     ("1,5Gi", "such as 7Gi or 1536Mi"), ("12 GiB", "write 12Gi"), ("١Gi", "such as 7Gi or 1536Mi")],
)  # fmt: skip
def test_a_quantity_of_another_tool_gets_its_spelling(text: str, hint: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        parse_quantity(text)

    assert hint in str((refused.value.context or {})["hint"])


@pytest.mark.parametrize(
    ("text", "hint"),
    [("15min", "write 15m"), ("1 week", "write 7d"), ("PT5M", "write 5m"), ("0.5h", "write 30m"),
     ("90 S", "write 1m30s"),
     ("-5m", "such as 90s"), ("", "such as 90s"), ("5", "write 5s or 5m")],
)  # fmt: skip
def test_a_duration_of_another_tool_gets_its_spelling(text: str, hint: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        parse_duration(text)

    assert hint in str((refused.value.context or {})["hint"])


@pytest.mark.parametrize(
    ("text", "meant"),
    [("a..b", "a.b"), ("x-.y", "x.y"), ("Qwen3-30B", "qwen3-30b"), ("llama3.1:8b", "llama3.1-8b"),
     ("my_model", "my-model")],
)  # fmt: skip
def test_a_name_is_one_of_kubernetes(text: str, meant: str) -> None:
    assert f"did you mean {meant}?" in refusal("Name", text)
    assert meant == TYPES["Name"].validate_python(meant)


def test_the_key_of_a_label_has_one_prefix_at_most() -> None:
    assert "team.example/tier" == TYPES["LabelKey"].validate_python("team.example/tier")
    for wrong in ("a//b", "a/b/c", "/a", "a/", "team name"):
        assert "and one /" in refusal("LabelKey", wrong)


def test_a_label_may_have_no_value() -> None:
    assert ["", "chat"] == [TYPES["LabelValue"].validate_python(value) for value in ("", "chat")]


def test_the_prompt_cache_alone_may_have_no_size() -> None:
    sizes = [Context.model_validate({"promptCache": size}).prompt_cache for size in (0, "0", "64Mi")]

    assert [0, 0, 64 * MIB] == sizes
    for wrong in (True, 0.0, "0.5Mi", -1):
        with pytest.raises(ValidationError, match=r"quantity|less than 1Mi"):
            Context.model_validate({"promptCache": wrong})


def refusal(kind: str, value: object) -> str:
    with pytest.raises(ValidationError) as refused:
        TYPES[kind].validate_python(value)
    context = refused.value.errors()[0]["ctx"]
    return f"{context['message']} ({context['hint']})"


@pytest.mark.parametrize(
    "zone", ["UTC", "Etc/UTC", "Europe/Berlin", "Asia/Kolkata", "America/Argentina/Buenos_Aires"]
)
def test_a_time_zone_is_a_place_or_utc(zone: str) -> None:
    assert zone == TYPES["TimeZone"].validate_python(zone)


@pytest.mark.parametrize(
    ("text", "says"),
    [("CET", "'CET' is no IANA time zone but an abbreviation of some (such as Europe/Berlin"),
     ("EST5EDT", "an abbreviation"), ("GMT", "write UTC"), ("utc", "write UTC"),
     ("europe/berlin", "write Europe/Berlin"), ("Berlin", "write Europe/Berlin"),
     ("new york", "write America/New_York"), ("right/Europe/Berlin", "write Europe/Berlin"),
     ("+02:00", "'+02:00' is no IANA time zone (such as"), ("../etc/passwd", "is no IANA time zone")],
)  # fmt: skip
def test_another_name_of_a_time_zone_gets_its_spelling(text: str, says: str) -> None:
    assert says in refusal("TimeZone", text)


@pytest.mark.parametrize(("word", "meant"), [("@daily", "0 0 * * *"), ("@Hourly", "0 * * * *")])
def test_a_word_of_cron_gets_its_five_fields(word: str, meant: str) -> None:
    assert f'write "{meant}"' in refusal("CronText", word)


def test_a_gpu_has_one_spelling() -> None:
    assert ["gpu0", "gpu1", "gpu7", "gpu3", "big", "GPU-1a", "0000:65:00.0"] == [
        parse_gpu(one) for one in (0, "1", "GPU7", "gpu03", "big", "GPU-1a", "0000:65:00.0")
    ]


def test_layers_are_a_number_or_a_word() -> None:
    assert [0, 30, "all", "auto"] == [parse_layers(one) for one in (0, 30, "all", "auto")]
    for wrong in (True, "30", 1.0, -1, "most", None, ()):
        with pytest.raises(PydanticCustomError):
            parse_layers(wrong)


@pytest.mark.parametrize("name", TYPES)
@quick
@given(value=anything)
def test_any_value_is_read_or_refused_in_one_short_line(name: str, value: object) -> None:
    try:
        TYPES[name].validate_python(value)
    except ValueError as error:
        for one in error.errors():  # type: ignore[attr-defined]
            assert one["type"] == "scalar"
            assert len(one["ctx"]["message"]) < 200


@pytest.mark.parametrize("name", [name for name in TYPES if name != "JsonData"])
@quick
@given(data=st.data())
def test_what_the_schema_underlines_is_refused_and_what_it_takes_mostly_read(
    name: str, data: st.DataObject
) -> None:
    """A pattern that an editor follows must never be narrower than the parser."""
    schema: dict[str, Any] = TYPES[name].json_schema()
    text = data.draw(st.text(alphabet="0123456789.:-%KMGTPikmhdswallnevrutogp/", max_size=8))
    try:
        TYPES[name].validate_python(text)
    except ValueError:
        return

    assert "string" in schema["type"]
    assert re.search(schema.get("pattern", ""), text)
    assert schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", 1 << 20)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("idle_unload", "idleUnload"),
        ("IDLEUNLOAD", "idleUnload"),
        ("idelUnload", "idleUnload"),
        ("colour", ""),
        ("x" * 10**6, ""),
    ],
)
def test_the_nearest_word_is_found_or_none(word: str, meant: str) -> None:
    assert meant == nearest(word, ["idleUnload", "priority", "pinned"])
