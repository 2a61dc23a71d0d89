"""Engine options in layers: what a deployment sets itself takes the place of a Host's default for the same option.

Maps merge by key, but one option has many keys (`c`, `ctx-size`, `n_ctx`) and often a structured field as well.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.arguments.options import OptionTable
from reconciler.core.arguments.tokens import read_tokens
from reconciler.core.commandlines import owned_options
from reconciler.spec.deployments import DeploymentDefaults, DeploymentSpec


def yielding(defaults: DeploymentDefaults, own: DeploymentSpec, options: OptionTable) -> DeploymentDefaults:
    """The defaults without `args` that the deployment sets in another spelling or by a field."""
    taken = owned_options(own, options) | _named(own, options)
    kept = {
        key: value
        for key, value in defaults.args.items()
        if key in own.args or taken.isdisjoint(_options_of((key,), options))
    }
    return defaults if kept == defaults.args else defaults.model_copy(update={"args": kept})


def contested(own: DeploymentSpec, merged: DeploymentSpec, options: OptionTable) -> frozenset[str]:
    """Options that fields set, so that `args` may not. A field of the defaults alone yields to the deployment."""
    return owned_options(merged, options) - (_named(own, options) - owned_options(own, options))


def _named(spec: DeploymentSpec, options: OptionTable) -> frozenset[str]:
    tokens = (read.spelled for read in read_tokens(spec.extra_args, options))
    written = frozenset(spelled.option.name for spelled in tokens if spelled is not None)
    return written | _options_of(spec.args, options)


def _options_of(keys: Iterable[str], options: OptionTable) -> frozenset[str]:
    names = (name for key in keys for name in options.names_behind(key))
    found = (options.by_key(name) for name in names)
    return frozenset(spelled.option.name for spelled in found if spelled is not None)
