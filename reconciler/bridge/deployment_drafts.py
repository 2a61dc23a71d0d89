"""Engine options as other programs write them, read back into the fields of a deployment.

tokens --core.arguments--> options --+-- a field owns it --> spec.model, placement, context, ...
                                     +-- policy permits --> spec.args, spec.extraArgs
                                     '-- neither --> left out, with a note that says why
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from reconciler.bridge.option_fields import COLLECTED, FIELDS, SWITCH, LeftOut, put
from reconciler.core.arguments import verdicts
from reconciler.core.arguments.catalog import trusted
from reconciler.core.arguments.options import Kind, Many, OptionTable, Spelled, key_of
from reconciler.core.arguments.policy import Written as PolicyInput
from reconciler.core.arguments.policy import check
from reconciler.core.arguments.redaction import redact_argv
from reconciler.core.arguments.rules import PolicyRules
from reconciler.core.arguments.tokens import Written, read_tokens
from reconciler.core.arguments.values import Value
from reconciler.spec.problems import FieldPath, Problem, Severity, warning

_PLAIN_CACHE = frozenset({"f32", "f16", "bf16"})
#: What llama.cpp replaced by one option with a value.
_LOAD_MODES = {"no-mmap": "none", "mlock": "mlock"}


class DeploymentDraft:
    """A spec while options are laid into it. As in the engine, a later option replaces an earlier one.

    `is_fork`: the binary may have options that llama.cpp lacks.
    """

    def __init__(self, options: OptionTable, *, is_fork: bool = False) -> None:
        self._options = options
        self._is_fork = is_fork
        self._written: dict[str, object] = {}
        self.spec: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self.passthrough: list[str] = []
        self.files: list[str] = []

    def add(self, tokens: Sequence[str], at: FieldPath) -> None:
        """Lay a piece of a command line over what is there."""
        for written in read_tokens(self._with_switches(tokens), self._options):
            if not written.name:
                self.problems.append(Problem(at, written.wrong, written.hint))
                continue
            option = written.spelled.option if written.spelled else None
            if option is not None and option.name in FIELDS:
                self._field(written, option.name, at)
            else:
                self._option(written, at)

    def _with_switches(self, tokens: Sequence[str]) -> list[str]:
        """Older builds take `-fa` alone; newer ones want a word behind it."""
        found: list[str] = []
        for token, following in zip_longest(tokens, tokens[1:]):
            found.append(token)
            spelled = self._options.by_token(token)
            if spelled and spelled.option.name == "flash-attn" and following not in SWITCH:
                found.append("on")
        return found

    def note(self, at: FieldPath, message: str, hint: str = "") -> None:
        self.problems.append(warning(at, message, hint))

    def _field(self, written: Written, name: str, at: FieldPath) -> None:
        if written.wrong:
            self.problems.append(Problem(at, written.wrong, written.hint))
            return
        place, convert = FIELDS[name]
        try:
            value = convert(written.values[0] if written.values else _is_on(written))
        except LeftOut as left:
            self.note(at, f"{_said(written)} is left out: {left.message}", left.hint)
        except ValueError as error:
            self.problems.append(Problem(at, f"{written.name} {error}"))
        else:
            self._replace(".".join(place), value, written, at)
            put(self.spec, place, value, collect=name in COLLECTED)

    def _replace(self, field: str, value: object, written: Written, at: FieldPath) -> None:
        before = self._written.setdefault(field, value)
        if before != value and written.spelled and written.spelled.option.name not in COLLECTED:
            self.note(at, f"{_said(written)} replaces {field} {before}", "the engine takes the last one")
        self._written[field] = value

    def _option(self, written: Written, at: FieldPath) -> None:
        key, spelled = key_of(written.name), written.spelled
        if spelled is None and key in _LOAD_MODES and not self._is_fork:
            self._load_mode(key, written, at)
            return
        rules = PolicyRules(passthrough=(key,)) if spelled is None else PolicyRules()
        other = trusted(key) if spelled is None and self._is_fork else None
        known = spelled or (Spelled(other) if other else None)
        refused = verdicts.permitted(written.name, known, options=self._options, rules=rules)
        if not isinstance(refused, Spelled):
            self.note(at, f"left out: {refused.message}", refused.hint)
        elif written.wrong:
            self.problems.append(Problem(at, written.wrong, written.hint))
        elif other is not None:
            self._keep((written.name, *written.values))
            self.note(at, f"{_said(written)} is kept, though llama.cpp itself does not have it")
        else:
            self._checked(written, rules, at)

    def _checked(self, written: Written, rules: PolicyRules, at: FieldPath) -> None:
        """Types and paths, for what the policy permits."""
        tokens = (written.name, *written.values)
        checked = check(PolicyInput(extra_args=tokens), rules=rules, options=self._options)
        wrong = [one for one in checked.problems if one.severity is Severity.ERROR]
        self.problems += [Problem(at, one.message, one.hint) for one in wrong]
        self.files += [use.text for use in checked.paths]
        if written.spelled is None and not wrong:
            self._pass_through(key_of(written.name), written, at)
            return
        for setting in checked.settings:
            if setting.option.kind is Kind.SCALED_PATH:
                self._keep(tokens)
            else:
                many = setting.option.many is Many.REPEAT
                self._set(setting.option.name, setting.value, written, at, many=many)

    def _pass_through(self, key: str, written: Written, at: FieldPath) -> None:
        self._keep((written.name, *written.values))
        self.passthrough.append(key)
        hint = "the ArgPolicy guardian passes it on; remove both where the engine does not have it"
        self.note(at, f"{_said(written)} is unknown to reconciler", hint)

    def _load_mode(self, key: str, written: Written, at: FieldPath) -> None:
        mode = "mlock" if self.spec.get("args", {}).get("load-mode") == "mlock" else _LOAD_MODES[key]
        put(self.spec, ("args", "load-mode"), mode)
        self.note(at, f"{_said(written)} is written as load-mode: {mode}, its name in llama.cpp today")

    def _keep(self, tokens: Sequence[str]) -> None:
        self.spec.setdefault("extraArgs", []).extend(tokens)

    def _set(self, name: str, value: Value, written: Written, at: FieldPath, *, many: bool) -> None:
        plain: object = list(value) if isinstance(value, tuple) else value
        if many and isinstance(plain, list):
            self.spec.setdefault("args", {}).setdefault(name, []).extend(plain)
            return
        if isinstance(plain, list) and len(plain) == 1:
            plain = plain[0]
        self._replace(f"args.{name}", plain, written, at)
        put(self.spec, ("args", name), plain)

    def finish(self, at: FieldPath) -> None:
        """What only the whole shows: devices of a split, options that contradict each other or belong to no file."""
        self._placement(at)
        self._context(at)
        for part, name in (("mmproj", "projector"), ("draft", "draft model")):
            model = self.spec.get("model", {})
            if part in model and "path" not in model[part]:
                del model[part]
                self.note(at, f"options of a {name} are left out: there is none")

    def _placement(self, at: FieldPath) -> None:
        placement = self.spec.get("placement", {})
        split, main, named = placement.get("tensorSplit"), placement.get("mainGpu"), placement.get("gpus")
        gpus = list(named or [])
        if not gpus and split:
            gpus = [f"gpu{index}" for index in range(len(split))]
        elif not gpus and main is not None:
            gpus = (
                [f"gpu{main}"] if placement.get("splitMode") == "none" else [_gpu(i) for i in range(main + 1)]
            )
            self.note(
                at,
                f"gpus is written as {', '.join(gpus)}, which main-gpu implies",
                "name all that it may use",
            )
        if gpus:
            placement["gpus"] = gpus
        if split:
            if len(split) > len(gpus):
                self.note(at, f"of the tensor split {split} the first {len(gpus)} shares count")
            placement["tensorSplit"] = [*split, *(0 for _ in gpus)][: len(gpus)]
        if main is not None:
            placement["mainGpu"] = gpus[main] if named and main < len(gpus) else _gpu(main)

    def _context(self, at: FieldPath) -> None:
        context = self.spec.get("context", {})
        quantised = context.get("kvType", {}).get("v", "f16") not in _PLAIN_CACHE
        if quantised and context.get("flashAttention") == "off":
            context["flashAttention"] = "auto"
            self.note(at, "flashAttention is written as auto: a quantised value cache needs it")
        batch, ubatch = context.get("batch"), context.get("ubatch")
        if batch is not None and ubatch is not None and ubatch > batch:
            context["ubatch"] = batch
            self.note(at, f"ubatch is written as {batch}: the engine takes no more than batch")
        parallel = context.get("parallel", 1)
        if parallel > 1 and "kvUnified" not in context:
            hint = "kvUnified: false divides it, as the engine does when -np is given alone"
            self.note(at, f"the {parallel} slots share the whole context", hint)


def _is_on(written: Written) -> bool:
    return written.spelled is not None and written.spelled.positive


def _gpu(index: int) -> str:
    return f"gpu{index}"


def _said(written: Written) -> str:
    return " ".join(redact_argv((written.name, *written.values)))
