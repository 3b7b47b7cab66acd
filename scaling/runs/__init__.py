"""Trains trials: a run is an iterable of rows with a `state_dict`."""
