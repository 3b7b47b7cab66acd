"""What a trial does: an iterable of rows with a `state_dict`."""
