"""The embedded engine: llama-server's command line in front of the extension module `xllamacpp`.

`python -m reconciler.host.embedded ARGS` is one process of the kind that the rest of the program knows. It answers
the same probes, logs to stderr, listens before it loads, says 503 and then 200, and ends with 0 on TERM and INT.
The modules in the order of a start: `arguments` reads argv by the tables of `options`, `signals` takes over TERM
and INT, `engine` loads the model. Only `engine` imports the extension, so that `--help` is quick.
"""
