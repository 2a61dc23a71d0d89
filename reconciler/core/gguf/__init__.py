"""GGUF files as bytes: headers, what they say about a model, and small files of our own. No I/O here."""
