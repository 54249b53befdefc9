"""Replacements mended on images: last weights by least squares, batch norm's statistics.

Batches are inputs n c h w, the same at every call. Nothing here looks at labels.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lithe.errors import LitheError
from lithe.nets.conversion.layers import CONVERTED, Layer, last_of
from lithe.nets.conversion.rows import Replacement

Batches = Callable[[], Iterable[Tensor]]
_POSITIONS = 64  # of each image that the least squares see
# What keeps a system of few images solvable, as a share of the mean square of its inputs.
_RIDGE = 1e-4


@torch.no_grad()
def refit(
    converted: nn.Module,
    original: nn.Module,
    rows: Sequence[Replacement],
    batches: Batches,
    on_layer: Callable[[], None] = lambda: None,
) -> None:
    """Give each replacement's last layer the weights that come nearest to the original.

    In the order of `rows`, which is that of execution: the input is what the converted network
    computes by then, the target what the original computes there, so that a layer makes up for
    what was lost before it. The sum of squares is minimised, and of solutions that are about
    as good the one nearest to the weights that are there is taken (a ridge). Both networks
    are run in eval mode, on the first one's device.
    """
    converted.eval()
    original.eval()
    for row in rows:
        module = converted.get_submodule(row.layer)
        assert isinstance(module, CONVERTED)
        last = last_of(module)
        c_out, c_between = last.weight.shape[:2]
        gram = torch.zeros(c_between + 1, c_between + 1, dtype=torch.float64)
        cross = torch.zeros(c_between + 1, c_out, dtype=torch.float64)
        with _watched(last, 0) as given, _watched(original.get_submodule(row.layer), 1) as wanted:
            for x in batches():
                converted(x)
                original(x)
                pair = (given.pop(), wanted.pop())
                if isinstance(last, nn.Conv2d):
                    pair = (pair[0].movedim(1, -1), pair[1].movedim(1, -1))
                z, y = _sampled(*pair)
                z = torch.cat([z, z.new_ones(len(z), 1)], 1)
                gram += (z.T @ z).cpu()
                cross += (z.T @ y).cpu()
        _solve(last, gram, cross)
        on_layer()


@torch.no_grad()
def estimate_norms(converted: nn.Module, batches: Batches) -> int:
    """Batch norms get the statistics of what they see now; how many there are that run.

    The mean over all batches, all at once: dropout and the like stay off. One that does not
    run keeps what it has. Batches of a single image are passed over where a norm has one value
    for a channel, which has no variance.

    Raises:
        LitheError: every batch was passed over.
    """
    norms = [m for m in converted.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    norms = [norm for norm in norms if norm.track_running_stats]
    if not norms:
        return 0
    converted.eval()
    before = [(norm.momentum, copy.deepcopy(norm.state_dict())) for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all
        norm.train()
    ran = 0
    try:
        for x in batches():
            ran += _runs(converted, x)
    finally:
        for norm, (momentum, state) in zip(norms, before, strict=True):
            norm.momentum = momentum
            norm.eval()
            if not ran or not norm.num_batches_tracked:
                norm.load_state_dict(state)
    if not ran:
        raise LitheError("batch norm needs batches of 2 images or more to take statistics of")
    return sum(bool(norm.num_batches_tracked) for norm in norms)


def _runs(network: nn.Module, x: Tensor) -> bool:
    """Run a batch; whether it got through, which one of a single value per channel does not."""
    try:
        network(x)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        return False
    return True


@torch.no_grad()
def layer_errors(
    converted: nn.Module, original: nn.Module, layers: Sequence[str], batches: Batches
) -> dict[str, float]:
    """How far layers' outputs are from the original's: the norm of the difference over the norm."""
    converted.eval()
    original.eval()
    sums = {name: torch.zeros(2, dtype=torch.float64) for name in layers}
    with _all_watched(converted, layers) as ours, _all_watched(original, layers) as theirs:
        for x in batches():
            converted(x)
            original(x)
            for name in layers:
                y, target = ours[name].pop().double(), theirs[name].pop().double()
                parts = ((y - target).square().sum(), target.square().sum())
                sums[name] += torch.stack(parts).cpu()
    return {
        name: float((lost / whole).sqrt()) if whole else float(lost > 0)
        for name, (lost, whole) in sums.items()
    }


@contextmanager
def _watched(module: nn.Module, which: int):  # type: ignore[no-untyped-def]
    """A list that gets the input (0) or output (1) of every call, whatever overwrites that."""
    seen: list[Tensor] = []
    hook = module.register_forward_hook(
        lambda _, inputs, output: seen.append((output if which else inputs[0]).clone())
    )
    try:
        yield seen
    finally:
        hook.remove()


@contextmanager
def _all_watched(network: nn.Module, layers: Sequence[str]):  # type: ignore[no-untyped-def]
    seen: dict[str, list[Tensor]] = {name: [] for name in layers}
    hooks = []
    for name in layers:
        keep = seen[name].append

        def watch(_: nn.Module, __: object, output: Tensor, keep=keep) -> None:  # type: ignore[no-untyped-def]
            keep(output.clone())  # an activation behind it may work in place

        hooks.append(network.get_submodule(name).register_forward_hook(watch))
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _sampled(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Some positions of every image, the same of both, as rows of channels in float64.

    Both are n ... c.
    """
    z, y = (each.reshape(len(each), -1, each.shape[-1]) for each in (z, y))
    count = z.shape[1]
    positions = torch.arange(count, device=z.device)
    if count > _POSITIONS:
        positions = positions[torch.linspace(0, count - 1, _POSITIONS).long().to(z.device)]
    a, b = (each[:, positions].reshape(-1, each.shape[-1]).double() for each in (z, y))
    return a, b


def _solve(last: Layer, gram: Tensor, cross: Tensor) -> None:
    """Put the least squares' solution into a pointwise convolution or linear layer.

    `gram` is the sum of z z^T over inputs z with a 1 at their end, `cross` that of z y^T.
    """
    weight = last.weight.detach().double().cpu().flatten(1).T  # (c_between, c_out)
    # Weights and bias are each held in their own unit, whatever that of the images is.
    ridge = gram.diagonal().clone()
    ridge[:-1] = ridge[:-1].mean()
    ridge = _RIDGE * ridge.clamp_min(1e-12)
    if last.bias is None:
        gram, cross, ridge, start = gram[:-1, :-1], cross[:-1], ridge[:-1], weight
    else:
        start = torch.cat([weight, last.bias.detach().double().cpu()[None]])
    found = torch.linalg.solve(gram + ridge.diag(), cross + ridge[:, None] * start)
    last.weight.copy_(found[: last.weight.shape[1]].T.reshape(last.weight.shape))
    if last.bias is not None:
        last.bias.copy_(found[-1])
