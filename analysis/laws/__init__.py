"""Fits power laws: whether and how a loss falls with size, data or compute."""
