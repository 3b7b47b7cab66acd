"""Shows the state of a study: what its launch has written, how far trials are, the time left."""
