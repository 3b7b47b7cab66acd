"""Provides images: data sets, and the sources from which training draws (section 4.1)."""
