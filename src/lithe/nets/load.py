"""`lithe.load`: the network of a model file, whatever kind it is."""

from os import PathLike

from torch import nn

from lithe.errors import LitheError
from lithe.nets import model_file
from lithe.nets.conversion.file import load_converted
from lithe.nets.model_data import CONVERTED_FORMATS, FORMATS, read_metadata


def load(path: str | PathLike[str], network: nn.Module | None = None) -> nn.Module:
    """The network of a model file, in eval mode on the CPU, with `card` set.

    Of a table's file that is a `lithe.nets.build.Network`; of a converted network's file what
    was converted, with `conversion` set. Nothing in the file is run. Its digest tells that it
    was changed since it was written; it is no signature: whoever changes a file on purpose can
    write a new digest, so trust a file no further than the place that it is from.

    `network` is for a converted network that was built by code of your own: the original,
    with any weights. It is copied.

    Raises:
        LitheError: not a safetensors file, not one of lithe's, of another format, cut off,
            changed, a card at odds with itself or with the tensors, weights that are not
            finite, or a `network` that is missing, wrong or not needed; the message says which.
    """
    if read_metadata(path, FORMATS).format in CONVERTED_FORMATS:
        return load_converted(path, network)
    if network is not None:
        raise LitheError(f"{path} holds the network of a table, which needs no other; leave it out")
    return model_file.load(path)
