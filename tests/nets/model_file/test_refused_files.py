"""Every way in which a model file can be wrong."""

import hashlib
import json
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import safetensors.torch
import torch
from tests.nets.model_file.files import (
    TINY,
    card_of,
    edited,
    forged,
    joined,
    limited,
    parts,
    refused,
    weights_of,
)

from lithe import __version__
from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.nets.card import ModelCard
from lithe.nets.model_data import digest, read_card
from lithe.nets.model_file import load

# What is no model file, or no longer one.


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not a safetensors file"),
        (b"{}", "is not a safetensors file"),
        (b"PK\x03\x04 and a pickle inside", "is not a safetensors file"),
        (b"\x80\x02}q\x00.", "is not a safetensors file"),
        (b"\xff" * 64, "is not a safetensors file"),
        (b"\xff" * 8 + b"{}", "a header of 18,446,744,073,709,551,615 bytes"),
        ((2**30).to_bytes(8, "little") + b"{}", "a header of 1,073,741,824 bytes"),
        ((2**20).to_bytes(8, "little") + b"{}", "is cut off: 10 bytes of 1,048,584 are there"),
        (joined(b"{}", b""), "none of lithe's"),
        (joined(b"{]", b""), "does not read"),
        (joined(b"{" * 100_000, b""), "does not read"),
        (joined(b'{"a":' + b"[" * 2_000_000, b""), "does not read"),
        (joined(b'{"a":' * 2_000_000, b""), "does not read"),
        (joined(b'{"a":NaN}', b""), "does not read"),
        (joined(b'{"a":' + b"1" * 1_000_000 + b"}", b""), "does not read"),
        (joined(b'{"\xff":1}', b""), "does not read"),
        (joined(b'{"__metadata__":{"lithe":1}}', b""), "does not read"),
        (joined(b'{"__metadata__":{"lithe":"x"}}', b""), "none of lithe's"),
        (joined(b'{"__metadata__":{"lithe":"{}"}}', b""), "none of lithe's"),
        (joined(b'{"__metadata__":{},"__metadata__":{}}', b""), "a name is there twice"),
        (
            joined(b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', b""),
            "does not read",
        ),
        (
            joined({"__metadata__": {"lithe": '{"format":7}'}}, b""),
            "format 7, .* reads formats 1 to 3",
        ),
        (joined({"__metadata__": {"lithe": '{"format":1}'}}, b""), "metadata does not read"),
    ],
)
def test_what_is_no_model_file(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "m"
    path.write_bytes(data)
    with pytest.raises(LitheError, match=message) as caught:
        read_card(path)
    assert refused(path) == str(caught.value)


def test_no_file_a_folder_a_device_a_pipe(tmp_path: Path) -> None:
    assert refused(tmp_path / "none").startswith("there is no file")
    assert "is a folder" in refused(tmp_path)
    assert "is not a regular file" in refused(Path("/dev/zero"))
    os.mkfifo(tmp_path / "pipe")
    assert "is not a regular file" in refused(tmp_path / "pipe")
    with pytest.raises(LitheError, match="null"):
        load(f"{tmp_path}/\0")


def test_another_programs_file(tmp_path: Path) -> None:
    safetensors.torch.save_file(weights_of(TINY), tmp_path / "m", {"format": "pt"})
    assert "is a safetensors file, but none of lithe's" in refused(tmp_path / "m")


def test_cut_off_anywhere(path: Path) -> None:
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    for size in (*range(0, start, 97), start, start + 1, len(data) - 1):
        path.write_bytes(data[:size])
        assert ("is cut off" if size > 8 else "is not a safetensors file") in refused(path)


def test_a_header_that_is_there_is_read_though_weights_are_missing(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: 8 + int.from_bytes(data[:8], "little")])
    assert read_card(path) == card_of(TINY, lithe=__version__)


def test_more_than_the_header_says(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"abc")
    assert "has 3 bytes more than its header says" in refused(path)


@pytest.mark.parametrize("where", [0, 1000, -1])
def test_a_changed_weight(path: Path, where: int) -> None:
    header, tensors = parts(path.read_bytes())
    changed = bytearray(tensors)
    changed[where] ^= 1
    path.write_bytes(joined(header, bytes(changed)))
    assert "changed or damaged since it was written" in refused(path)


def test_a_changed_card(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"class 1", b"class 7"))
    assert "changed or damaged since it was written" in refused(path)


