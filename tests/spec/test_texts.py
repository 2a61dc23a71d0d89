"""Files as editors, tools and enemies leave them: read as meant, or refused at a place in words."""

from __future__ import annotations

import random
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from reconciler.spec.diagnostics import Diagnostic, as_json, with_excerpt
from reconciler.spec.trees import FileReading, join, read_file
from reconciler.spec.yaml_events import parse_events
from tests.budgets import examples

GOOD = sorted((Path(__file__).parent / "good").glob("*.yaml"))
BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))
HEAD = "apiVersion: models.reconciler/v1alpha1\nkind: ModelDeployment\nmetadata: {name: chat}\n"
#: Each line holds the one above twice.
LAUGHTER = "x0: &x0 [1,1]\n" + "".join(f"x{n}: &x{n} [*x{n - 1},*x{n - 1}]\n" for n in range(1, 40))
SMALL = HEAD + "spec: {model: {path: chat.gguf}}\n"


def read(raw: bytes | str) -> FileReading:
    return read_file("a.yaml", raw if isinstance(raw, bytes) else raw.encode())


def told(raw: bytes | str) -> list[str]:
    return [str(one).removeprefix("a.yaml:") for one in read(raw).diagnostics]


def with_spec(line: str) -> str:
    return f"{HEAD}spec:\n  model: {{path: chat.gguf}}\n  {line}\n"


EDITED = {
    "bom": b"\xef\xbb\xbf" + SMALL.encode(),
    "crlf": SMALL.replace("\n", "\r\n").encode(),
    "cr": SMALL.replace("\n", "\r").encode(),
    "end-marker": f"---\n{SMALL}...\n".encode(),
    "empty-documents": f"---\n---\n{SMALL}---\n# the end\n---\n".encode(),
    "version": f"%YAML 1.2\n---\n{SMALL}".encode(),
    "no-last-line-end": SMALL.removesuffix("\n").encode(),
    "trailing-tab": SMALL.replace("ModelDeployment\n", "ModelDeployment\t\n\t\n").encode(),
    "tab-before-comment": SMALL.replace("ModelDeployment\n", "ModelDeployment\t# a comment\n").encode(),
    "text-tag": SMALL.replace("ModelDeployment", "!!str ModelDeployment").encode(),
    "tab-in-brackets": SMALL.replace("{path:", "{\n\tpath:").encode(),
}


@pytest.mark.parametrize("raw", EDITED.values(), ids=EDITED)
def test_what_editors_do_to_a_file_does_not_matter(raw: bytes) -> None:
    reading = read(raw)

    assert [] == [str(one) for one in reading.diagnostics]
    assert ["chat"] == [one.manifest.metadata.name for one in reading.objects]


@pytest.mark.parametrize("raw", ["", "\n\n", "# nothing\n", "---\n---\n", "~\n"])
def test_a_file_that_holds_nothing_is_fine(raw: str) -> None:
    assert FileReading("a.yaml", (), ()) == read(raw)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("kind: H\nname: ö\xff".encode("latin-1"), "2:7: byte 0xf6 is not UTF-8 (save the file as UTF-8)"),
        (b"\xef\xbb\xbfa: 1\r\nb: \xff", "2:4: byte 0xff is not UTF-8 (save the file as UTF-8)"),
        (b"a: 1\rb: \xc3(", "2:4: byte 0xc3 is not UTF-8 (save the file as UTF-8)"),
        (SMALL.encode("utf-16"), "1:1: the file is UTF-16 or binary (save it as UTF-8)"),
        (SMALL.encode("utf-16-le"), "1:1: the file is UTF-16 or binary (save it as UTF-8)"),
        (SMALL.encode("utf-32"), "1:1: the file is UTF-16 or binary (save it as UTF-8)"),
        (
            "a: 1\nb: x\x00y",
            '2:5: a control character (U+0000) stands in the text (remove it, or write "\\u0000" in',
        ),
        (
            "a: \x1b[31m",
            '1:4: a control character (U+001B) stands in the text (remove it, or write "\\u001b" in',
        ),
        (
            "a: x\x7f",
            '1:5: a control character (U+007F) stands in the text (remove it, or write "\\u007f" in',
        ),
        ("a: x\u2028y", "1:5: a line separator (U+2028) stands in the text"),
        ("a: x\x85y", "1:5: a next-line character (U+0085) stands in the text"),
        (SMALL + "\ufeff---\n", "5:1: a byte order mark (U+FEFF) stands in the text"),
        ("%YAML 1.1\n---\n" + SMALL, "1:1: manifests are YAML 1.2, not 1.1 (remove the %YAML line)"),
        ("...\n", "1:1: a value is missing (write one, or remove what announces it)"),
        (
            "#\n%YAML 1.9999\n---\n" + SMALL,
            "2:1: not readable as YAML: version minor part can only be 2 or 1",
        ),
        ('x: "\\U00110000"', "1:1: not readable as YAML: "),
        ("%YAML 2.0\n---\n" + SMALL, "1:1: manifests are YAML 1.2 (remove the %YAML line)"),
    ],
)
def test_text_that_is_no_manifest_is_refused_at_its_place(raw: bytes | str, says: str) -> None:
    (found,) = told(raw)

    assert found.startswith(says)


