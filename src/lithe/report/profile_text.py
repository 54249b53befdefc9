"""A profile on a terminal: one screen of summary, then tables, then the layers."""

from rich.console import RenderableType

from lithe.profiling import Profile
from lithe.report.profile_layers import layers_text
from lithe.report.profile_summary import notes_fit, notes_text, summary
from lithe.report.profile_tables import kinds_text, largest_text, modules_text
from lithe.report.step_groups import Sort
from lithe.report.terminal import spaced


def profile_text(
    profile: Profile, sort: Sort | None = None, width: int = 80, depth: int | None = None
) -> RenderableType:
    """Summary, by kind, by module, the largest tensors, a line per layer, the last notes.

    `width` columns say how many figures fit, `depth` how far down modules are listed.
    """
    parts = (
        summary(profile),
        kinds_text(profile),
        modules_text(profile, depth, width),
        largest_text(profile),
        layers_text(profile, sort, width),
        *([] if notes_fit(profile) else notes_text(profile)),
    )
    return spaced(*(part for part in parts if part is not None))
