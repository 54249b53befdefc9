"""Modules as a tree: against sums taken layer by layer."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.report.profile_sample import renamed, sample, static_sample

from lithe.profiling import Profile
from lithe.report.module_tree import common_path, module_tree

PARTS = st.sampled_from(["a", "b", "conv", "0", "1", ""])
PATHS = st.lists(PARTS, min_size=1, max_size=4).map(".".join)


@pytest.fixture(scope="module")
def whole() -> Profile:
    return sample()


def test_a_network_is_the_sum_of_its_layers_and_steps(whole: Profile) -> None:
    root = module_tree(whole)[0]
    assert (root.path, root.parent, root.depth) == ("", None, 0)
    assert root.layers == tuple(range(len(whole.layers)))
    assert (root.macs, root.params) == (whole.macs, whole.params)
    assert root.times_s == pytest.approx([run.steps_s for run in whole.latencies])


def test_every_module_is_what_its_path_says(whole: Profile) -> None:
    for module in module_tree(whole)[1:]:
        inside = [
            i
            for i, layer in enumerate(whole.layers)
            if layer.path == module.path or layer.path.startswith(module.path + ".")
        ]
        assert list(module.layers) == inside
        assert module.macs == sum(whole.layers[i].macs for i in inside)
        for run, seconds in zip(whole.latencies, module.times_s, strict=True):
            steps = [step for step in run.steps if set(step.layers) <= set(inside)]
            assert seconds == pytest.approx(sum(step.p50_s for step in steps))


def test_modules_that_hold_one_other_are_left_out(whole: Profile) -> None:
    tree = module_tree(whole)
    labels = {module.label for module in tree if module.path.startswith("blocks.2.")}
    assert labels == {"expand.conv", "depthwise.conv", "project.conv"}
    assert "blocks.2.expand" not in {module.path for module in tree}


def test_a_step_of_several_layers_is_the_innermost_modules_own(whole: Profile) -> None:
    tree = {module.path: module for module in module_tree(whole)}
    step = next(s for s in whole.latencies[0].steps if s.label == "blocks.2.project.conv")
    assert len(step.layers) == 3
    assert tree["blocks.2"].times_s[0] == step.p50_s
    assert tree["blocks.2.expand.conv"].times_s[0] == 0
    assert tree["blocks.2.expand.conv"].times_s[1] > 0


@settings(max_examples=60, deadline=None)
@given(st.lists(PATHS, min_size=1, max_size=20))
def test_any_names_make_a_tree_that_loses_nothing(paths: list[str]) -> None:
    profile = static_sample()
    profile = renamed(replace(profile, layers=profile.layers[: len(paths)]), paths)
    tree = module_tree(profile)
    for index, module in enumerate(tree[1:], start=1):
        assert module.parent is not None
        assert module.parent < index
        assert module.depth == tree[module.parent].depth + 1
        assert set(module.layers) <= set(tree[module.parent].layers)
    held = [set[int]() for _ in tree]
    for module in tree[1:]:
        assert module.parent is not None
        assert not held[module.parent] & set(module.layers)  # siblings share no layer
        held[module.parent] |= set(module.layers)
    for module, below in zip(tree, held, strict=True):
        # What is in no module below belongs to this one by its own name.
        own = {profile.layers[i].path for i in set(module.layers) - below}
        assert own <= {module.path}


@given(st.lists(PATHS, min_size=1, max_size=5))
def test_the_common_path_is_the_longest_that_all_begin_with(paths: list[str]) -> None:
    found = common_path(paths).split(".") if common_path(paths) else []
    split = [path.split(".") for path in paths]
    naive: list[str] = []
    for length in range(1, min(map(len, split)) + 1):
        if all(parts[:length] == split[0][:length] for parts in split):
            naive = split[0][:length]
    assert ".".join(found) == ".".join(naive)
