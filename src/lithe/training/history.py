"""What is remembered of a training."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One epoch; losses in nats, accuracies as shares, of the averaged weights for `val`.

    `train_*` are running figures over the distorted training images.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
