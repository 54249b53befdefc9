"""Every image is decoded once before training, so that a bad one is named at the start.

A training run that meets a truncated file after an hour has lost the hour. The whole file
is decoded, in worker processes, JPEG at an eighth of its size; a header alone would not
show that the end is missing. What is learnt on the way: whether there is any colour, and
how large the images are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch.utils.data import DataLoader, Dataset

from lithe.errors import LitheError
from lithe.progress import SILENT, Progress
from lithe.training.decode import is_grey, read_image, shorter_side
from lithe.training.image_set import FileImages
from lithe.training.loader import worker_count

BATCH = 16
NAMED = 5  # bad images that an error lists


@dataclass(frozen=True, slots=True)
class Finding:
    """What one image turned out to be; `problem` is empty if it can be read."""

    problem: str
    grey: bool = True
    side: int = 0


@dataclass(frozen=True, slots=True)
class Checked:
    """The images that can be read; whether all are grey; their shorter sides in pixels."""

    images: FileImages
    grey: bool
    sides: tuple[int, ...]


def check(
    images: FileImages,
    *,
    skip_bad_images: bool = False,
    progress: Progress = SILENT,
    workers: int | None = None,
) -> Checked:
    """Decode every image.

    Args:
        images: the files.
        skip_bad_images: leave out those that cannot be read and say how many, instead of
            raising.
        progress: where to show how far it is.
        workers: processes to decode with; None: as many as the CPUs and images merit.

    Raises:
        LitheError: images that cannot be read, the first few by name with the reason.
    """
    findings: list[Finding] = []
    loader = DataLoader(
        _Findings(images),
        batch_size=BATCH,
        collate_fn=list,
        num_workers=worker_count(workers, len(images)),
    )
    with progress.task("checking images", total=len(images)) as advance:
        for batch in loader:
            findings.extend(batch)
            advance(len(batch))
    bad = [
        (images.name(index), finding.problem)
        for index, finding in enumerate(findings)
        if finding.problem
    ]
    if bad and not skip_bad_images:
        raise LitheError(
            f"{bad_images(bad, len(images))}; repair or remove them, or pass --skip-bad-images"
        )
    if bad:
        progress.say(f"going on without {bad_images(bad, len(images))}")
    good = [index for index, finding in enumerate(findings) if not finding.problem]
    return Checked(
        images=FileImages(
            images.root,
            tuple(images.files[index] for index in good),
            tuple(images.labels[index] for index in good),
        ),
        grey=all(findings[index].grey for index in good),
        sides=tuple(findings[index].side for index in good),
    )


def bad_images(bad: Sequence[tuple[str, str]], of: int) -> str:
    """Names and problems of images as one phrase, the first few in words and the rest counted.

    >>> bad_images([("a.jpg", "truncated")], of=3)
    "1 of 3 images that cannot be read: 'a.jpg' (truncated)"
    """
    named = ", ".join(f"{name!r} ({problem})" for name, problem in bad[:NAMED])
    more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
    return f"{len(bad)} of {of} images that cannot be read: {named}{more}"


class _Findings(Dataset[Finding]):
    def __init__(self, images: FileImages) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Finding:
        path = self.images.path(index)
        try:
            image = read_image(path, at_least=1)
        except LitheError as error:
            return Finding(str(error))
        return Finding("", is_grey(image), shorter_side(path))
