"""Where two quantities put networks in opposite orders: fewer MACs, and yet slower."""

from dataclasses import dataclass
from itertools import permutations

from lithe.profiling import Profile
from lithe.report.quantities import MACS, QUANTITIES, Quantity, times

_CLOSE = 1.03  # counts that differ by less are not worth a sentence


@dataclass(frozen=True, slots=True)
class Reversal:
    """The clearest of the pairs that `first` and `second` put in opposite orders.

    `less` has less of `first` than `more` has, and more of `second`. `pairs` is how many
    pairs there are, this one included.
    """

    first: Quantity
    second: Quantity
    less: Profile
    more: Profile
    pairs: int

    @property
    def sentence(self) -> str:
        """The same in words."""
        saves = times(self.first.ratio(self.less, self.more))
        costs = times(self.second.ratio(self.less, self.more))
        further = self.pairs - 1
        return (
            f"{self.less.name} has {saves} x {self.first.phrase} of {self.more.name}, "
            f"but {costs} x {self.second.phrase}"
            + (f" ({further} more {'pair' if further == 1 else 'pairs'} like this)" * bool(further))
            + "."
        )


def reversals(profiles: tuple[Profile, ...]) -> tuple[Reversal, ...]:
    """One for every quantity that disagrees with MACs, and for the two runtimes if they do.

    A pair counts where both differences are certain: ranges of latencies from the 20th to
    the 80th percentile that do not overlap, counts that are no lower bounds and differ by 3 %.
    """
    engine, eager = (each for each in QUANTITIES if each.runtime)
    against = [(MACS, each) for each in QUANTITIES if each is not MACS]
    found = (_reversal(profiles, *pair) for pair in (*against, (engine, eager)))
    return tuple(each for each in found if each)


def orders_text(profiles: tuple[Profile, ...]) -> tuple[str, ...]:
    """A sentence for each disagreement, or one that there is none; () if nothing is certain."""
    found = tuple(each.sentence for each in reversals(profiles))
    if found or sum(not profile.unknown for profile in profiles) < 2:
        return found
    return ("No other cost puts two of these networks in the other order than MACs.",)


def _reversal(profiles: tuple[Profile, ...], first: Quantity, second: Quantity) -> Reversal | None:
    pairs = [
        (less, more)
        for less, more in permutations(profiles, 2)
        if _below(first, less, more) and _below(second, more, less)
    ]
    if not pairs:
        return None
    less, more = max(pairs, key=lambda pair: _clearness(first, second, *pair))
    return Reversal(first, second, less, more, len(pairs))


def _clearness(first: Quantity, second: Quantity, less: Profile, more: Profile) -> float:
    """The smaller of the two differences: both have to be worth a sentence."""
    return min(first.ratio(more, less) or 1.0, second.ratio(less, more) or 1.0)


def _below(quantity: Quantity, one: Profile, other: Profile) -> bool:
    """Whether the first certainly has less than the second."""
    if quantity.runtime is None:
        ratio = quantity.ratio(other, one)
        return ratio is not None and ratio > _CLOSE
    ours, theirs = one.latency(quantity.runtime), other.latency(quantity.runtime)
    return ours is not None and theirs is not None and ours.total.p80_s < theirs.total.p20_s
