"""What other counters say of a network, and why that is not what lithe says.

Every difference has a row here with the exact amount, worked out from the calls that the
network makes: the tests hold that our count and these amounts together give the other
counter's total, and the documentation's table is written from the same rows.
"""

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, isqrt, prod
from typing import Any, Literal

from fvcore.nn import FlopCountAnalysis
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from lithe.graph.fx import flat
from lithe.graph.ops import Shape

Counter = Literal["torch", "fvcore"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a function of torch: its name, the shapes of its tensors, of its result.

    The tensors have the names of the function's own arguments, or their places where it has
    no names. Where none of them depends on the network's input, the name says "of constants".
    """

    name: str
    inputs: Mapping[str, Shape]
    out: Shape


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Calls that a counter counts otherwise: `amount` is its MACs less ours, per call.

    `formula` is the amount in words.
    """

    counters: tuple[Counter, ...]
    functions: tuple[str, ...]
    amount: Callable[[Call], int]
    formula: str
    reason: str


class Calls(TorchFunctionMode):
    """Keeps, while it is entered, the calls of functions for which there is a disagreement.

    `image` is what the network is given.
    """

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.seen: list[Call] = []
        self._varying = [image]  # held, so that no other tensor gets the identity of one
        self._identities = {id(image)}

    def __torch_function__(
        self, func: Any, types: Sequence[Any], args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        varies = any(id(a) in self._identities for a in flat([*args, *kwargs.values()]))
        if varies:
            made = [value for value in flat(out) if isinstance(value, Tensor)]
            self._varying += made
            self._identities.update(map(id, made))
        name = getattr(func, "__name__", "")
        if name == "interpolate":
            name = f"{kwargs['mode']} interpolation"
        if any(isinstance(a, str) for a in (*args, *kwargs.values())) and name == "conv2d":
            name = "conv2d with padding in words"
        if not varies:
            name += " of constants"
        if name in _FUNCTIONS:
            given = _by_name(func, args, kwargs).items()
            shapes = {key: tuple(v.shape) for key, v in given if isinstance(v, Tensor)}
            self.seen.append(Call(name, shapes, tuple(out.shape)))
        return out


def _by_name(func: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    try:
        names = dict(inspect.signature(func).bind(*args, **kwargs).arguments)
    except ValueError:  # compiled
        names = {"args": args, **kwargs}
    places = names.pop("args", ())
    return {**{str(place): value for place, value in enumerate(places)}, **names}


def torch_flops(network: nn.Module, image: Tensor) -> int:
    """The total of `torch.utils.flop_counter`, in its FLOPs. Runs the network once."""
    with FlopCounterMode(display=False) as counter:
        network(image)
    return int(counter.get_total_flops())


def fvcore_flops(network: nn.Module, image: Tensor) -> int:
    """The total of fvcore, in its "flops", which are MACs. Runs the network once.

    Traces through `torch.jit`, for which the tensors need memory.
    """
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    analysis = FlopCountAnalysis(network, image)
    return int(analysis.unsupported_ops_warnings(False).total())


def difference_macs(counter: Counter, calls: Sequence[Call]) -> int:
    """The counter's MACs less ours for a network that makes these calls."""
    return sum(
        row.amount(call)
        for row in DISAGREEMENTS
        if counter in row.counters
        for call in calls
        if call.name in row.functions
    )


def _norm(call: Call) -> int:
    """A guess of fvcore's for any norm that works out its own statistics."""
    return prod(call.inputs["input"]) * (5 if "weight" in call.inputs else 4)


def _batch_norm(call: Call) -> int:
    return prod(call.inputs["input"]) * (2 if "weight" in call.inputs else 1)


def _product(call: Call) -> int:
    _, weight = list(call.inputs.values())[:2]
    return prod(call.out) * prod(weight[1:])


def _contraction(call: Call) -> int:
    """Of (m, k) and (k, n) to (m, n), where each may be several axes: m k n."""
    first, second = call.inputs.values()
    return isqrt(prod(first) * prod(second) * prod(call.out))


def _attention(call: Call) -> int:
    query, key, value = list(call.inputs.values())[:3]
    return prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


DISAGREEMENTS: tuple[Disagreement, ...] = (
    Disagreement(
        ("fvcore",),
        ("batch_norm",),
        _batch_norm,
        "+2 for each element, +1 without weights",
        "part of the convolution before it",
    ),
    Disagreement(
        ("fvcore",),
        ("batch_norm of constants",),
        _norm,
        "+5 for each element, +4 without weights",
        "a filter that is standardised; once, before any run",
    ),
    Disagreement(
        ("fvcore", "torch"),
        ("conv2d of constants", "linear of constants"),
        _product,
        "+its multiply-accumulates",
        "an encoding of positions; once, before any run",
    ),
    Disagreement(
        ("torch",),
        ("einsum of constants",),
        _contraction,
        "+its multiply-accumulates",
        "a table of relative positions that is spread; once, before any run",
    ),
    Disagreement(
        ("fvcore",),
        ("einsum of constants",),
        lambda call: floor(float(f"{2 * _contraction(call):.3e}") / 2),
        "+its multiply-accumulates in four digits",
        "the same; fvcore reads the number from NumPy's printed report",
    ),
    Disagreement(
        ("fvcore",),
        ("layer_norm", "group_norm"),
        _norm,
        "+5 for each element, +4 without weights",
        "lithe has it among the operations that are no MACs",
    ),
    Disagreement(
        ("fvcore",),
        ("adaptive_avg_pool2d",),
        lambda call: prod(call.inputs["input"]),
        "+1 for each element of the input",
        "additions without a multiplication; `mean` over the same pixels is 0 there",
    ),
    Disagreement(
        ("fvcore",),
        ("nearest interpolation",),
        lambda call: prod(call.out),
        "+1 for each element of the output",
        "copies, no arithmetic",
    ),
    Disagreement(
        ("fvcore",),
        ("bilinear interpolation",),
        lambda call: 4 * prod(call.out),
        "+4 for each element of the output",
        "lithe has it among the operations that are no MACs",
    ),
    Disagreement(
        ("fvcore",),
        ("scaled_dot_product_attention",),
        lambda call: -_attention(call),
        "less the two products of attention",
        "it does not know the operator, which is then 0",
    ),
    Disagreement(
        ("fvcore",),
        ("conv2d with padding in words",),
        lambda call: -_product(call),
        "less the convolution",
        'with `padding="same"` it is another operator to torch, which fvcore does not know',
    ),
)
_FUNCTIONS = frozenset(name for row in DISAGREEMENTS for name in row.functions)
