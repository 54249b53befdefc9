"""Networks side by side as a page: bars, cost against cost, work by kind, one table."""

from typing import Any

from lithe.cost import by_kind
from lithe.cost.layers import KINDS
from lithe.profiling import Profile
from lithe.profiling.side_by_side import SideBySide
from lithe.report.compare_text import how_measured, notes, spread
from lithe.report.conversion_rows import ConversionRows, step_words
from lithe.report.conversion_text import gain, how_timed, slower
from lithe.report.offline_page import joined, offline_page
from lithe.report.orders import orders_text
from lithe.report.profile_tables import KIND_NAMES
from lithe.report.quantities import MACS, Quantity, known
from lithe.units import format_count, format_shape

STYLES = ("compare.css",)
SCRIPTS = (
    "ticks.js", "choice.js", "costs.js", "sorting.js", "scatter.js", "kinds.js", "compare.js",
)  # fmt: skip
_UNITS = {"count": "", "bytes": "B", "seconds": "s", "joules": "J"}
_SHOWN_NAMES = 3  # in the heading


def compare_page(compared: SideBySide, conversion: ConversionRows | None = None) -> str:
    """The HTML of several networks side by side; one file, about 5 MB, that opens offline.

    With a `conversion` the two are a network before and after it, and what became of each
    layer is shown as well. Names from outside are shown as text wherever they stand.
    """
    profiles = compared.profiles
    quantities = known(profiles)
    timed = tuple(each.runtime for each in quantities if each.runtime)
    return offline_page(
        "compare.html",
        title=conversion.title if conversion else _title(profiles),
        styles=STYLES,
        scripts=SCRIPTS,
        data=page_values(compared),
        values={
            "page_title": _title(profiles),
            "sentences": tuple(map(joined, orders_text(profiles))),
            "refused": compared.refused,
            "notes": (*map(joined, notes(profiles)), *(conversion.notes if conversion else ())),
            "how": tuple(how_measured(profiles, runtime) for runtime in timed),
            "upright": _upright(quantities).key,
            "inputs_differ": len({profile.input_shape for profile in profiles}) > 1,
            "conversion": conversion,
            "gain": joined(gain(conversion)) if conversion else "",
            "slower": [joined(line) for line in slower(conversion)] if conversion else [],
            "how_timed": how_timed(conversion) if conversion else "",
            "steps": step_words(conversion.steps) if conversion else (),
        },
    )


def page_values(compared: SideBySide) -> dict[str, Any]:
    """What the template and the scripts read: every number with its text."""
    profiles = compared.profiles
    quantities = known(profiles)
    kinds = [kind for kind in KINDS if any(_part(p, kind) for p in profiles)]
    return {
        "base": compared.to,
        "quantities": [
            {
                "key": each.key,
                "name": each.name,
                "short": each.heading.replace("\n", " "),
                "unit": _UNITS[each.unit],
            }
            for each in quantities
        ],
        "kinds": [{"key": kind, "name": KIND_NAMES[kind]} for kind in kinds],
        "networks": [_network(profile, quantities, kinds) for profile in profiles],
        "most": {each.key: _most(profiles, each) for each in quantities},
    }


def _title(profiles: tuple[Profile, ...]) -> str:
    names = [profile.name for profile in profiles]
    if len(names) == 1:
        return names[0]
    shown, left = names[:_SHOWN_NAMES], len(names) - _SHOWN_NAMES
    if left > 0:
        return f"{', '.join(shown)} and {left} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _upright(quantities: tuple[Quantity, ...]) -> Quantity:
    """What is first shown against MACs: the first latency, else what comes after MACs."""
    return next((each for each in quantities if each.runtime), (*quantities, MACS)[1])


def _network(
    profile: Profile, quantities: tuple[Quantity, ...], kinds: list[str]
) -> dict[str, Any]:
    return {
        "name": profile.name,
        "input": format_shape(profile.input_shape),
        "at_least": bool(profile.unknown),
        "cost": {each.key: _cost(profile, each) for each in quantities},
        "kinds": {kind: _kind(profile, kind) for kind in kinds},
    }


def _cost(profile: Profile, quantity: Quantity) -> dict[str, Any]:
    """A number, its text, whether it is a lower bound, and the range of a latency."""
    run = profile.latency(quantity.runtime) if quantity.runtime else None
    return {
        "value": quantity.of(profile) or None,
        "text": joined(quantity.text(profile)),
        "bound": quantity.is_bound(profile),
        "range": [run.total.p20_s, run.total.p80_s] if run else None,
        "range_text": joined(spread(quantity, profile)),
    }


def _kind(profile: Profile, kind: str) -> dict[str, Any]:
    macs, params = by_kind(profile.layers).get(kind, (0, 0))
    return {
        "macs": macs,
        "params": params,
        "macs_text": joined(format_count(macs)),
        "params_text": joined(format_count(params)),
    }


def _part(profile: Profile, kind: str) -> bool:
    """Whether a network has work or weights of that kind."""
    return any(by_kind(profile.layers).get(kind, (0, 0)))


def _most(profiles: tuple[Profile, ...], quantity: Quantity) -> float:
    """The end of the scale of a quantity's bars."""
    values = [quantity.of(profile) or 0.0 for profile in profiles]
    if quantity.runtime:
        runs = (profile.latency(quantity.runtime) for profile in profiles)
        values += [run.total.p80_s for run in runs if run]
    return max(values)
