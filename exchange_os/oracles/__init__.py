"""Prices from outside: sources, what they said, and the observations that go to the kernels."""
