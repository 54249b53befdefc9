"""Where costs go by module: paths with dots between their parts, as a tree.

What a step does for several layers is not shared out among them: it is the innermost module
that holds all of them which took the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lithe.profiling import Profile

ROOT = ""


@dataclass(frozen=True, slots=True)
class Module:
    """One module with all that is below it; `parent` is an index, None for the network.

    `layers` are indices into `Profile.layers`. `times_s` has the medians of the steps of
    each of `Profile.latencies`, added up; a step counts where all its layers are below.
    `label` is the path without the parent's.
    """

    path: str
    label: str
    parent: int | None
    depth: int
    layers: tuple[int, ...]
    macs: int
    params: int
    moved_bytes: int
    times_s: tuple[float, ...]


def module_tree(profile: Profile) -> tuple[Module, ...]:
    """The network, then every module below the one that holds it, in order of processing.

    A module that holds nothing but one other is left out: its name stays in the other's.
    """
    paths = [layer.path for layer in profile.layers]
    below: dict[str, list[int]] = {ROOT: []}
    for index, path in enumerate(paths):
        for module in _up(path):
            below.setdefault(module, []).append(index)
    children: dict[str, list[str]] = {}
    for module in below:
        if module != ROOT:
            children.setdefault(_parent(module), []).append(module)
    own = set(paths)
    times = _times(profile, own)
    result: list[Module] = []
    waiting: list[tuple[str, int | None, int]] = [(ROOT, None, 0)]
    while waiting:
        module, parent, depth = waiting.pop()
        while module != ROOT and module not in own and len(children[module]) == 1:
            module = children[module][0]
        at = len(result)
        layers = tuple(below[module])
        above = result[parent].path if parent is not None else ROOT
        result.append(
            Module(
                path=module,
                label=module[len(above) + 1 if above else 0 :],
                parent=parent,
                depth=depth,
                layers=layers,
                macs=sum(profile.layers[i].macs for i in layers),
                params=sum(profile.layers[i].params for i in layers),
                moved_bytes=sum(profile.layers[i].moved_bytes for i in layers),
                times_s=tuple(run.get(module, 0.0) for run in times),
            )
        )
        waiting += [(child, at, depth + 1) for child in reversed(children.get(module, []))]
    return tuple(result)


def _times(profile: Profile, own: set[str]) -> list[dict[str, float]]:
    """Per run the seconds of each module: those of its steps and of all below it."""
    result = []
    for run in profile.latencies:
        seconds: dict[str, float] = {}
        for step in run.steps:
            for module in _up(common_path([profile.layers[i].path for i in step.layers])):
                seconds[module] = seconds.get(module, 0.0) + step.p50_s
        result.append(seconds)
    return result


def common_path(paths: Sequence[str]) -> str:
    """The innermost module that holds all of these.

    >>> common_path(["blocks.2.expand.conv", "blocks.2.project.conv"])
    'blocks.2'
    """
    shared: list[str] = []
    for parts in zip(*(path.split(".") for path in paths), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return ".".join(shared)


def _up(path: str) -> list[str]:
    """The path itself, then the modules around it, the network last."""
    result = [path] if path != ROOT else []
    while result and "." in result[-1]:
        result.append(_parent(result[-1]))
    return list(dict.fromkeys([*result, ROOT]))


def _parent(path: str) -> str:
    return path.rpartition(".")[0]
