"""`reconciler completion`: scripts printed from the table of verbs and the parsers, so that they cannot lag behind."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.cli.exit_codes import DONE
from reconciler.cli.parsers import parser_of
from reconciler.cli.verbs import VERBS, Verb

DESCRIPTION = "Prints the script that makes a shell complete verbs, options and their values."
EXAMPLES = (
    ("source <(reconciler completion bash)", "this bash; add the line to ~/.bashrc for all of them"),
    ("reconciler completion zsh > ~/.zfunc/_reconciler", "zsh, with ~/.zfunc in fpath before compinit"),
    ("reconciler completion fish > ~/.config/fish/completions/reconciler.fish", "fish"),
)

SHELLS = ("bash", "zsh", "fish")
#: Arguments with these names are completed as paths.
FILES = frozenset({"PATH", "DIR", "FILE"})


@dataclass(frozen=True, slots=True)
class Choice:
    """An option with the values that may follow it; `files` where a path may."""

    names: tuple[str, ...]
    summary: str
    values: tuple[str, ...] = ()
    files: bool = False
    takes_value: bool = True


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def run(options: argparse.Namespace) -> int:
    write = {"bash": _bash, "zsh": _zsh, "fish": _fish}[options.shell]
    print("\n".join(write()))
    return DONE


def choices_of(verb: Verb) -> list[Choice]:
    """Options first; positional arguments have no names."""
    return [
        Choice(
            names=tuple(action.option_strings),
            summary=(action.help or "").replace("%%", "%"),
            values=tuple(map(str, action.choices or ())),
            files=action.metavar in FILES,
            takes_value=action.nargs != 0,
        )
        for action in parser_of(verb).actions
    ]


def _first_words() -> dict[str, str]:
    words = {verb.words.partition(" ")[0]: verb.summary for verb in VERBS}
    return words | {"help": "the help of a verb"}


def _bash() -> Iterator[str]:
    yield "# bash completion of reconciler"
    yield "_reconciler() {"
    yield '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" words="" files=""'
    yield '  local verb="${COMP_WORDS[1]}"'
    yield '  [[ $verb == help && COMP_CWORD -gt 1 ]] && verb=""'
    yield "  if (( COMP_CWORD == 1 )) || [[ -z $verb ]]; then"
    yield f'    words="{" ".join(_first_words())} --help --version"'
    yield "  else"
    yield '    case "$verb" in'
    for group, members in _by_group().items():
        yield f"      {group})"
        yield "        if (( COMP_CWORD == 2 )); then"
        yield f'          words="{" ".join(members)} --help"'
        yield "        else"
        yield f'          verb="{group} ${{COMP_WORDS[2]}}"'
        yield "        fi ;;"
    yield "    esac"
    yield '    case "$verb" in'
    for verb in VERBS:
        yield from _bash_verb(verb)
    yield "    esac"
    yield "  fi"
    yield "  COMPREPLY=()"
    yield '  [[ -n $words ]] && mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")'
    # Line by line: a file name may hold spaces.
    yield "  if [[ -n $files && $current != -* ]]; then"
    yield '    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")'
    yield "  fi"
    yield "  return 0"
    yield "}"
    yield "complete -o filenames -F _reconciler reconciler"


def _bash_verb(verb: Verb) -> Iterator[str]:
    choices = choices_of(verb)
    names = [name for choice in choices for name in choice.names]
    bare = [choice for choice in choices if not choice.names]
    values = [value for choice in bare for value in choice.values]
    yield f"      '{verb.words}')"
    yield '        case "$previous" in'
    for choice in choices:
        if choice.names and choice.takes_value:
            given = (
                f'words="{" ".join(choice.values)}"'
                if choice.values
                else f"files={'yes' if choice.files else ''}"
            )
            yield f"          {'|'.join(choice.names)}) {given} ;;"
    files = "files=yes" if any(choice.files for choice in bare) else "files="
    yield f'          *) words="{" ".join([*values, *names])}"; {files} ;;'
    yield "        esac ;;"


def _zsh() -> Iterator[str]:
    yield "#compdef reconciler"
    yield "_reconciler() {"
    yield "  local -a words_here"
    yield "  if (( CURRENT == 2 )); then"
    yield f"    words_here=({_zsh_described(_first_words())})"
    yield "    _describe verb words_here; return"
    yield "  fi"
    yield '  local verb="$words[2]"'
    yield '  case "$verb" in'
    for group, members in _by_group().items():
        yield f"    {group})"
        yield "      if (( CURRENT == 3 )); then"
        yield f"        words_here=({_zsh_described(members)})"
        yield "        _describe verb words_here; return"
        yield "      fi"
        yield f'      verb="{group} $words[3]"; shift words; (( CURRENT-- )) ;;'
    yield "  esac"
    yield "  shift words; (( CURRENT-- ))"
    yield '  case "$verb" in'
    for verb in VERBS:
        specs = " ".join(spec for choice in choices_of(verb) for spec in _zsh_specs(choice))
        yield f"    '{verb.words}') _arguments -S {specs} ;;"
    yield "  esac"
    yield "}"
    yield 'if [[ "$funcstack[1]" == _reconciler ]]; then _reconciler "$@"; else compdef _reconciler reconciler; fi'


def _zsh_described(words: dict[str, str]) -> str:
    return " ".join(_quoted(f"{word}:{summary}") for word, summary in words.items())


def _zsh_specs(choice: Choice) -> Iterator[str]:
    action = f"({' '.join(choice.values)})" if choice.values else "_files" if choice.files else " "
    if not choice.names:
        yield _quoted(f"*:argument:{action}")
    summary = choice.summary.replace("[", "(").replace("]", ")").replace(":", r"\:")
    for name in choice.names:
        yield _quoted(f"*{name}[{summary}]" + (f":value:{action}" if choice.takes_value else ""))


def _fish() -> Iterator[str]:
    first = _first_words()
    yield "# fish completion of reconciler"
    yield "complete -c reconciler -f"
    for word, summary in first.items():
        yield f"complete -c reconciler -n __fish_use_subcommand -a {word} -d {_quoted(summary)}"
    for group, members in _by_group().items():
        none_yet = (
            f"__fish_seen_subcommand_from {group}; and not __fish_seen_subcommand_from {' '.join(members)}"
        )
        for word, summary in members.items():
            yield f"complete -c reconciler -n {_quoted(none_yet)} -a {word} -d {_quoted(summary)}"
    for verb in VERBS:
        seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in verb.words.split())
        for choice in choices_of(verb):
            yield f"complete -c reconciler -n {_quoted(seen)}{_fish_choice(choice)}"


def _fish_choice(choice: Choice) -> str:
    names = "".join(
        f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in choice.names
    )
    values = f" -a {_quoted(' '.join(choice.values))}" if choice.values else ""
    takes_value = choice.names and choice.takes_value
    value = "" if not takes_value else " -r -F" if choice.files else " -x"
    files = " -F" if choice.files and not choice.names else ""
    return f"{names}{value}{files}{values} -d {_quoted(choice.summary)}"


def _by_group() -> dict[str, dict[str, str]]:
    groups: dict[str, dict[str, str]] = {}
    for verb in VERBS:
        group, _, word = verb.words.partition(" ")
        if word:
            groups.setdefault(group, {})[word] = verb.summary
    return groups


def _quoted(text: str) -> str:
    """For all three shells, which agree on single quotes but not on how to write one inside."""
    return "'" + text.replace("'", "’") + "'"
