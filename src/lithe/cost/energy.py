"""An estimate of the energy of one run, from counted operations and bytes and a published table.

It is the energy of the table's technology, not of any machine of today: newer ones need less
for all of it, so the estimate is for comparing networks and for seeing what their energy
goes to. What instructions, leakage and waiting cost is not in it, which on a general
processor is more than the arithmetic.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lithe.cost.count import LayerCost
from lithe.cost.roofline import spread, work_of

PICO = 1e-12


@dataclass(frozen=True, slots=True)
class EnergyTable:
    """What operations and accesses cost in picojoules, from one publication.

    `caches` are (bytes that it holds, pJ of an access), the smallest first; an access is of
    `access_bytes`.
    """

    name: str
    multiply_fp32_pj: float
    add_fp32_pj: float
    caches: tuple[tuple[int, float], ...]
    memory_pj: float
    access_bytes: int


# M. Horowitz, "Computing's Energy Problem (and what we can do about it)", ISSCC 2014,
# pp. 10-14, doi:10.1109/ISSCC.2014.6757323, figure 1.1.9: rough energy costs at 45 nm, 0.9 V.
HOROWITZ_2014 = EnergyTable(
    name="Horowitz, ISSCC 2014, figure 1.1.9 (45 nm, 0.9 V)",
    multiply_fp32_pj=3.7,  # FP, FMult, 32 bit
    add_fp32_pj=0.9,  # FP, FAdd, 32 bit
    # Memory, cache (64 bit): 32KB, 1MB; its smallest, 8KB at 10 pJ, is no CPU's first level.
    caches=((32 * 1024, 20.0), (1024 * 1024, 100.0)),
    memory_pj=1300.0,  # Memory, DRAM: 1.3-2.6 nJ, of which the lower end
    access_bytes=8,  # 64 bit
)


def energy_parts(
    layers: Sequence[LayerCost], table: EnergyTable = HOROWITZ_2014
) -> tuple[tuple[str, float], ...]:
    """Joules of one run as (what for, joules): arithmetic, caches, memory.

    A MAC is a multiplication and an addition, any other operation an addition. Each layer
    moves its activations and its weights once; they come from where they come from at best
    (`lithe.cost.roofline`), in the caches that the table has.
    """
    mac_pj = table.multiply_fp32_pj + table.add_fp32_pj
    arithmetic = sum(layer.macs * mac_pj + layer.other_ops * table.add_fp32_pj for layer in layers)
    sizes = tuple(size for size, _ in table.caches)
    work = [work_of(layer) for layer in layers]
    sets = [step.activation_bytes for step in work] + [sum(step.weight_bytes for step in work)]
    moved = [sum(level) for level in zip(*(spread(s, (*sizes, None)) for s in sets), strict=True)]
    accesses = [part / table.access_bytes for part in moved]
    caches = sum(count * pj for count, (_, pj) in zip(accesses[:-1], table.caches, strict=True))
    return (
        ("arithmetic", arithmetic * PICO),
        ("caches", caches * PICO),
        ("memory", accesses[-1] * table.memory_pj * PICO),
    )
