from __future__ import annotations

import pytest

from reconciler.core.last_words import LONGEST, last_words


def test_the_first_error_is_the_cause_and_the_rest_its_echo() -> None:
    log = """\
0.00.003.445 I srv    load_model: loading model 'nope.gguf'
0.00.003.502 E gguf_init_from_file: failed to open GGUF file 'nope.gguf' (No such file or directory)
0.00.003.654 E srv    load_model: failed to load model, 'nope.gguf'
0.00.004.032 E srv          init: exiting due to model loading error
error: Cannot load nope.gguf: the engine's lines above say why
"""

    assert (
        last_words(log)
        == "gguf_init_from_file: failed to open GGUF file 'nope.gguf' (No such file or directory)"
    )


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("warming up\nerror: invalid argument: --nope\n", "error: invalid argument: --nope"),
        ("0.00.001.000 I srv init: build\n", "srv init: build"),
        ("\x1b[31m0.00.001.000 E out of memory\x1b[0m\n", "out of memory"),
        ("Segmentation fault\n\n", "Segmentation fault"),
        ("", ""),
    ],
)
def test_the_most_telling_line_is_chosen(log: str, words: str) -> None:
    assert last_words(log) == words


def test_a_line_without_an_end_is_cut() -> None:
    assert len(last_words("x" * 100_000)) == LONGEST
