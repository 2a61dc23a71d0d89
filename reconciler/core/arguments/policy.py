"""The argument policy: `args`, `extraArgs` and `env` of a manifest in, problems and accepted settings out.

    written --lookup--> option --tier, rules, owner--> permitted --type, limits--> Setting --emission--> argv

An order of refusals holds for every way to write an option. What the core denies (tier `deny`: executes, serves
files, proxies, downloads, writes, hijacks a port) is refused before any rule is read. Managed options name the field
to use. What the build does not offer is an error. An ArgPolicy's `passthrough` admits options that the build offers
and the built-in tables do not know: never a name that sounds dangerous. Where a structured field owns a permitted
option, `args` may set it too, with a warning, but not both. While no binary can be asked, what only the binary could
tell (an option or a value that only forks have) is a warning: a machine's fault is not the text's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from reconciler.core.arguments import environment, verdicts
from reconciler.core.arguments.emission import cannot_switch_off
from reconciler.core.arguments.options import Kind, Many, Option, OptionTable, Spelled, Tier
from reconciler.core.arguments.rules import PolicyRules
from reconciler.core.arguments.settings import Checked, PathUse, Setting, flat, paths_of
from reconciler.core.arguments.tokens import Written as WrittenTokens
from reconciler.core.arguments.tokens import looks_like_option, read_tokens
from reconciler.core.arguments.values import Value, Wrong, from_tokens, from_yaml, number_of, shown
from reconciler.spec.problems import FieldPath, Problem, warning


@dataclass(frozen=True, slots=True)
class Written:
    """What a deployment, or a Runtime (`operator`), sets. `owned`: options that its structured fields set."""

    args: Mapping[str, object] = field(default_factory=dict)
    extra_args: Sequence[object] = ()
    env: Mapping[str, object] = field(default_factory=dict)
    secret_env: Sequence[str] = ()
    owned: frozenset[str] = frozenset()
    operator: bool = False


def check(written: Written, *, rules: PolicyRules, options: OptionTable) -> Checked:
    """All problems at once; settings are those without an error, `args` by name and then `extraArgs` as written."""
    judged = _Judged(rules, options, written)
    for key in sorted(written.args, key=str):
        judged.add_key(key, written.args[key])
    judged.settings.sort(key=lambda setting: setting.option.name)
    for token in read_tokens(written.extra_args, options):
        judged.add_tokens(token)
    env, problems, paths = _environment(written, options)
    return Checked(
        problems=(*judged.problems, *problems),
        settings=tuple(judged.settings),
        env=env,
        paths=(*(use for setting in judged.settings for use in paths_of(setting)), *paths),
    )


class _Judged:
    """Collects what the checks of one manifest find."""

    def __init__(self, rules: PolicyRules, options: OptionTable, written: Written) -> None:
        self._rules = rules
        self._options = options
        self._written = written
        self._first: dict[str, FieldPath] = {}
        self.problems: list[Problem] = []
        self.settings: list[Setting] = []

    def add_key(self, key: object, raw: object) -> None:
        path: FieldPath = ("spec", "args", str(key))
        if raw is None or raw == "":
            return
        if not isinstance(key, str) or key.startswith("-") or not key:
            bare = str(key).lstrip("-")
            self._refuse(
                path, Wrong(f"Cannot set {key!r}: names stand here without dashes", f"write {bare!r}")
            )
            return
        for name in self._options.names_behind(key):
            spelled = self._permitted(path, key, self._options.by_key(name))
            if spelled:
                flipped = raw if spelled.positive or not isinstance(raw, bool) else not raw
                value = self._typed(path, spelled.option, partial(from_yaml, raw=flipped))
                self._accept(path, spelled.option, value, shown_as=key)

    def add_tokens(self, written: WrittenTokens) -> None:
        path: FieldPath = ("spec", "extraArgs", written.index)
        if not written.name:
            self._refuse(path, Wrong(written.wrong, written.hint))
            return
        spelled = self._permitted(path, written.name, written.spelled)
        if spelled is None:
            return
        if written.wrong:
            self._refuse(path, Wrong(written.wrong, written.hint))
        elif len(written.values) > max(1, spelled.option.arity):
            stray = shown(written.values[1])
            self._refuse(path, Wrong(f"{stray} belongs to no option", "each value follows its option"))
        else:
            if written.values:
                value = self._typed(path, spelled.option, partial(from_tokens, tokens=written.values))
            else:
                value = from_yaml(spelled.option, spelled.positive)
            self._accept(path, spelled.option, value, shown_as=written.name)

    def _permitted(self, path: FieldPath, name: str, spelled: Spelled | None) -> Spelled | None:
        """The option, if it may be set at all; problems are noted on the way."""
        found = verdicts.permitted(name, spelled, options=self._options, rules=self._rules)
        if not isinstance(found, Wrong) and (twice := self._twice(path, name, found.option)):
            found = twice
        if isinstance(found, Wrong):
            self._refuse(path, found)
            return None
        at_key = path[1] == "args"
        self.problems.extend(
            warning(path, message, hint, at_key=at_key)
            for message, hint in verdicts.warnings(name, found.option, operator=self._written.operator)
        )
        return found

    def _twice(self, path: FieldPath, name: str, option: Option) -> Wrong | None:
        if option.name in self._written.owned:
            return Wrong(f"Cannot set {name!r}: {option.owner} sets it already", "keep one of the two")
        first = self._first.setdefault(option.name, path)
        if first == path or (option.many is Many.REPEAT and first[1] == path[1] == "extraArgs"):
            return None
        return Wrong(f"Cannot set {name!r}: it is the same option as {_at(first)}", "keep one of the two")

    def _accept(self, path: FieldPath, option: Option, value: Value | Wrong, *, shown_as: str) -> None:
        checked = value if isinstance(value, Wrong) else self._value_wrong(option, value) or value
        if isinstance(checked, Wrong):
            self.problems.append(Problem(path, f"{shown_as} {checked.message}", checked.hint))
        else:
            self.settings.append(Setting(option, checked, path))

    def _typed(
        self, path: FieldPath, option: Option, read: Callable[[Option], Value | Wrong]
    ) -> Value | Wrong:
        """The value; a choice that only some builds have is trusted while no build can be asked."""
        value = read(option)
        if self._options.probed or option.kind is not Kind.ENUM or not isinstance(value, Wrong):
            return value
        trusted = read(replace(option, choices=()))
        if not isinstance(trusted, Wrong):
            self.problems.append(
                warning(path, f"{option.name} {value.message}", "not checked: no binary to ask")
            )
        return trusted

    def _value_wrong(self, option: Option, value: Value) -> Wrong | None:
        for item in flat(value):
            if isinstance(item, str) and self._mistakable(option, item):
                return Wrong(f"cannot be {shown(item)}: the engine could take it for an option")
            if limit := self._limit_wrong(option, item):
                return Wrong(limit)
        if cannot_switch_off(option, value):
            return Wrong("cannot be false: this build has it on and no option to switch it off")
        return None

    def _limit_wrong(self, option: Option, item: object) -> str:
        """Nobody knows the type of an option that passes through: its text may be the number that is limited."""
        if isinstance(item, str) and option.tier is Tier.UNKNOWN and self._rules.limits_any(option.keys):
            item = number_of(item)
            if isinstance(item, Wrong):
                return f"{item.message}: an ArgPolicy limits it"
        if isinstance(item, bool) or not isinstance(item, int | float):
            return ""
        return self._rules.limit_wrong(option.keys, item)

    def _mistakable(self, option: Option, text: str) -> bool:
        if self._options.by_token(text) is not None:
            return True
        return looks_like_option(text) and (option.tier is Tier.UNKNOWN or not option.arity_certain)

    def _refuse(self, path: FieldPath, wrong: Wrong) -> None:
        self.problems.append(Problem(path, wrong.message, wrong.hint, at_key=path[1] == "args"))


def _environment(
    written: Written, options: OptionTable
) -> tuple[dict[str, str], list[Problem], list[PathUse]]:
    problems: list[Problem] = []
    paths: list[PathUse] = []
    good: dict[str, object] = {}
    for name, value in sorted(written.env.items(), key=lambda item: str(item[0])):
        path: FieldPath = ("spec", "env", str(name))
        wrong = environment.variable_wrong(str(name), value, options, operator=written.operator)
        if wrong:
            problems.append(Problem(path, wrong.message, wrong.hint, at_key=True))
            continue
        good[name] = value
        if text := environment.path_in(name, str(value)):
            paths.append(PathUse(path, name, text, (".so",)))
    problems.extend(
        Problem(("spec", "secretEnv", name), wrong.message, wrong.hint, at_key=True)
        for name in sorted(written.secret_env)
        if (wrong := environment.secret_wrong(name, options))
    )
    return environment.accepted(good), problems, paths


def _at(path: FieldPath) -> str:
    return f"{path[0]}.{path[1]}[{path[2]}]" if isinstance(path[2], int) else f"{path[0]}.{path[1]}.{path[2]}"
