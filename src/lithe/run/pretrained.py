"""Trainings that begin with ImageNet weights: what has to be there, and how images come in."""

import msgspec

from lithe.arch import Architecture
from lithe.nets.card import Preprocessing
from lithe.nets.pretrained import nearest_pretrained, normalisation, pretrained_names
from lithe.nets.published import fetch
from lithe.run.settings import Settings
from lithe.search.space import FAMILIES
from lithe.training.transforms import preprocessing


def check_pretrained(settings: Settings) -> None:
    """Make sure, before anything begins, that the weights are on this machine.

    What is missing is fetched: for a table its own, for a search all that its families may
    begin with, since it is not known yet which widths fit.

    Raises:
        LitheError: there are none for the table, or they are not here and cannot be fetched.
    """
    if not settings.pretrained:
        return
    if settings.table is not None:
        needed = [nearest_pretrained(settings.table)[1]]
    else:
        needed = [name for family in FAMILIES for name in pretrained_names(family)]
    for name in dict.fromkeys(needed):
        fetch(name)


def preprocessing_for(arch: Architecture, settings: Settings) -> Preprocessing:
    """How images become a network's inputs: as its weights, if pretrained, are used to.

    Raises:
        LitheError: neither 1 nor 3 channels, or no weights for this table.
    """
    prep = preprocessing(arch.resolution, arch.in_channels)
    if not settings.pretrained:
        return prep
    mean, std = normalisation(arch)
    return msgspec.structs.replace(prep, mean=mean, std=std)
