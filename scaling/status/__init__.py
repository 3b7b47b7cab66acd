"""Where a study stands: what its launch leaves on disk, the board that shows it, the time left."""
