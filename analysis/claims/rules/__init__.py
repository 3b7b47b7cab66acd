"""Defines the rules that decide claims, and what they compare: terms, regions, comparisons."""
