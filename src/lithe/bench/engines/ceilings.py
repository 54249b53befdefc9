"""What engines are held against: the machine's FMA peak, and an interpreter with NumPy."""

import numpy as np

from lithe.bench.engines import Case, Loaded


def fma_peak(case: Case) -> Loaded:
    """The FMA loop, which takes its turn among the engines."""
    from lithe.engine.peak import fma_loop

    loop = fma_loop(case.threads)
    return Loaded(
        loop.run,
        lambda: np.array([[loop.run()]]),
        {"macs": loop.macs, "isa": loop.isa.name},
    )


def bare(case: Case) -> Loaded:
    """Nothing: what a Python process with NumPy holds before it loads an engine."""
    return Loaded(lambda: None, lambda: np.zeros((1, 1)), {})
