# `just` lists the recipes. Every one works in a fresh clone; `just setup` makes the environment that they share.

python := if path_exists(".venv/bin/python") == "true" { ".venv/bin/python" } else { "python3" }

_list:
    @just --list --unsorted

# make .venv with everything that development needs
setup:
    python3 -m venv .venv
    .venv/bin/pip install -q -e '.[dev]'

# serve a tiny model on this machine, nothing to download
demo:
    {{python}} -m reconciler demo

# run the tests
test *ARGS:
    {{python}} -m pytest {{ARGS}}

# all that CI checks: format, lint, types, generated files, tests
check: lint types
    {{python}} -m tests.generate --check
    {{python}} -m pytest

# minutes of real processes, broken files and broken headers: nothing may leak, crash or hang
soak:
    {{python}} -m pytest -m soak --timeout 1800

# property tests over many more generated worlds than `check` takes
simulate:
    RECONCILER_HYPOTHESIS_PROFILE=long {{python}} -m pytest -m hypothesis --timeout 1800

# format and lint, without changing anything
lint:
    {{python}} -m ruff format --check .
    {{python}} -m ruff check .

# strict type checking
types:
    {{python}} -m mypy

# write schemas/ from the types
schemas:
    {{python}} -m tests.generate schemas

# measure the bars; each line says name, value, bar, pass or fail
bench:
    {{python}} -m tests.bench

# write the generated pages of docs/
docs:
    {{python}} -m tests.generate docs