def test_the_digest_counts_name_type_shape_and_bytes_in_order_of_names() -> None:
    """Written out, because files of format 1 must stay readable."""
    spec = {"b": ("I64", ()), "a": ("F32", (1, 2))}
    data = {"a": (b"four", b"more"), "b": (b"8 bytes.",)}
    text = b'{"card":1}["a","F32",[1,2]]fourmore["b","I64",[]]8 bytes.'
    assert digest(b'{"card":1}', spec, data) == hashlib.sha256(text).hexdigest()


def test_two_weights_of_one_shape_exchanged(path: Path) -> None:
    header, tensors = parts(path.read_bytes())
    first, second = "blocks.0.norm.bias", "blocks.0.norm.running_mean"
    header[first], header[second] = header[second], header[first]
    path.write_bytes(joined(header, tensors))
    assert "changed or damaged since it was written" in refused(path)


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ([0, 4], "is damaged"),
        ([8, 0], "is damaged"),
        ([2**49, 2**49 + 32], "is damaged"),
        ([2**63, 2**63 + 32], "does not read"),
    ],
)
def test_tensors_that_overlap_or_leave_gaps(path: Path, offsets: list[int], message: str) -> None:
    header, tensors = parts(path.read_bytes())
    header["blocks.0.norm.bias"]["data_offsets"] = offsets
    path.write_bytes(joined(header, tensors))
    assert message in refused(path)


def test_a_tensor_named_twice(path: Path) -> None:
    header, tensors = parts(path.read_bytes())
    entry = json.dumps({"classifier.bias": header["classifier.bias"]})
    text = json.dumps(header)[:-1] + "," + entry[1:]
    path.write_bytes(joined(text.encode(), tensors))
    assert "a name is there twice" in refused(path)


# Forged: whoever wrote these knows how the digest is made.


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda w: w.pop("classifier.bias"), r"1 are missing \(such as classifier.bias\), 0 too"),
        (lambda w: w.update(x=torch.zeros(1)), r"0 are missing, 1 too many \(such as x\)"),
        (
            lambda w: w.update({"classifier.bias": torch.zeros(4)}),
            r"classifier.bias is F32 \[4\], the table needs F32 \[3\]",
        ),
        (
            lambda w: w.update({"classifier.bias": torch.zeros(3, dtype=torch.int64)}),
            r"classifier.bias is I64 \[3\], the table needs F32 \[3\]",
        ),
        (lambda w: w.update({"classifier.bias": torch.zeros(3).half()}), "of type F16"),
        (lambda w: w["classifier.bias"].fill_(torch.nan), "3 of 3 values of classifier.bias"),
        (lambda w: w["blocks.0.norm.running_var"].fill_(torch.inf), "are not finite"),
        (lambda w: w.update({"a\nb\x1b[2J": torch.zeros(1)}), r"such as a\?b\?\[2J"),
    ],
)
def test_tensors_that_are_not_the_tables(tmp_path: Path, edit: Any, message: str) -> None:
    weights = weights_of(TINY)
    edit(weights)
    (tmp_path / "m").write_bytes(forged(weights, msgspec.json.encode(card_of(TINY))))
    with pytest.raises(LitheError, match=message):
        load(tmp_path / "m")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c["arch"].update(num_classes=2), "3 classes, and its table has 2"),
        (lambda c: c["arch"].update(resolution=32), "16 pixels as preprocessing.resolution"),
        (lambda c: c["arch"].update(in_channels=3), "1 channels in preprocessing.mean"),
        (lambda c: c["arch"].update(resolution=7), "use 8 pixels or more"),
        (lambda c: c["arch"].update(width=1e-9), "no channel at all"),
        (lambda c: c["arch"].update(width=17), "`float` <= 16"),
        (lambda c: c["arch"].update(rows=[]), "length >= 1"),
        (lambda c: c["arch"].update(rows=c["arch"]["rows"] * 99), "length <= 128"),
        (lambda c: c["arch"]["rows"][0].update(c=10**6), "`int` <= 16384"),
        (lambda c: c["arch"]["rows"][0].update(k=2), "kernel 2 is even"),
        (lambda c: c["arch"]["rows"][0].update(block="pickle"), "Invalid value 'pickle'"),
        (lambda c: c["arch"]["rows"][1].update(n=9), "are missing"),
        (lambda c: c["arch"]["rows"][1].update(c=16), "the table needs"),
        (lambda c: c["preprocessing"].update(std=[0.0]), "`float` > 0.0"),
        (lambda c: c["preprocessing"].update(std=[]), "length >= 1"),
        (lambda c: c["preprocessing"].update(mean=[None]), "Expected `float`"),
        (lambda c: c.update(classes=["a", "b", 3]), "Expected `str`"),
        (lambda c: c.update(classes=["a", "b", "\x1b[31m"]), "control characters"),
        (lambda c: c.update(surprise=1), "unknown field `surprise`"),
        (lambda c: c.pop("classes"), "missing required field `classes`"),
    ],
)
def test_cards_at_odds_with_themselves_or_the_tensors(
    tmp_path: Path, edit: Callable[[dict[str, Any]], object], message: str
) -> None:
    (tmp_path / "m").write_bytes(forged(weights_of(TINY), edited(card_of(TINY), edit)))
    with pytest.raises(LitheError, match=message):
        load(tmp_path / "m")
    refused(tmp_path / "m")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"std":[0.25]', '"std":[1e999]'),
        ('"std":[0.25]', '"std":[NaN]'),
        ('"mean":[0.5]', '"mean":[-Infinity]'),
        ('"val_accuracy":0.875', '"val_accuracy":1e400'),
        ('"seed":7', '"seed":7,"seed":8'),
        ('"seed":7', '"seed":' + "7" * 100_000),
        ('"class 0"', '"\\ud800"'),
        ('"data":"squares"', '"data":' + "[" * 100_000 + "]" * 100_000),
    ],
)
def test_hostile_json_in_a_card(tmp_path: Path, before: str, after: str) -> None:
    text = msgspec.json.encode(card_of(TINY)).decode()
    assert before in text
    card = text.replace(before, after).encode()
    # A card nested too deep would not be JSON inside JSON; write the metadata by hand.
    weights = safetensors.torch.save(weights_of(TINY))
    metadata = f'{{"format":1,"sha256":"","card":{card.decode()}}}'
    header, tensors = parts(weights)
    header["__metadata__"] = {"lithe": metadata}
    (tmp_path / "m").write_bytes(joined(header, tensors))
    with pytest.raises(LitheError):
        read_card(tmp_path / "m")
    refused(tmp_path / "m")


