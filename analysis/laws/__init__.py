"""Power laws: how a loss falls with size, data or compute, and whether it does at all."""
