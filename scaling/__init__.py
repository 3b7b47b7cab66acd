"""Scaling studies of variational autoencoders: more data (method A), more parameters (method B)."""
