"""Scaling studies of variational autoencoders: more data (method A), more parameters (method B)."""

__version__ = "0.1.0"