def test_ten_megabytes_are_refused_before_anything_reads_them() -> None:
    raw = b"a: [" * (10 << 18)
    began = time.process_time()
    found = told(raw)

    assert ["1:1: the file has 10 MiB; a manifest file has at most 1 MiB (split it)"] == found
    assert time.process_time() - began < 0.1


BOMBS = {
    "brackets": ("[" * 100_000, "nested more than 48 levels deep"),
    "lines": ("[\n" * 100_000, "nested more than 48 levels deep"),
    "braces": ("{a: " * 100_000, "nested more than 48 levels deep"),
    "blocks": ("".join(f"{' ' * depth}a:\n" for depth in range(500)), "nested more than 48 levels deep"),
    "lists": ("- " * 100_000, "nested more than 48 levels deep"),
    "keys": ("? " * 100_000, "nested more than 48 levels deep"),
    "laughter": (LAUGHTER, "more than 50000 values once its anchors are expanded"),
    "long-list": ("[" + "1," * 60_000 + "1]", "more than 50000 values"),
    "long-number": ("x: " + "9" * 200_000, "a number of 200000 digits"),
    "long-hex": ("x: 0x" + "f" * 200_000, "a number of 200002 digits"),
    "long-exponent": ("x: 1e" + "9" * 200_000, "a number of 200002 digits"),
    "long-line": ('x: "' + "a" * 900_000 + '"\n' + "b:c: d: e", "a second ': '"),
    "long-key": ("9" * 500 + ": x", "is no text"),
}


@pytest.mark.parametrize(("raw", "says"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_does_nothing_but_a_message(raw: str, says: str) -> None:
    began = time.process_time()
    found = told(raw)

    assert any(says in one for one in found)
    assert all(len(one) < 400 for one in found)
    assert time.process_time() - began < 5


def test_a_list_of_the_greatest_length_is_read() -> None:
    (found,) = told("[" + "1," * 49_000 + "1]")

    assert "a manifest must be a mapping" in found


def test_long_numbers_in_quotes_get_messages_too() -> None:
    digits = "9" * 200_000
    fields = [
        "replicas: {}",
        "runtime: {}",
        "suspend: {}",
        "lifecycle: {{drain: {}}}",
        "placement: {{memory: {{vram: {}}}}}",
        "placement: {{gpus: [{}]}}",
        "placement: {{gpus: [gpu0], tensorSplit: [{}]}}",
    ]
    for line in fields:
        (found,) = told(with_spec(line.format(f'"{digits}"')))

        assert len(found) < 300


def test_columns_count_characters_and_the_caret_stands_below_wide_ones() -> None:
    (found,) = read(with_spec("args: {a: 日本語, é: e\u0301, b: *x}")).diagnostics
    line, excerpt, caret = with_excerpt(found).split("\n")

    assert (6, 28) == (found.line, found.column)
    assert "*x refers to no anchor" in line
    assert excerpt.index("*x") == found.column - 1 + len("  6 | ")
    assert _width(caret) - 1 == _width(excerpt[: excerpt.index("*x")])


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) == "W" else 1
        for char in text
    )


def test_the_excerpt_of_a_very_long_line_is_the_part_around_the_place() -> None:
    (found,) = read(with_spec(f"args: {{a: {'x' * 5000}, b: *nothing, c: {'y' * 5000}}}")).diagnostics
    _, excerpt, caret = with_excerpt(found).split("\n")

    assert len(excerpt) < 200
    assert excerpt[caret.index("^") :].startswith("*nothing")


def test_tabs_keep_their_width_before_the_caret() -> None:
    found = Diagnostic("a", 1, 3, "", "x", "", read(b"a: *x").diagnostics[0].severity, "\ta: b", 2)

    assert "  1 | \ta: b\n      \t ^" == with_excerpt(found).split("\n", 1)[1]


def test_a_message_is_one_line_whatever_the_keys_and_values_are() -> None:
    found = told(with_spec('args: {"-a\\nb": 1}\n  "x\\u001b[31m\\ny": 1\n  state: "run\\nning"'))

    assert len(found) == 3
    assert all(one.isprintable() for one in found)


