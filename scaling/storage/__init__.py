"""Reads and writes the results folder: trials, checkpoints, study records and the lock."""
