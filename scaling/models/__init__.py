"""Likelihoods, networks and the VAE (section 2, Tables 3-6)."""
