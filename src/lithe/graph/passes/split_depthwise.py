"""A depthwise convolution of several filters per channel becomes several of one filter each.

Output channel i r + j of one with r filters reads input channel i. Filters j of all channels
are a plain depthwise convolution, which the engine has kernels for; the pointwise one behind is
linear, so its columns j go with them and the r outcomes are summed.
"""

from dataclasses import replace

from lithe.graph.graph import Node
from lithe.graph.model import Array, Model
from lithe.graph.ops import Binary, Conv2d
from lithe.graph.passes.rewriting import read_counts, rebuilt

# With more the outcome is read and written too often; a 3x3 kernel needs no more.
_MOST_FILTERS = 9


def split_depthwise(model: Model) -> Model:
    """The model with every pair of such a depthwise and a pointwise convolution as r pairs.

    A depthwise convolution that something else reads, or that has anything but a pointwise one
    behind it, stays. So does one of many filters for few channels, whose filters fill vectors
    better than its channels do. Where the pair's output is added to another tensor, that is
    where the sum begins, so that every addition has a convolution to be fused with.
    """
    graph = model.graph
    counts = read_counts(graph)
    depthwise = {
        node.output: node
        for node in graph.nodes
        if _has_several_filters(node) and counts[node.output] == 1
    }
    adds = {
        name
        for node in graph.nodes
        if node.op == Binary("add") and len(node.inputs) == 2
        for name in node.inputs
        if len({graph.shapes[each] for each in node.inputs}) == 1
    }
    pairs: dict[str, tuple[Node, Node]] = {}  # by the tensor that a pair makes
    nodes: list[Node] = []
    added: dict[str, Array] = {}
    for node in graph.nodes:
        if _is_pointwise(node) and node.inputs[0] in depthwise:
            pair = depthwise[node.inputs[0]], node
            if counts[node.output] == 1 and node.output in adds:
                pairs[node.output] = pair
                continue
            branches, arrays = _branches(model, pair)
        elif node.op == Binary("add") and (own := [n for n in node.inputs if n in pairs]):
            # All of it runs where the addition stood: there the other tensor is ready.
            start = node.inputs[1 - node.inputs.index(own[-1])]
            if start in pairs:
                first, arrays = _branches(model, pairs[start])
                nodes += first
                added |= arrays
            branches, arrays = _branches(model, pairs[own[-1]], start, node)
        else:
            nodes.append(node)
            continue
        nodes += branches
        added |= arrays
    return rebuilt(model, nodes, added=added)


def _has_several_filters(node: Node) -> bool:
    op = node.op
    if not isinstance(op, Conv2d) or not op.groups == op.c_in > 1:
        return False
    return 1 < op.c_out // op.c_in <= min(op.c_in // 2, _MOST_FILTERS)


def _is_pointwise(node: Node) -> bool:
    op = node.op
    return isinstance(op, Conv2d) and op == Conv2d(op.c_in, op.c_out, (1, 1), bias=op.bias)


def _branches(
    model: Model, pair: tuple[Node, Node], start: str = "", end: Node | None = None
) -> tuple[list[Node], dict[str, Array]]:
    """The nodes of a pair's r branches and their arrays; `start` is added where there is one.

    What comes last writes the tensor of `end`, the addition that goes in, else of the pair.
    """
    depthwise, pointwise = pair
    assert isinstance(depthwise.op, Conv2d)
    assert isinstance(pointwise.op, Conv2d)
    c, r = depthwise.op.c_in, depthwise.op.c_out // depthwise.op.c_in
    spatial = replace(depthwise.op, c_out=c)
    filters = [model.values[name] for name in depthwise.constants]  # weight and bias alike
    weight, *bias = (model.values[name] for name in pointwise.constants)
    adding, last = end or pointwise, (end or pointwise).output
    nodes: list[Node] = []
    arrays: dict[str, Array] = {}
    total = start
    for j in range(r):
        # One branch has the bias; views, so that a model of zeros still takes no memory.
        mixing = Conv2d(c, pointwise.op.c_out, (1, 1), bias=pointwise.op.bias and not j)
        own = {f"split:{depthwise.output}:{j}:{i}": a[j::r] for i, a in enumerate(filters)}
        mine = (weight[:, j::r], *(bias if not j else ()))
        mixed = {f"split:{pointwise.output}:{j}:{i}": a for i, a in enumerate(mine)}
        arrays |= own | mixed
        filtered, made = f"{depthwise.output}:{j}", f"{pointwise.output}:{j}"
        nodes.append(replace(depthwise, op=spatial, output=filtered, constants=tuple(own)))
        nodes.append(
            replace(pointwise, op=mixing, inputs=(filtered,), output=made, constants=tuple(mixed))
        )
        if total:
            summed = last if j == r - 1 else f"{last}:sum{j}"
            add = Binary("add")
            nodes.append(Node(add, (total, made), summed, adding.path, source=adding.source))
            made = summed
        total = made
    return nodes, arrays
