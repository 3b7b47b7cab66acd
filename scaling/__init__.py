"""Studies the scaling of VAEs with more data (method A) and with more parameters (method B)."""

__version__ = "0.1.0"
