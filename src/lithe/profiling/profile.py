"""`lithe.profile`: compute, memory and latency of one network, joined."""

from collections.abc import Sequence

from lithe.profiling.static import counted
from lithe.profiling.subject import Source, graph_of, subject_of
from lithe.profiling.values import Profile


def profile(
    model: Source, input_shape: Sequence[int] | None = None, *, static: bool = False
) -> Profile:
    """What one run of a network costs, counted; with `static` nothing is run.

    Raises:
        LitheError: as `lithe.profiling.static_profile`.
    """
    subject = subject_of(model, input_shape)
    return counted(subject.name, subject.shape, graph_of(subject))
