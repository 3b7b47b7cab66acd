"""Defines the models: likelihoods, networks and VAE (section 2, Tables 3-6), EDM (Appendix D)."""
