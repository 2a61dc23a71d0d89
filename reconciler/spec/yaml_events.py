"""YAML events of a text, and the parser's complaints in words that say what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.parser import Parser
from ruamel.yaml.scanner import Scanner
from ruamel.yaml.tokens import ScalarToken

from reconciler.spec.nodes import Mark
from reconciler.spec.texts import TextUnreadable

#: A word that ends at once: a key, or an item in brackets. It needs no look at the next line.
_KEY = re.compile(r"[A-Za-z0-9_./-]+(?=:[ \n])", re.ASCII)
_ITEM = re.compile(r"[A-Za-z0-9_./-]+(?=[,\]}]|: )", re.ASCII)


#: What may stand between two tokens: blank lines, comments, and then spaces; in brackets tabs too.
_GAP = re.compile(r"(?:[ \t]*(?:#[^\n\0]*)?\n)*(?:[ \t]*(?:#[^\n\0]*)?(?=\0)| *)")
_GAP_IN_BRACKETS = re.compile(r"(?:[ \t]*(?:#[^\n\0]*)?\n)*(?:[ \t]*(?:#[^\n\0]*)?(?=\0)|[ \t]*)")


class _Scanner(Scanner):
    """The parser asks for the next token seven times before it takes it, and looks at each character four times.
    With one look at what is simple, reading takes half the time.
    """

    _settled = False

    def check_token(self, *choices: Any) -> bool:
        if not self._settled:
            self._settle()
        return bool(self.tokens) and (not choices or isinstance(self.tokens[0], choices))

    def peek_token(self) -> Any:
        if not self._settled:
            self._settle()
        return self.tokens[0] if self.tokens else None

    def get_token(self) -> Any:
        if not self._settled:
            self._settle()
        self._settled = False
        self.tokens_taken += 1
        return self.tokens.pop(0) if self.tokens else None

    def _settle(self) -> None:
        while self.need_more_tokens():
            self.fetch_more_tokens()
        self._settled = True

    def scan_to_next_token(self) -> None:
        """As the original, but a tab at the end of a line is as invisible to it as it is to people."""
        reader = self.reader
        gap = _GAP_IN_BRACKETS if self.flow_context else _GAP
        found = gap.match(reader.buffer, reader.pointer)
        if found is None or not found[0]:
            return
        self._advance(len(found[0]))
        if lines := found[0].count("\n"):
            reader.line += lines
            reader.column = len(found[0]) - found[0].rindex("\n") - 1
            self.allow_simple_key = self.allow_simple_key or not self.flow_context

    def _advance(self, length: int) -> None:
        reader = self.reader
        reader.pointer += length
        reader.index += length
        reader.column += length

    def scan_plain(self) -> Any:
        reader = self.reader
        word = (_ITEM if self.flow_context else _KEY).match(reader.buffer, reader.pointer)
        if word is None:
            return super().scan_plain()
        start = reader.get_mark()
        self._advance(len(word[0]))
        self.allow_simple_key = False
        return ScalarToken(word[0], True, start, reader.get_mark())


class _Parser(Parser):
    """Knows its scanner without asking its surroundings each time."""

    scanner = None

    def reset_parser(self) -> None:
        super().reset_parser()
        self.scanner = self.loader.scanner


def parse_events(text: str) -> Iterator[Any]:
    """All events; a text that is no YAML ends in TextUnreadable."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner, yaml.Parser = _Scanner, _Parser
    try:
        yield from yaml.parse(text)
    except MarkedYAMLError as error:
        raise TextUnreadable(*_complaint(error, text.split("\n"))) from None
    except (YAMLError, ValueError, OverflowError, AssertionError) as error:
        # A version of 5,000 digits, a character that does not exist: rare, and told without a place.
        before = text.partition("\n%YAML")[0] if "\n%YAML" in text else ""
        mark = Mark(before.count("\n") + 2 if before else 1, 1)
        raise TextUnreadable(mark, f"not readable as YAML: {str(error)[:80]}", "write it plainly") from None


#: The parser's words, ours, what to write, and whether the mistake is where the parser began or where it gave up.
_SLIPS = (
    (
        r"but (found|got) '[\]}]'",
        "a bracket is closed that is not the one open here",
        "{ ends with }, [ ends with ], each once",
        False,
    ),
    (
        r"after document end marker",
        "text follows the end of the document",
        "begin the next document with ---",
        False,
    ),
    (
        r"mapping values are not allowed",
        "a second ': ' stands in one line",
        "quote the value, or begin a new line",
        False,
    ),
    (
        r"found unexpected (end of stream|document separator)",
        "a quoted text is not closed",
        "close it with the same quote",
        True,
    ),
    (
        r"expected <block end>, but found '-'",
        "a list item stands at the wrong indentation",
        "align it with the items above",
        False,
    ),
    (
        r"expected <block end>, but found '<(scalar|alias|anchor|tag)>'",
        "text follows a value that has already ended",
        "put the whole value into one pair of quotes, or align the line with its siblings",
        False,
    ),
    (
        r"expected <block end>",
        "the indentation does not match the lines above",
        "align it with its siblings",
        False,
    ),
    (
        r"expected ',' or '[\]}]'|while parsing a flow",
        "a list or mapping in brackets is not closed",
        "close it, separate its items by commas, or quote the text",
        True,
    ),
    (r"could not find expected ':'", "a key has no value", "write `key: value`", True),
    (
        r"found unknown escape|expected escape sequence",
        "an unknown escape stands in a quoted text",
        "use single quotes, or double the backslash",
        False,
    ),
    (r"undefined tag handle", "a tag is used whose handle nobody defined", "write the plain value", False),
    (r"YAML version|incompatible YAML", "manifests are YAML 1.2", "remove the %YAML line", False),
    (r"sequence entries are not allowed", "a list begins in the line of its key", "begin a new line", False),
    (
        r"expected '<document start>'",
        "the text after this document's end is none of it",
        "begin each document with ---, and indent what belongs to the lines above",
        False,
    ),
    (r"block scalar", "the text block (| or >) begins wrongly", "write only | or > there", False),
    (r"expected the node content", "a value is missing", "write one, or remove what announces it", False),
    (
        r"expected alphabetic|anchor|alias",
        "* and & begin the name of an anchor, and none follows",
        "quote the text, or write a name of letters and digits",
        False,
    ),
)


def _complaint(error: MarkedYAMLError, lines: list[str]) -> tuple[Mark, str, str]:
    place = error.problem_mark or error.context_mark
    mark = Mark(place.line + 1, place.column + 1) if place else Mark(1, 1)
    said = f"{error.context or ''} {error.problem or ''}"
    line = lines[mark.line - 1] if mark.line <= len(lines) else ""
    before = line[: mark.column - 1]
    if "mapping values" in said and ": " not in before:
        key = Mark(mark.line, len(line) - len(line.lstrip(" ")) + 1)
        return key, "indented under a line that already has a value", "align it with its siblings"
    if "cannot start any token" in said:
        return mark, *_reserved(line[mark.column - 1 : mark.column], before)
    for pattern, message, hint, at_begin in _SLIPS:
        if re.search(pattern, said):
            begun = error.context_mark if at_begin else None
            return (Mark(begun.line + 1, begun.column + 1) if begun else mark), message, hint
    return mark, f"not readable as YAML: {str(error.problem or error.context or 'unknown').strip()}", ""


def _reserved(char: str, before: str) -> tuple[str, str]:
    if char != "\t":
        return f"{char!r} cannot begin a value", "quote the value"
    if before.strip():
        return "a tab stands where only spaces may", "use spaces"
    return "a tab is used for indentation", "indent with spaces"
