"""A profile as a notebook shows it: one HTML table in the notebook's own colours."""

from html import escape
from typing import TYPE_CHECKING

from lithe.units import format_bytes, format_count

if TYPE_CHECKING:
    from lithe.cost import LayerCost
    from lithe.profiling.values import Profile

_HEAD = ("Layer", "Kind", "Input", "Output", "MACs", "Params", "Activation", "Live")
_TEXT_COLUMNS = 4  # the columns before the first figure
_LEFT, _RIGHT = ' style="text-align:left"', ' style="text-align:right"'


def as_html(profile: "Profile") -> str:
    """A caption with the totals, then one line per layer; no script and no style sheet."""
    head = "".join(f"<th{_align(i)}>{name}</th>" for i, name in enumerate(_HEAD))
    body = "".join(f"<tr>{_line(layer)}</tr>" for layer in profile.layers)
    return (
        f"<table><caption{_LEFT}>{_caption(profile)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _caption(profile: "Profile") -> str:
    bound = "at least " if profile.unknown else ""
    shape = " x ".join(map(str, profile.input_shape))
    totals = (
        f"{bound}{format_count(profile.macs)} MACs, {bound}{format_count(profile.params)} params, "
        f"peak activations {bound}{format_bytes(profile.peak_activation_bytes)} "
        f"at {escape(profile.peak_layer)}"
    )
    lines = [f"<b>{escape(profile.name)}</b>, input {shape}", totals]
    if profile.unknown:
        lines.append(f"not counted: {escape(', '.join(profile.unknown))}")
    return "<br>".join(lines)


def _line(layer: "LayerCost") -> str:
    cells = (
        escape(layer.path),
        escape(layer.op if layer.kind == "unknown" else layer.kind),
        " x ".join(map(str, layer.in_shape)),
        " x ".join(map(str, layer.out_shape)),
        format_count(layer.macs),
        format_count(layer.params),
        format_bytes(layer.activation_bytes),
        format_bytes(layer.live_bytes),
    )
    return "".join(f"<td{_align(i)}>{cell}</td>" for i, cell in enumerate(cells))


def _align(column: int) -> str:
    return _LEFT if column < _TEXT_COLUMNS else _RIGHT
