"""The images on which searches are compared."""

from pathlib import Path

from tests.data_sets import make_folder

from lithe.progress import Progress
from lithe.training.images import ImageData, open_data

# scikit-learn's digits, and generated shapes and textures so noisy and few that no network
# has all of them right.
DATA = ("digits", "shapes")


def place_of(data: str, temporary: Path) -> str:
    """What `lithe fit` is given; the shapes are drawn into a new folder."""
    if data == "digits":
        return data
    folder = temporary / data
    if not folder.exists():
        make_folder(folder, per_class=120, colour="mixed", sides=(20, 32), noise=0.5)
    return str(folder)


def images_of(data: str, temporary: Path, seed: int) -> ImageData:
    """The images, opened and divided."""
    return open_data(place_of(data, temporary), seed=seed, progress=Progress(quiet=True))
