"""Products of tensors: matrices, attention, and sums over named indices.

Here and in `Concat` and `AddProduct`, `operands` says what the operator is applied to, in
order: None stands for the node's next input, a shape for its next constant. Without it all
operands are inputs.
"""

from dataclasses import dataclass
from math import prod

from lithe.errors import LitheError
from lithe.graph.ops.op import Op, Operands, Shape, broadcast, filled_in


@dataclass(frozen=True, slots=True)
class MatMul(Op):
    """Product of two matrices, or of as many as the leading axes that broadcast say.

    (..., m, k) times (..., k, n) is (..., m, n); an operand of one axis is a row on the left,
    a column on the right, and that axis goes. As `torch.matmul`. Constants: see `operands`.
    """

    operands: Operands = ()

    def shape(self, *inputs: Shape) -> Shape:
        """(..., m, n) with the leading axes broadcast.

        Raises:
            LitheError: not two operands, or sizes that do not fit.
        """
        return self._sizes(inputs)[0]

    def macs(self, *inputs: Shape) -> int:
        """K for every output element."""
        out, k = self._sizes(inputs)
        return prod(out) * k

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Those of `operands`."""
        return tuple(shape for shape in self.operands if shape is not None)

    def _sizes(self, inputs: tuple[Shape, ...]) -> tuple[Shape, int]:
        left, right = _several(self.operands, inputs, (2,), "a product of matrices")
        if not left or not right:
            raise LitheError(f"{left} and {right} are no matrices")
        m, n = left[-2:-1], right[-1:] if len(right) > 1 else ()
        if left[-1] != right[-2:][0]:
            raise LitheError(f"the last axis of {left} is not the one of {right} that it meets")
        return (*broadcast(left[:-2], right[:-2]), *m, *n), left[-1]


@dataclass(frozen=True, slots=True)
class Attention(Op):
    """softmax(scale q k^T + mask) v over the last two axes: q (..., l, e), k (..., s, e).

    v is (..., s, e_v); leading axes broadcast, or with `grouped` each head of k and v, axis
    -3, serves as many heads of q in turn as there are more of those. `scale` is 1 / sqrt(e)
    where None. A fourth operand is the mask, (..., l, s), added, or where it is boolean -inf
    where it is false; `causal` lets query i see keys 0 ... i. Constants: see `operands`.
    """

    scale: float | None = None
    causal: bool = False
    grouped: bool = False
    operands: Operands = ()

    def shape(self, *inputs: Shape) -> Shape:
        """(..., l, e_v).

        Raises:
            LitheError: not three or four operands, or sizes that do not fit.
        """
        scores, _, e_v = self._sizes(inputs)
        return (*scores[:-1], e_v)

    def macs(self, *inputs: Shape) -> int:
        """Two products of matrices: e + e_v for every score, masked ones too."""
        scores, e, e_v = self._sizes(inputs)
        return prod(scores) * (e + e_v)

    def other_ops(self, *inputs: Shape) -> int:
        """Six a score, scale and softmax, and one more with a mask."""
        scores, _, _ = self._sizes(inputs)
        masked = self.causal or len(filled_in(self.operands, inputs)) == 4
        return prod(scores) * (6 + masked)

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Those of `operands`."""
        return tuple(shape for shape in self.operands if shape is not None)

    def _sizes(self, inputs: tuple[Shape, ...]) -> tuple[Shape, int, int]:
        q, k, v, *mask = _several(self.operands, inputs, (3, 4), "attention")
        if min(len(q), len(k), len(v)) < 2 or q[-1] != k[-1] or k[-2] != v[-2]:
            raise LitheError(f"queries {q}, keys {k} and values {v} do not fit")
        leading = [q[:-2], k[:-2], v[:-2]]
        if self.grouped and min(map(len, leading)):
            heads, shared = q[-3], k[-3]
            if heads % shared or v[-3] != shared:
                raise LitheError(f"{heads} heads of queries do not share {shared} of keys")
            leading = [(*each[:-1], heads) for each in leading]
        scores = (*broadcast(*leading), q[-2], k[-2])
        if mask and broadcast(scores, mask[0]) != scores:
            raise LitheError(f"a mask of {mask[0]} does not fit scores of {scores}")
        return scores, q[-1], v[-1]


@dataclass(frozen=True, slots=True)
class Einsum(Op):
    """Sum of the product of tensors over all indices that the output does not name.

    `equation` is `bhid,bhjd->bhij`: one letter for each axis, no ellipsis, the output named.
    Constants: see `operands`.
    """

    equation: str
    operands: Operands = ()

    def shape(self, *inputs: Shape) -> Shape:
        """The sizes of the letters behind the arrow.

        Raises:
            LitheError: letters and axes do not fit, or a letter has two sizes.
        """
        sizes = self._sizes(inputs)
        return tuple(sizes[letter] for letter in self.equation.split("->")[1])

    def macs(self, *inputs: Shape) -> int:
        """One for each value of all indices together, for every tensor after the first."""
        operands = filled_in(self.operands, inputs)
        return prod(self._sizes(inputs).values()) * (len(operands) - 1)

    def other_ops(self, *inputs: Shape) -> int:
        """Of one tensor one an element, as a sum; of several none."""
        return prod(inputs[0]) if len(filled_in(self.operands, inputs)) == 1 else 0

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Those of `operands`."""
        return tuple(shape for shape in self.operands if shape is not None)

    def _sizes(self, inputs: tuple[Shape, ...]) -> dict[str, int]:
        named, arrow, out = self.equation.partition("->")
        terms, operands = named.split(","), filled_in(self.operands, inputs)
        letters = {*named} - {","}
        if not arrow or not all(each.isalpha() for each in letters) or not {*out} <= letters:
            raise LitheError(f"{self.equation} does not name each axis by a letter")
        if [len(term) for term in terms] != [len(shape) for shape in operands]:
            raise LitheError(f"{self.equation} does not fit {' and '.join(map(str, operands))}")
        sizes: dict[str, int] = {}
        for term, shape in zip(terms, operands, strict=True):
            for letter, size in zip(term, shape, strict=True):
                if sizes.setdefault(letter, size) != size:
                    raise LitheError(f"index {letter} is {sizes[letter]} and {size}")
        return sizes


@dataclass(frozen=True, slots=True)
class AddProduct(Op):
    """a + value b c, element by element, of three operands that broadcast.

    Constants: see `operands`.
    """

    value: float = 1.0
    operands: Operands = ()

    def shape(self, *inputs: Shape) -> Shape:
        """The broadcast shape of all three.

        Raises:
            LitheError: not three operands, or shapes that do not broadcast.
        """
        return broadcast(*_several(self.operands, inputs, (3,), "a + b c"))

    def other_ops(self, *inputs: Shape) -> int:
        """Two an output element, three with a `value`."""
        return prod(self.shape(*inputs)) * (2 + (self.value != 1))

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Those of `operands`."""
        return tuple(shape for shape in self.operands if shape is not None)


def _several(
    operands: Operands, inputs: tuple[Shape, ...], counts: tuple[int, ...], what: str
) -> tuple[Shape, ...]:
    shapes = filled_in(operands, inputs)
    if len(shapes) not in counts:
        raise LitheError(f"{what} of {len(shapes)} tensors")
    return shapes
