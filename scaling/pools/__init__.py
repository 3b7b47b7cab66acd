"""Stores pools: samples of a diffusion model on disk, in chunks of |D_train| images."""
