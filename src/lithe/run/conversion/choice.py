"""Which layers to replace by what: measured loss against measured saving, under limits."""

from collections.abc import Sequence
from dataclasses import dataclass

from lithe.nets.conversion.rows import Replacement
from lithe.run.conversion.state import LayerState, Option


@dataclass(frozen=True, slots=True)
class Target:
    """Limits on the whole network; None is no limit."""

    seconds: float | None
    macs: int | None


@dataclass(frozen=True, slots=True)
class Choice:
    """Replacements and what the whole is predicted to cost with them.

    `rows` come in the order of loss for what they save, the cheapest first. `holds`: within
    the limits.
    """

    rows: tuple[Replacement, ...]
    seconds: float
    macs: int
    holds: bool


def choose(layers: Sequence[LayerState], base_s: float, base_macs: int, target: Target) -> Choice:
    """The replacements that cost least accuracy within the limits.

    All layers begin with what saves most of what is limited. While the limits hold, the step
    that gives back most loss for what it costs is taken: a larger replacement, or the
    layer itself. Without limits every layer gets what saves most time, if anything does,
    and nothing is given back. Losses are taken to add up, and so are savings. Under both limits
    savings are those of time, or of MACs where nothing is found so.
    """
    by_time = target.seconds is not None or target.macs is None
    choice = _choose(layers, base_s, base_macs, target, by_time)
    if by_time and not choice.holds and target.macs is not None:
        other = _choose(layers, base_s, base_macs, target, False)
        return other if other.holds else choice
    return choice


def _choose(
    layers: Sequence[LayerState], base_s: float, base_macs: int, target: Target, by_time: bool
) -> Choice:
    limited = target.seconds is not None or target.macs is not None
    states = {each.layer: each for each in layers if each.seconds is not None and each.options}
    now: dict[str, Option | None] = {name: _least(state, by_time) for name, state in states.items()}
    while limited:
        steps = [
            (_gain(states[name], now[name], option, by_time), name, option)
            for name in now
            for option in (None, *states[name].options)
            if _loss(option) < _loss(now[name])
        ]
        for _, name, option in sorted(steps, key=lambda step: -step[0]):
            after = now | {name: option}
            if _holds(_cost(states, after, base_s, base_macs), target):
                now = after
                break
        else:
            break
    cost = _cost(states, now, base_s, base_macs)
    chosen = [(name, option) for name, option in now.items() if option is not None]
    # What saves nothing of the one limit may be there for the other.
    chosen.sort(
        key=lambda each: each[1].loss / max(_saved(states[each[0]], each[1], by_time), 1e-12)
    )
    return Choice(tuple(option.row for _, option in chosen), *cost, _holds(cost, target))


def _least(state: LayerState, by_time: bool) -> Option | None:
    """What saves most, None where nothing saves anything; of equals the one that loses least."""
    able = [option for option in state.options if _saved(state, option, by_time) > 0]
    return max(able, key=lambda o: (_saved(state, o, by_time), -o.loss), default=None)


def _saved(state: LayerState, option: Option | None, by_time: bool) -> float:
    if option is None:
        return 0.0
    assert state.seconds is not None
    return state.seconds - option.seconds if by_time else float(state.macs - option.macs)


def _loss(option: Option | None) -> float:
    return 0.0 if option is None else max(0.0, option.loss)


def _gain(state: LayerState, now: Option | None, then: Option | None, by_time: bool) -> float:
    """Loss that a step gives back for each unit of what it costs."""
    spent = _saved(state, now, by_time) - _saved(state, then, by_time)
    return (_loss(now) - _loss(then)) / max(spent, 1e-12)


def _cost(
    states: dict[str, LayerState], now: dict[str, Option | None], base_s: float, base_macs: int
) -> tuple[float, int]:
    saved_s = sum(_saved(states[name], option, True) for name, option in now.items())
    saved_macs = sum(_saved(states[name], option, False) for name, option in now.items())
    return base_s - saved_s, base_macs - round(saved_macs)


def _holds(cost: tuple[float, int], target: Target) -> bool:
    return (target.seconds is None or cost[0] <= target.seconds) and (
        target.macs is None or cost[1] <= target.macs
    )
