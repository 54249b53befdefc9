"""`lithe.convert` for use from Python."""

from collections.abc import Sequence
from pathlib import Path

from lithe.nets.conversion.rows import Kind
from lithe.progress import Progress
from lithe.run.conversion.convert import ConversionResult, start_conversion
from lithe.run.conversion.state import CALIBRATION, ConversionSettings
from lithe.search.budget import Budget
from lithe.training.distillation import Distillation


def convert(
    source: str,
    data: str | Path,
    *,
    out: str | Path,
    to: Kind | Sequence[Kind] = "separable",
    weights: str | Path | None = None,
    input_shape: Sequence[int] | None = None,
    layers: Sequence[str] = (),
    size: int | None = None,
    budget: Budget | None = None,
    keep_accuracy: float | None = None,
    epochs: int | None = None,
    learning_rate: float | None = None,
    teacher: str | Path | None = None,
    teacher_weights: str | Path | None = None,
    distillation: Distillation | None = None,
    calibration: int = CALIBRATION,
    seed: int = 0,
    threads: int | None = None,
    quiet: bool = True,
) -> ConversionResult:
    """Replace the convolutions of a trained network by efficient ones; as `lithe convert`.

    Args:
        source: `timm:NAME`, `torchvision:NAME` or `package.module:attribute`.
        data: labelled images, as for `lithe.fit`.
        out: a new or empty folder for the result.
        to: what takes the place of layers, or several of that; linear
            layers can only be `low-rank`.
        weights: a safetensors file of the network's trained state dict.
        input_shape: n c h w, if not the network's own.
        layers: patterns of the layers to replace; chosen by measurement without any.
        size: filters per channel, expansion or rank; chosen by measurement if None.
        budget: limits on latency (of one image on this machine) and MACs.
        keep_accuracy: the share of accuracy that may be lost; 0.005 is half a point.
        epochs: of fine-tuning; 0 trains nothing.
        learning_rate: its highest; found by trial if None.
        teacher: a trained network that the fine-tuning learns from, named as for `lithe.fit`;
            the original if None.
        teacher_weights: its weights, a state dict in a safetensors file, where the teacher
            is not a file itself.
        distillation: how to learn from it; the defaults of `Distillation` if None. The
            student's layers of `features` are those of the original, by their names.
        calibration: images to measure losses on and to refit with.
        seed: of all that is random.
        threads: to train and measure with.
        quiet: say nothing on stderr.

    Raises:
        LitheError: the network, the teacher or the images cannot be used, or no conversion
            is within the budget (the best that was reached is named).
    """
    settings = ConversionSettings(
        source=source,
        weights=None if weights is None else str(weights),
        data=str(data),
        kinds=(to,) if isinstance(to, str) else tuple(to),
        input_shape=None if input_shape is None else tuple(input_shape),
        layers=tuple(layers),
        size=size,
        budget=budget or Budget(),
        keep_accuracy=keep_accuracy,
        epochs=epochs,
        learning_rate=learning_rate,
        teacher=None if teacher is None else str(teacher),
        teacher_weights=None if teacher_weights is None else str(teacher_weights),
        distillation=distillation,
        seed=seed,
        threads=threads,
        calibration=calibration,
    )
    return start_conversion(settings, Path(out), "lithe.convert", Progress(quiet))
