"""Keeps a machine's local LLM servers in the state that YAML manifests declare."""

__version__ = "0.1.0"
