"""Tiny models of our own: small enough to make on the spot, real enough for a real engine to serve."""
