"""Files of converted networks that were damaged or forged."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.nets.conversion.files import Net, own_card, own_network, refused
from tests.nets.model_file.files import forged

import lithe
from lithe.errors import LitheError
from lithe.nets.conversion.file import load_converted


def test_flipped_cut_and_inserted_bytes(path: Path) -> None:
    data = path.read_bytes()
    weights = {name: t.clone() for name, t in load_converted(path, Net()).state_dict().items()}
    start = 8 + int.from_bytes(data[:8], "little")
    places = st.one_of(st.integers(0, start + 40), st.integers(0, len(data) - 1))

    @settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
    @given(places, st.integers(1, 255), st.sampled_from(["flip", "cut", "insert"]))
    def damaged(place: int, mask: int, how: str) -> None:
        whole = bytearray(data)
        whole[place] ^= mask
        if how == "cut":
            whole = whole[:place]
        elif how == "insert":
            whole = bytearray(data[:place] + bytes([mask]) + data[place:])
        path.write_bytes(whole)
        try:
            state = lithe.load(path, Net()).state_dict()
        except LitheError as error:
            assert "\n" not in str(error)
            assert str(path) in str(error)
            return
        assert how != "cut"
        assert all(torch.equal(weights[name], tensor) for name, tensor in state.items())

    damaged()


def edited_card(**changes: Any) -> bytes:
    values = msgspec.json.decode(msgspec.json.encode(own_card()))
    for at, value in changes.items():
        inner, *names = at.split("__")
        target = values if not names else values[inner]
        target[names[-1] if names else inner] = value
    return msgspec.json.encode(values)


ROW = {"layer": "body", "kind": "separable", "size": 2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ["a\u001b", "b"]}, "control characters"),
        ({"classes": []}, "the card does not read"),
        ({"classes": ["a"], "conversion__outputs": 2}, "the card has 1 classes"),
        ({"conversion__outputs": 2**70}, "the card does not read|2 classes, and its network"),
        ({"conversion__input_shape": [1, 3, 2**40, 2**40]}, "converted for images of"),
        ({"conversion__input_shape": []}, "converted for images of"),
        ({"preprocessing__std": [0.5]}, "1 channels in preprocessing.std"),
        ({"conversion__source": "os:system"}, "runs no code because a file names it"),
        ({"conversion__source": "torchvision:resnet"}, "has no network 'resnet'; did you mean"),
        ({"conversion__source": "no_such_table"}, "no_such_table"),
        ({"conversion__source": "mobilenet_v2_w999999"}, "width"),
        ({"conversion__source": "mobilenet_v1"}, "MobileNet|no layer 'body'"),
        ({"conversion__source": "torchvision:resnet18"}, "no layer 'body'"),
        ({"conversion__source": "\x1b[2J\n:x"}, "runs no code"),
        ({"conversion__replacements": [ROW | {"layer": "\n"}]}, "no layer"),
        ({"conversion__replacements": [ROW | {"size": 65_536}]}, "9? is the largest"),
        ({"conversion__replacements": [ROW | {"size": 0}]}, "the card does not read"),
        ({"conversion__replacements": [ROW | {"kind": "other"}]}, "the card does not read"),
        (
            {"conversion__replacements": [ROW | {"kind": "inverted-residual", "size": 65_536}]},
            "tensors are not those of the given Net",
        ),
    ],
)
def test_forged_cards_with_their_digest_made_right(
    path: Path, changes: dict[str, Any], message: str
) -> None:
    import re

    weights = {name: t.clone() for name, t in own_network().state_dict().items()}
    path.write_bytes(forged(weights, edited_card(**changes), format=3))
    ours = "source" not in "".join(changes)
    assert re.search(message, refused(path, Net() if ours else None))


def test_a_forged_file_without_its_weights_or_with_bad_ones(path: Path) -> None:
    weights = {name: t.clone() for name, t in own_network().state_dict().items()}
    card = edited_card()
    path.write_bytes(forged(weights, card, format=3))
    lithe.load(path, Net())  # so forged as it should be
    path.write_bytes(
        forged(weights | {"head.bias": torch.tensor([0.0, torch.inf])}, card, format=3)
    )
    assert "1 of 2 values of head.bias are not finite" in refused(path, Net())
    del weights["body.depthwise.weight"]
    path.write_bytes(forged(weights, card, format=3))
    assert "1 are missing (such as body.depthwise.weight), 0 too many" in refused(path, Net())
