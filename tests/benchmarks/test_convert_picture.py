"""The picture of a split shows the numbers that it is given."""

from xml.etree import ElementTree

import numpy as np
from benchmarks.convert_picture import PICTURE, picture

NAME = "{http://www.w3.org/2000/svg}"


def test_a_kernel_of_rank_one_is_kept_whole() -> None:
    random = np.random.default_rng(0)
    kernel = np.einsum("oi,ihw->oihw", random.normal(size=(6, 3)), random.normal(size=(3, 3, 3)))
    svg = ElementTree.fromstring(picture(kernel))
    texts = [text.text or "" for text in svg.iter(f"{NAME}text")]
    assert "loses 0% of the norm" in texts
    assert "r=1: 100%" in texts
    # Matrix and rank one, 6 x 9 each; the column of 6; the filter twice; their frames; 6 bars.
    assert len(list(svg.iter(f"{NAME}rect"))) == 2 * 54 + 6 + 2 * 9 + 5 + 6


def test_the_picture_in_the_docs_is_one_of_these() -> None:
    svg = ElementTree.parse(PICTURE).getroot()
    assert svg.get("width") == "720"
    assert any("loses" in (text.text or "") for text in svg.iter(f"{NAME}text"))
