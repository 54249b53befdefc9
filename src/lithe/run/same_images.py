"""Whether the images are those that something was trained on before."""

import hashlib

import msgspec

from lithe.errors import LitheError
from lithe.run.folder import Folder
from lithe.training.images import ImageData


def fingerprint(data: ImageData) -> str:
    """A digest of the names and classes of all images, in order, split as they are."""
    digest = hashlib.sha256()
    for images in (data.train, data.held_out):
        for index, label in enumerate(images.labels):
            digest.update(f"{images.name(index)}\0{data.classes[label]}\n".encode())
    return digest.hexdigest()


def check_same_images(folder: Folder, data: ImageData) -> None:
    """Remember a run's images, or make sure that they are still the same.

    Raises:
        LitheError: they are not.
    """
    found = fingerprint(data)
    if folder.state.images not in ("", found):
        raise LitheError(
            f"the images in {data.name} are not those that the run in {folder.path} began with; "
            "start a new run"
        )
    folder.update(msgspec.structs.replace(folder.state, images=found))
