"""Metrics after the fact, from the models that trials have kept: only what is missing is measured.

scaling-vae evaluate --results results --metric amortization_gap --where "m_z>1"
"""

from scaling.cli.evaluate import main

if __name__ == "__main__":
    main(__doc__ or "")
