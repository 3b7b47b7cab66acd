"""Computes intervals, what their n counts, which values a mean joins, and planned decisions."""
