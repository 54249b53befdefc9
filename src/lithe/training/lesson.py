"""What a student learns from its teacher in one training: the loss, and adapters beside it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lithe.errors import LitheError
from lithe.nets.card import Preprocessing
from lithe.training.distillation import (
    Distillation,
    Taught,
    feature_loss,
    pooled_alike,
    soft_loss,
)
from lithe.training.teacher import Teacher, as_the_teacher_sees

Maps = dict[str, Tensor]


class Lesson(nn.Module):
    """The criterion of a training with a teacher.

    (1 - weight) * cross entropy + weight * T^2 KL(teacher || student), and for each pair of
    layers the mean squared error of their normalised maps (see `distillation`). The teacher
    is given the very batch, with its distortions, that the student is given, as far as it
    takes such (`as_the_teacher_sees`), in eval mode and without gradients.

    Where the maps of a pair have different channels, `adapters` has a 1 x 1 convolution from
    the student's to the teacher's. They are trained with the student and are no part of it.
    """

    def __init__(
        self,
        student: nn.Module,
        teacher: Teacher,
        distillation: Distillation,
        prep: Preprocessing,
        seed: int = 0,
    ) -> None:
        """Try both networks on one empty image.

        Raises:
            LitheError: no layer of such a name, one that makes no map n c h w, or a teacher that
                does not take such images.
        """
        super().__init__()
        self.teacher = teacher
        self.distillation = distillation
        self.prep = prep
        self.adapters = nn.ModuleDict()
        self._layers = tuple(dict.fromkeys(ours for ours, _ in distillation.features))
        self._theirs = tuple(dict.fromkeys(theirs for _, theirs in distillation.features))
        self._seen: Maps = {}
        _check_layers(student, self._layers, "the student")
        _check_layers(teacher.module, self._theirs, f"the teacher {teacher.name}")
        if distillation.features:
            self._adapt(student, seed)

    @property
    def taught(self) -> Taught:
        """What tells this lesson from another."""
        return Taught(self.teacher.name, self.distillation)

    def forward(self, x: Tensor, logits: Tensor, labels: Tensor, label_smoothing: float) -> Tensor:
        """The loss of a batch n c h w that the watched student has just made `logits` of."""
        loss = F.cross_entropy(logits, labels, label_smoothing=label_smoothing)
        weight, temperature = self.distillation.weight, self.distillation.temperature
        if not weight and not self.distillation.features:
            return loss
        answer, maps = self._answer(x)
        if weight:
            loss = (1 - weight) * loss + weight * soft_loss(logits, answer, temperature)
        for number, (ours, theirs) in enumerate(self.distillation.features):
            made, wanted = pooled_alike(self._seen[ours], maps[theirs])
            if str(number) in self.adapters:
                made = self.adapters[str(number)](made)
            loss = loss + feature_loss(made, wanted)
        self._seen.clear()
        return loss

    @contextmanager
    def watching(self, student: nn.Module) -> Iterator[None]:
        """Inside, the maps of the student's layers are kept, of runs with gradients."""
        with _watched(student, self._layers, self._seen, only_with_gradients=True):
            yield
        self._seen.clear()

    def to_device(self, device: torch.device) -> None:
        """Bring teacher and adapters where the student is."""
        self.teacher.module.to(device)
        self.to(device)

    @torch.no_grad()
    def _answer(self, x: Tensor) -> tuple[Tensor, Maps]:
        """The teacher's logits of a batch, and the maps of its layers."""
        maps: Maps = {}
        with _watched(self.teacher.module, self._theirs, maps):
            logits: Tensor = self.teacher.module(as_the_teacher_sees(x, self.prep, self.teacher))
        return logits, maps

    @torch.no_grad()
    def _adapt(self, student: nn.Module, seed: int) -> None:
        device = next(iter(student.parameters())).device
        self.to_device(device)
        side = self.prep.resolution
        x = torch.zeros(1, self.prep.channels, side, side, device=device)
        training = student.training
        seen: Maps = {}
        with _watched(student, self._layers, seen):
            student.eval()(x)
        student.train(training)
        _, maps = self._answer(x)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for number, (ours, theirs) in enumerate(self.distillation.features):
                made, wanted = _map_of(seen, ours), _map_of(maps, theirs)
                if made.shape[1] != wanted.shape[1]:
                    adapter = nn.Conv2d(made.shape[1], wanted.shape[1], 1, bias=False)
                    self.adapters[str(number)] = adapter


def _check_layers(network: nn.Module, layers: Sequence[str], whose: str) -> None:
    known = [name for name, _ in network.named_modules() if name]
    for layer in layers:
        if layer in known:
            continue
        near = get_close_matches(layer, known, n=3, cutoff=0.4)
        said = (
            f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known[:3])} ..."
        )
        if not known:
            said = "it has none that can be named; leave --teacher-features out"
        raise LitheError(f"{whose} has no layer {layer!r}; {said}")


def _map_of(maps: Maps, layer: str) -> Tensor:
    found = maps.get(layer)
    if not isinstance(found, Tensor) or found.ndim != 4:
        made = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise LitheError(f"the layer {layer!r} makes {made}, no map n c h w; name a convolution")
    return found


@contextmanager
def _watched(
    network: nn.Module, layers: Sequence[str], seen: Maps, *, only_with_gradients: bool = False
) -> Iterator[None]:
    """Inside, every run of the network puts what these layers make into `seen`."""

    def watch(name: str) -> object:
        def keep(_module: nn.Module, _inputs: object, output: object) -> None:
            if only_with_gradients and not torch.is_grad_enabled():
                return
            # Copied, because an activation behind it may work in place.
            seen[name] = output.clone() if isinstance(output, Tensor) else output  # type: ignore[assignment]

        return keep

    hooks = [
        network.get_submodule(name).register_forward_hook(watch(name))  # type: ignore[arg-type]
        for name in layers
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
