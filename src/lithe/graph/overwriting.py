"""Programs in which a tensor changes under another name.

`F.relu_(x[:, :8])` changes x, of which a graph in which each tensor is written once knows
nothing. Most in-place calls are harmless: nobody reads the old name afterwards.
"""

from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import Node as FxNode

from lithe.graph.fx import arguments, flat


def without_overwriting(program: ExportedProgram) -> ExportedProgram:
    """The same program with nothing changed in place where a changed tensor is read again.

    Most programs come back as they are.
    """
    return program.run_decompositions({}) if _reads_changed(program) else program


def _reads_changed(program: ExportedProgram) -> bool:
    names: dict[int, set[str]] = {}  # of each storage
    stale: set[str] = set()
    for node in program.graph.nodes:
        read = arguments(node)
        if str(node.target) == "aten.copy_.default":
            read = read[1:]  # the first one is only written to
        if any(value.name in stale for value in read):
            return True
        held = storages(node)
        if is_in_place(node):
            changed = arguments(node)[0]
            stale.add(changed.name)
            for storage in held | storages(changed):
                stale |= names.get(storage, set())
        for storage in held:
            names.setdefault(storage, set()).add(node.name)
    return False


def is_in_place(node: FxNode) -> bool:
    """Whether a call writes to the first tensor that it reads."""
    schema = getattr(node.target, "_schema", None)
    return schema is not None and schema.is_mutable


def storages(node: FxNode) -> set[int]:
    """What tells whether tensors share memory: one number for each memory in a call's value."""
    tensors = [value for value in flat(node.meta.get("val")) if isinstance(value, Tensor)]
    return {tensor.untyped_storage()._cdata for tensor in tensors}
