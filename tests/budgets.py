"""How many worlds a property test looks at: few and the same ones each time, or with `just simulate` many new ones."""

from __future__ import annotations

import os

from hypothesis import settings

PROFILE = os.environ.get("RECONCILER_HYPOTHESIS_PROFILE", "default")
TIMES_AS_MANY = 20 if PROFILE == "long" else 1


def load_profile() -> None:
    """An unknown name is an error here, before any test has run with the wrong budget."""
    settings.register_profile("default", derandomize=True, deadline=None)
    settings.register_profile("long", deadline=None, max_examples=2000, print_blob=True)
    settings.load_profile(PROFILE)


def examples(count: int) -> settings:
    """For properties that need more or fewer than the profile's own number; it grows with the profile too."""
    return settings(max_examples=count * TIMES_AS_MANY)