def hostile_tables() -> dict[str, Architecture]:
    fused = {"block": "fused_inverted_residual", "t": 32, "c": 16384, "n": 4, "k": 31}
    deep = {"block": "inverted_residual", "t": 2, "c": 8, "n": 64, "shortcut": "expansion"}
    wide = {"width": 16.0, "resolution": 8192, "in_channels": 4, "num_classes": 3}
    tables = {
        "wide": {"name": "wide", "rows": [fused] * 128, **wide},
        "deep": {"name": "deep", "rows": [deep] * 128, "num_classes": 3},
        "deepest": {"name": "deepest", "rows": [deep] * 8, "num_classes": 3},
    }
    return {name: msgspec.convert(table, Architecture) for name, table in tables.items()}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wide", "6132 are missing"),
        ("deep", "8192 blocks; a model file takes 512 at most"),
        ("deepest", "9192 are missing"),
        ("many tensors", "280,000 tensors, and at most 10,000"),
        ("sparse", "its weights are 4,398,046,511,104 bytes"),
    ],
)
def test_hostile_sizes_are_refused_without_the_memory_for_them(
    path: Path, name: str, message: str
) -> None:
    load(path)  # all that is imported and cached once is there
    metadata = {"lithe": forged_metadata(card_of(TINY))}
    if name == "many tensors":
        entry = b'{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
        entries = b",".join(b'"%x":%b' % (index, entry) for index in range(280_000))
        head = b'{"__metadata__":' + json.dumps(metadata).encode() + b","
        path.write_bytes(joined(head + entries + b"}", b""))
    elif name == "sparse":
        huge = {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}
        path.write_bytes(joined({"__metadata__": metadata, "x": huge}, b""))
        os.truncate(path, path.stat().st_size + 2**42)
    else:
        card = card_of(hostile_tables()[name])
        path.write_bytes(forged(weights_of(TINY), msgspec.json.encode(card)))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    with limited(resource.RLIMIT_AS, used + 512 * 2**20):
        assert message in refused(path)


def forged_metadata(card: ModelCard) -> str:
    header, _ = parts(forged({}, msgspec.json.encode(card)))
    metadata = header["__metadata__"]["lithe"]
    assert isinstance(metadata, str)
    return metadata
