"""Compares two results: settings, code, data and, beyond noise, numbers."""
