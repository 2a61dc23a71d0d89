"""The argument policy: which engine options manifests may set, and how a build wants them written.

help text --catalog--> OptionTable --+
args, extraArgs, env ----------------+--policy--> Checked --emission--> argv
ArgPolicy rules ---------------------+
"""

from __future__ import annotations

from reconciler.core.arguments.catalog import assumed_table, option_table
from reconciler.core.arguments.emission import emit, tokens_of
from reconciler.core.arguments.options import Kind, Many, Option, OptionTable, Tier
from reconciler.core.arguments.policy import Written, check
from reconciler.core.arguments.redaction import REDACTED, redact, redact_argv
from reconciler.core.arguments.rules import Limit, PolicyRules, narrow
from reconciler.core.arguments.settings import Checked, PathUse, Setting, overlay, paths_of

__all__ = [
    "REDACTED",
    "Checked",
    "Kind",
    "Limit",
    "Many",
    "Option",
    "OptionTable",
    "PathUse",
    "PolicyRules",
    "Setting",
    "Tier",
    "Written",
    "assumed_table",
    "check",
    "emit",
    "narrow",
    "option_table",
    "overlay",
    "paths_of",
    "redact",
    "redact_argv",
    "tokens_of",
]
