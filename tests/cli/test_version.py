from __future__ import annotations

import platform

from reconciler import __version__
from tests.cli.running import reconciler


def test_the_versions_that_a_report_needs() -> None:
    ran = reconciler("version")

    assert 0 == ran.code
    assert f"reconciler     {__version__}\n" in ran.stdout
    assert f"python         {platform.python_version()}\n" in ran.stdout


def test_json_has_them_under_stable_keys() -> None:
    found = reconciler("version", "-o", "json").json

    assert {"reconciler", "python", "platform", "packages"} == found.keys()
    assert found["packages"]["pydantic"]


def test_the_usual_flag_works_too() -> None:
    assert reconciler("version").stdout == reconciler("--version").stdout
