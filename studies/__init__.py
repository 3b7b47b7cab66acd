"""Defines the paper's experiments, one file each; `scaling-vae study NAME` runs one."""
