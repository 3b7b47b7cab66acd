"""Reads results, draws figures, decides claims; needs neither torch, nor Ray, nor `scaling`."""
