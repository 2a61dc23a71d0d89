"""Why one option may not be set, in the order in which reasons count, and what to do instead."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.arguments.catalog import is_known, trusted
from reconciler.core.arguments.options import Kind, Option, OptionTable, Spelled, Tier, key_of
from reconciler.core.arguments.refusals import ELSEWHERE, NEVER_EXISTED, REPLACED, dangerous_word, is_secret
from reconciler.core.arguments.rules import PolicyRules
from reconciler.core.arguments.values import Wrong
from reconciler.spec.foreign_words import home_of

_HOME_OF_SECRETS = "engine tokens belong in spec.secretEnv, API keys in Host.spec.auth and Client objects"


def permitted(
    name: str, spelled: Spelled | None, *, options: OptionTable, rules: PolicyRules
) -> Spelled | Wrong:
    """The option that a name stands for, or why nobody, or not this manifest, may set it."""
    if wrong := _refused_by_name(name, options):
        return wrong
    if (
        not options.probed
        and (spelled is None or spelled.option.removed)
        and (option := trusted(key_of(name)))
    ):
        spelled = Spelled(option)
    if spelled is None:
        if not _may_pass_unseen(name, options, rules):
            return _not_offered(name, options)
        spelled = Spelled(_unseen(name))
    return _refused(name, spelled.option, rules) or spelled


def _refused_by_name(name: str, options: OptionTable) -> Wrong | None:
    """Secrets, and what is no option of a server, in any spelling and whatever the build offers."""
    key = key_of(name)
    if is_secret(key):
        return Wrong(f"Cannot set {name!r}: a command line shows secrets to every user", _HOME_OF_SECRETS)
    if key in ELSEWHERE:
        reason, instead = ELSEWHERE[key]
        return Wrong(f"Cannot set {name!r}: {reason}", instead)
    if key in NEVER_EXISTED and options.by_key(key) is None:
        reason, instead = NEVER_EXISTED[key]
        return Wrong(f"Cannot set {name!r}: {reason}", instead)
    return None


def _not_offered(name: str, options: OptionTable) -> Wrong:
    """An option that this build does not have: its successor, its predecessor or the nearest name."""
    key = key_of(name)
    for offered, text in REPLACED.get(key, ()):
        option = options.by_name(offered) or (found.option if (found := options.by_key(offered)) else None)
        if option and not option.removed:
            return Wrong(f"Cannot set {name!r}: this build of the engine does not have it", f"write {text}")
    build = "this build of the engine" if options.probed else "the engine"
    near, home = options.nearest(key), home_of(key)
    if home and not home.startswith("spec.args."):
        hint = f"write {home}"
    else:
        hint = f"did you mean {near!r}?" if near else "its --help lists those it has"
    return Wrong(f"Cannot set {name!r}: {build} has no such option", hint)


def _refused(name: str, option: Option, rules: PolicyRules) -> Wrong | None:
    """Why an offered option is not this manifest's to set."""
    if option.removed:
        return _removed(name, option)
    if option.tier is Tier.DENY:
        reason = option.risk or option.instead
        return Wrong(
            f"Cannot set {name!r}: {reason}; no policy lifts this", option.instead if option.risk else ""
        )
    if option.tier is Tier.MANAGED:
        return Wrong(f"Cannot set {name!r}: reconciler sets it", _managed_hint(option))
    if option.tier is Tier.UNKNOWN and not rules.passes_through(option.keys):
        return Wrong(
            f"Cannot set {name!r}: the engine has it, but reconciler does not know what it does",
            f"an ArgPolicy may list it: passthrough: [{option.name}]",
        )
    refusal = rules.refusal(option.keys)
    return Wrong(f"Cannot set {name!r}: {refusal}") if refusal else None


def _removed(name: str, option: Option) -> Wrong:
    successors = REPLACED.get(key_of(name)) or REPLACED.get(option.name) or ()
    instead = successors[0][1] if successors else option.removed
    return Wrong(f"Cannot set {name!r}: it was removed from the engine", f"write {instead}")


def _managed_hint(option: Option) -> str:
    return f"use {option.owner}" if option.owner else option.instead


def _may_pass_unseen(name: str, options: OptionTable, rules: PolicyRules) -> bool:
    """Whether an unknown name may go through while no binary could be asked; a help text that lacks it decides."""
    key = key_of(name)
    names_it = not options.probed and rules.passes_through((key,)) and not rules.refusal((key,))
    mistaken = options.by_key(key) is not None or is_known(key) or key in REPLACED
    return names_it and not mistaken and not dangerous_word(key)


def _unseen(name: str) -> Option:
    spelling = name if name.startswith("-") else f"--{key_of(name)}"
    return Option(
        name=key_of(name),
        kind=Kind.ANY,
        tier=Tier.UNKNOWN,
        positive=(spelling,),
        spelling=spelling,
        arity_certain=False,
    )


def warnings(name: str, option: Option, *, operator: bool) -> Iterator[tuple[str, str]]:
    """What is permitted and yet better written elsewhere. A Runtime has no other place for it."""
    if option.owner and not operator:
        yield f"{name!r} has a field of its own", f"write {option.owner}"
    if option.sampling and not operator:
        yield (
            f"{name!r} is a default for sampling",
            "write it in spec.request.defaults: it changes without a restart",
        )
    if option.only_forks:
        yield f"{name!r} exists only in some builds of the engine", "not checked: no binary to ask"
    if option.deprecated:
        yield f"{name!r} is deprecated in this build of the engine and does nothing", "remove it"
