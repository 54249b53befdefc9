"""The page of a profile: the three dimensions of one network, and where each of them goes."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from lithe.cost import by_kind
from lithe.device import Device
from lithe.profiling import Profile
from lithe.profiling.values import Buffer, MemoryUse
from lithe.report import profile_words as words
from lithe.report.kinds import KIND_STYLES
from lithe.report.module_tree import Module, module_tree
from lithe.report.offline_page import joined, offline_page
from lithe.report.profile_plots import WAYS, by_layer, profile_plots, runs
from lithe.runtimes import WORDS
from lithe.units import format_bytes, format_count, format_seconds, format_shape

STYLES = ("profile.css",)
SCRIPTS = (
    "format.js", "link.js", "marks.js", "roofline.js", "memory.js", "modules.js", "layers.js",
    "profile.js",
)  # fmt: skip
SHOWN_ALIVE = 8  # tensors in the list of those alive at a peak


def profile_page(profile: Profile) -> str:
    """The HTML of one profile; about 5 MB, opens offline.

    Names from outside (layers, operators, the machine) are shown as text wherever they stand.
    What the profile does not hold is left out, and its notes say why.
    """
    data = profile_plots(profile)
    return offline_page(
        "profile.html",
        title=f"{profile.name}: profile",
        styles=STYLES,
        scripts=SCRIPTS,
        data=data,
        values={
            "profile": profile,
            "result": joined(words.result(profile)),
            "dimensions": words.dimensions(profile),
            "kinds": _kinds(profile),
            "kind_styles": KIND_STYLES,
            "used_kinds": _used_kinds(data),
            "markup": Markup,
            "modules": _modules(profile),
            "first_times": _first_times(profile),
            "fused": any(len(s.layers) > 1 for run in profile.latencies for s in run.steps),
            "peaks": tuple((WAYS[use.way], use, _alive(use)) for use in profile.memory),
            "device": _device_facts(profile),
            "energy": tuple(map(words.energy_text, profile.energy)),
            "resident": tuple(map(words.resident_text, profile.resident)),
            "run_facts": words.run_facts,
            "runtime_words": WORDS,
            "joined": joined,
            "shape": format_shape,
            "count": lambda value: joined(format_count(value)),
            "bytes": lambda value: joined(format_bytes(value)),
            "seconds": lambda value: joined(format_seconds(value)),
            "at_least": "at least " if profile.unknown else "",
        },
    )


def _modules(profile: Profile) -> list[tuple[int, Module]]:
    """The network and its modules of several layers; single ones are in the table of layers."""
    return [
        (index, module)
        for index, module in enumerate(module_tree(profile))
        if len(module.layers) > 1 or not index
    ]


def _first_times(profile: Profile) -> list[dict[str, Any]]:
    found = runs(profile)
    return by_layer(found[0], len(profile.layers)) if found else []


def _used_kinds(data: dict[str, Any]) -> list[str]:
    found = {kind for run in data["runs"] for kind in run["steps"].get("kind", ())}
    found |= set(data["layers"].get("kind", ()))
    return [kind for kind in KIND_STYLES if kind in found]


def _kinds(profile: Profile) -> list[dict[str, Any]]:
    """Rows of Table 2 of the V1 paper, the most MACs first, with the time where there is one."""
    counted = by_kind(profile.layers)
    seconds = [words.kind_seconds(profile, run) for run in profile.latencies]
    keys = {kind for kind, (macs, params) in counted.items() if macs or params}
    keys |= {kind for run in seconds for kind in run}
    keys |= {"unknown"} & set(counted)
    rows = []
    for kind in sorted(keys, key=lambda key: counted.get(key, (-1, 0)), reverse=True):
        macs, params = counted.get(kind, (None, None))
        rows.append(
            {
                "kind": kind,
                "style": KIND_STYLES[kind],
                "macs": macs,
                "params": params,
                "times": [run.get(kind) for run in seconds],
            }
        )
    return rows


def _alive(use: MemoryUse) -> tuple[Sequence[Buffer], int, int]:
    """The largest tensors alive at the peak, how many more there are, and the bytes of those."""
    alive = use.at_peak
    rest = alive[SHOWN_ALIVE:]
    return alive[:SHOWN_ALIVE], len(rest), sum(buffer.bytes for buffer in rest)


def _device_facts(profile: Profile) -> tuple[tuple[str, str], ...]:
    device = profile.prediction.device if profile.prediction else profile.device
    if device is None:
        return ()
    return tuple((name, joined(text)) for name, text in _facts_of(device))


def _facts_of(device: Device) -> list[tuple[str, str]]:
    when = f", {device.date}" if device.date else ""
    facts = [
        ("Machine", device.name),
        ("Figures", ("measured" if device.kind == "measured" else "from data sheet") + when),
        ("Cores", f"{device.cores}" + (f", {device.isa}" if device.isa else "")),
    ]
    facts += [
        (
            f"Multiply-adds, {peak.dtype}",
            f"{format_count(peak.macs_per_s)}MAC/s{_with(peak.threads, peak.source)}",
        )
        for peak in device.peaks
    ]
    facts += [
        (
            f"Read from {row.level}",
            f"{format_bytes(row.read_bytes_per_s)}/s{_with(row.threads, row.source)}",
        )
        for row in device.bandwidths
    ]
    facts += [(f"{cache.level} cache", format_bytes(cache.bytes)) for cache in device.caches]
    return facts + [("Note", note) for note in device.notes]


def _with(threads: int, source: str) -> str:
    # "measured" is said once for the whole machine.
    told = f" ({source})" if source and source != "measured" else ""
    return f", {words.threads(threads)}{told}"
