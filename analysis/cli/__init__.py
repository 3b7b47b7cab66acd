"""Defines the command line: its words, its options, and what its output survives."""
