"""Mutated model files: each is refused with one line, or loads with the weights written."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lithe.arch import Architecture, Conv, InvertedResidual
from lithe.errors import LitheError
from lithe.nets.build import build
from lithe.nets.card import ModelCard, Preprocessing
from lithe.nets.model_data import digest, read_card
from lithe.nets.model_file import load, save

ARCH = Architecture("fuzzed", (Conv(k=3, c=8), InvertedResidual(t=2, c=8)), 1.0, 8, 2, 1)
CARD = ModelCard(ARCH, ("no", "yes"), Preprocessing(8, (0.5,), (0.25,)), 3, {"accuracy": 0.5})


def written() -> bytes:
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m"
        save(path, build(ARCH), CARD)
        return path.read_bytes()


DATA = written()
START = 8 + int.from_bytes(DATA[:8], "little")
HEADER: dict[str, Any] = json.loads(DATA[8:START])
TENSORS = DATA[START:]
WEIGHTS = safetensors.torch.load(DATA)
SPEC = {n: ({4: "F32", 8: "I64"}[t.itemsize], tuple(t.shape)) for n, t in WEIGHTS.items()}

# Most of what can go wrong is in the header, which is also most of what is parsed.
PLACES = st.one_of(st.integers(0, START + 40), st.integers(0, len(DATA) - 1))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "model.safetensors"


def read(path: Path, data: bytes) -> ModelCard | None:
    """What `load` and `read_card` make of some bytes: the card, or None for a refusal."""
    path.write_bytes(data)
    try:
        card = read_card(path)
    except LitheError as error:
        assert_one_line(error, path)
        card = None
    try:
        network = load(path)
    except LitheError as error:
        assert_one_line(error, path)
        return None
    assert network.card is not None
    assert network.card == card
    assert network.arch == card.arch
    state = network.state_dict()
    assert state.keys() == WEIGHTS.keys()
    for name, tensor in state.items():  # no mutation here makes the digest of other weights
        assert torch.equal(tensor, WEIGHTS[name])
        assert tensor.dtype == WEIGHTS[name].dtype
    return card


def assert_one_line(error: LitheError, path: Path) -> None:
    message = str(error)
    assert "\n" not in message
    assert str(path) in message
    assert len(message) < 1000


FUZZ = settings(deadline=None, max_examples=300)


def test_the_file_itself_loads(path: Path) -> None:
    card = read(path, DATA)
    assert card is not None
    assert card.arch == ARCH


@FUZZ
@given(flips=st.lists(st.tuples(PLACES, st.integers(1, 255)), min_size=1, max_size=4))
def test_flipped_bytes(path: Path, flips: list[tuple[int, int]]) -> None:
    data = bytearray(DATA)
    for place, mask in flips:
        data[place] ^= mask
    card = read(path, bytes(data))
    if bytes(data) != DATA and card is not None:
        # Only what carries no meaning can be changed unseen: the header's outer spelling.
        assert bytes(data[START:]) == TENSORS
        assert msgspec.structs.replace(card, lithe="") == CARD


@FUZZ
@given(size=PLACES)
def test_cut_off(path: Path, size: int) -> None:
    assert read(path, DATA[:size]) is None


@FUZZ
@given(place=PLACES, inserted=st.binary(min_size=1, max_size=64), removed=st.integers(0, 64))
def test_inserted_and_removed_bytes(path: Path, place: int, inserted: bytes, removed: int) -> None:
    read(path, DATA[:place] + inserted + DATA[place + removed :])


JSON_TEXTS = st.one_of(
    st.sampled_from(
        ["NaN", "-Infinity", "1e999", "[]", "{}", "[" * 5000, "9" * 5000, '"\\ud800"', "null", "-0"]
    ),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text(max_size=40).map(json.dumps),
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 20) | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=6,
    ).map(json.dumps),
)


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    named = dict(enumerate(value)) if isinstance(value, list) else value
    for key, inner in named.items() if isinstance(named, dict) else ():
        yield from leaves(inner, (*at, key))


def replaced(value: Any, at: tuple[Any, ...], text: str) -> str:
    """The JSON of a value in which the part at a place is some other text, JSON or not."""
    marker = "this is the place"
    if not at:
        return text
    copy = json.loads(json.dumps(value))
    inner = copy
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = marker
    return json.dumps(copy).replace(json.dumps(marker), text)


@FUZZ
@given(data=st.data())
def test_edited_headers_with_their_length_made_right(path: Path, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(list(leaves(HEADER))))
    text = replaced(HEADER, at, data.draw(JSON_TEXTS)).encode()
    read(path, len(text).to_bytes(8, "little") + text + TENSORS)


CARD_VALUES: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(CARD))


@FUZZ
@given(data=st.data())
def test_edited_cards_with_their_digest_made_right(path: Path, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(list(leaves(CARD_VALUES))))
    card = replaced(CARD_VALUES, at, data.draw(JSON_TEXTS)).encode()
    bytes_of = {name: (t.view(-1).numpy().tobytes(),) for name, t in WEIGHTS.items()}
    sha256 = digest(card, SPEC, bytes_of)
    metadata = f'{{"format":1,"sha256":"{sha256}","card":{card.decode()}}}'
    header = HEADER | {"__metadata__": {"lithe": metadata}}
    text = json.dumps(header).encode()
    found = read(path, len(text).to_bytes(8, "little") + text + TENSORS)
    if found is not None:
        assert len(found.classes) == found.arch.num_classes == 2
        assert found.preprocessing.resolution == found.arch.resolution
        assert len(found.preprocessing.mean) == len(found.preprocessing.std) == 1
        assert found.preprocessing.std[0] > 0


@FUZZ
@given(data=st.data())
def test_edited_shapes_types_and_places(path: Path, data: st.DataObject) -> None:
    header = json.loads(json.dumps(HEADER))
    name = data.draw(st.sampled_from(sorted(WEIGHTS)))
    field, values = data.draw(
        st.sampled_from(
            [
                ("dtype", st.sampled_from(["F32", "I64", "F64", "BF16", "U8", ""])),
                ("shape", st.lists(st.integers(-1, 2**50), max_size=5)),
                ("data_offsets", st.tuples(st.integers(0, 2**50), st.integers(0, 2**50))),
                ("data_offsets", st.tuples(st.integers(0, 4000), st.integers(0, 4000))),
            ]
        )
    )
    header[name][field] = data.draw(values)
    text = json.dumps(header).encode()
    read(path, len(text).to_bytes(8, "little") + text + TENSORS)
