"""Selects the trials that claims are about: arms of a method at one size, in cells of a setting."""
