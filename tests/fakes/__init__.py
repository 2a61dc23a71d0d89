"""Doubles for what the real parts will not do on command, and helpers that start the real ones."""
