"""Measures missing metrics of finished trials, from the models that they have saved.

scaling-vae evaluate --results results --metric amortization_gap --where "m_z>1"
"""

from scaling.cli.evaluate import main

if __name__ == "__main__":
    main(__doc__ or "")
