"""Defines the models: likelihoods, networks and VAE (section 2, Tables 3-6), EDM (Appendix D)."""

from typing import TypedDict


class Parameters(TypedDict):
    """Holds a model's numbers of parameters by group: columns of its rows and of the plan."""

    parameters: int
    parameters_z: int  # |Theta_z|
    parameters_rest: int  # |Theta_not-z|
