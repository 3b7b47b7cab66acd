"""Reads and writes what is on disk: trials, provenance, pools, and results at an address."""