def test_json_has_the_same_facts_as_the_line() -> None:
    (found,) = as_json(read(with_spec("state: paused")).diagnostics)

    assert {
        "file": "a.yaml",
        "line": 6,
        "column": 10,
        "path": "spec.state",
        "severity": "error",
        "message": "cannot be 'paused'",
        "hint": "one of running, onDemand, stopped",
    } == found


def test_a_document_that_breaks_off_keeps_the_ones_before_it() -> None:
    reading = read(f'{SMALL}---\n{SMALL.replace("chat", "two")}---\na: "')

    assert ["chat", "two"] == [one.manifest.metadata.name for one in reading.objects]
    assert reading.is_broken


def test_an_anchor_ends_with_its_document() -> None:
    (found,) = told(with_spec("args: &a {}") + "---\n" + with_spec("env: *a"))

    assert "13:8: *a refers to no anchor above it in this document" in found


def test_all_problems_of_a_document_are_told_at_once() -> None:
    found = told(
        f"{HEAD}spec:\n  model: {{}}\n  port: x\n  colour: red\n  state: stoped\n  state: stopped\n"
        "  lifecycle: {idleUnload: 5}\n  replicas: !!int 1\n"
    )

    assert ["5:3", "6:9", "7:3", "8:10", "9:3", "10:27", "11:13"] == [
        ":".join(one.split(":")[:2]) for one in found
    ]


def assert_sound(raw: bytes) -> None:
    """Nothing raised; every diagnostic is one printable line and lies inside the file."""
    reading = read(raw)
    lines = (
        raw.removeprefix(b"\xef\xbb\xbf")
        .decode(errors="replace")
        .replace("\r\n", "\n")
        .replace("\r", "\n")
        .split("\n")
    )
    for one in join([reading]).diagnostics:
        assert 1 <= one.line <= len(lines)
        assert 1 <= one.column <= len(lines[one.line - 1]) + 1
        assert "\n" not in str(one)
        assert len(str(one)) < 900
        with_excerpt(one)
    assert reading.diagnostics or reading.objects or not reading.is_broken


@examples(150)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_end_in_diagnostics(raw: bytes) -> None:
    assert_sound(raw)


PIECES = [
    *(
        "a",
        "spec",
        "kind",
        ": ",
        ":",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "&a ",
        "*a",
        "!x ",
        "!!int ",
        "|",
        ">-",
        "#",
    ),
    *(
        "\n",
        "\n  ",
        "\n    ",
        "\r\n",
        "\t",
        '"',
        "'",
        "\\",
        "? ",
        "%YAML 1.1",
        "---\n",
        "...\n",
        "0755",
        "on",
        "<<",
    ),
    *("~", "é", "日", "1e9", "@", "`", "=", "\\x", "\\U00110000", "%TAG ! x\n", "!<x>"),
]


@examples(400)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_arbitrary_yaml_ends_in_diagnostics(pieces: list[str]) -> None:
    assert_sound("".join(pieces).encode())


def mutated(text: str, seed: int) -> str:
    dice = random.Random(seed)
    lines = text.split("\n")
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(lines))
        line, column = lines[at], dice.randint(0, len(lines[at]))
        lines[at] = dice.choice(
            [
                line[:column] + dice.choice(PIECES) + line[column:],
                line[:column] + line[column + dice.randint(1, 5) :],
                "",
                line * 2,
                line[:column]
                + dice.choice(["null", "-1", "1.5", "true", "x", "[]", "{}", "9" * 30])
                + line[column + 3 :],
            ]
        )
    return "\n".join(lines)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_mutated_manifests_end_in_diagnostics(path: Path) -> None:
    text = path.read_text()
    for seed in range(60):
        assert_sound(mutated(text, seed).encode())


@pytest.mark.parametrize("path", [*GOOD, *BAD[::3]], ids=lambda path: path.stem)
def test_the_quick_scanner_sees_what_the_original_sees(path: Path) -> None:
    """Only tabs at the ends of lines are read more kindly."""
    for seed in range(8):
        text = mutated(path.read_text(), seed) if seed else path.read_text()
        if not {"\t", "\r"} & set(text):
            assert events_of(YAML(typ="safe", pure=True).parse(text)) == events_of(parse_events(text))


def events_of(events: object) -> list[str]:
    found = []
    try:
        for event in events:  # type: ignore[attr-defined]
            place = f"{event.start_mark.line}:{event.start_mark.column}"
            found.append(f"{type(event).__name__} {place} {getattr(event, 'value', '')!r}")
    except Exception:  # noqa: BLE001 - each side has its own error; where it comes is what counts
        found.append("broken")
    return found
