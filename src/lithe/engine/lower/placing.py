"""Concatenation without copies: what is joined along channels is written side by side."""

from collections import Counter
from dataclasses import dataclass

from lithe.graph import Graph, Node
from lithe.graph.ops import (
    ChannelShuffle,
    Concat,
    Copy,
    Dropout,
    Flatten,
    Reshape,
    Slice,
)

# What these give is no new tensor, or may be none, so nobody can say where it is to lie.
_ALIASES = (Reshape, Flatten, Copy, Dropout, Slice, ChannelShuffle)


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor's part of the buffer of the concatenation `buffer`, from a channel on."""

    buffer: str
    channel: int


def concat_slots(graph: Graph) -> dict[str, Slot]:
    """Slots of the tensors that are to be written into a concatenation, and of those it makes.

    The last concatenation chooses first: one that joins the first few tensors of a later
    one, as in DenseNet, then is a part of that one's buffer.
    """
    made_by = {node.output: node for node in graph.nodes}
    slots: dict[str, Slot] = {}
    for node in reversed(graph.nodes):
        if not joins_channels(graph, node) or shuffle_of(graph, node):
            continue
        starts = channel_starts(graph, node)
        known = [slots.get(name) for name in node.inputs]
        own = slots.get(node.output)
        first = known[0]
        if own is None and first is not None:
            in_line = [Slot(first.buffer, first.channel + start) for start in starts]
            if known == in_line:
                slots[node.output] = first
                continue
        base = slots.setdefault(node.output, Slot(node.output, 0))
        counts = Counter(node.inputs)
        for name, start in zip(node.inputs, starts, strict=True):
            made = made_by.get(name)
            if (
                made is not None
                and not isinstance(made.op, _ALIASES)
                and name not in slots
                and name not in graph.outputs
                and counts[name] == 1
            ):
                slots[name] = Slot(base.buffer, base.channel + start)
    return slots


def joins_channels(graph: Graph, node: Node) -> bool:
    """Whether a node joins images, or rows of features, along their channels."""
    return (
        isinstance(node.op, Concat)
        and node.op.axis == 1
        and len(graph.shapes[node.output])
        in (
            2,
            4,
        )
    )


def channel_starts(graph: Graph, node: Node) -> list[int]:
    """The channel at which each input of a concatenation begins."""
    starts = [0]
    for name in node.inputs[:-1]:
        starts.append(starts[-1] + graph.shapes[name][1])
    return starts


def shuffle_of(graph: Graph, node: Node) -> Node | None:
    """The channel shuffle that alone reads a concatenation of as many equal parts as it has groups.

    Together they are one copy that takes channels from the parts in turn.
    """
    readers = [other for other in graph.nodes if node.output in other.inputs]
    if len(readers) != 1 or node.output in graph.outputs or not joins_channels(graph, node):
        return None
    op = readers[0].op
    widths = {graph.shapes[name][1] for name in node.inputs}
    if isinstance(op, ChannelShuffle) and op.groups == len(node.inputs) and len(widths) == 1:
        return readers[0]
    return None
