"""The images on which searches are compared."""

from pathlib import Path

from tests.data_sets import make_folder

from lithe.progress import Progress
from lithe.training.images import ImageData, open_data

# scikit-learn's digits, and generated shapes and textures so noisy and few that no network
# has all of them right.
DATA = ("digits", "shapes")
# Besides there are `pictures`: larger ones, for networks that take larger inputs.


def place_of(data: str, temporary: Path) -> str:
    """What `lithe fit` is given; the shapes are drawn into a new folder."""
    if data == "digits":
        return data
    folder = temporary / data
    if not folder.exists():
        if data == "shapes":
            make_folder(folder, per_class=120, colour="mixed", sides=(20, 32), noise=0.5)
        else:
            make_folder(folder, per_class=150, colour="mixed", sides=(48, 96), noise=0.6)
    return str(folder)


def images_of(data: str, temporary: Path, seed: int) -> ImageData:
    """The images, opened and divided."""
    quiet = Progress(quiet=True)
    # Few and small: processes to decode them would take longer to start.
    return open_data(place_of(data, temporary), seed=seed, progress=quiet, workers=0)
