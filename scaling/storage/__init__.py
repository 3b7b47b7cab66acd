"""What lies on disk and survives a kill: the results folder, checkpoints, the lock."""
