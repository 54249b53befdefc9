"""A model file: out and in again, and every way in which one can be wrong."""

import hashlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import safetensors.torch
import torch
from torch import Tensor

from lithe import __version__
from lithe.arch import ARCHITECTURES, Architecture, Conv, DepthwiseSeparable, InvertedResidual
from lithe.arch.registry import architecture
from lithe.errors import LitheError
from lithe.nets.build import Network, build
from lithe.nets.card import ModelCard, Preprocessing
from lithe.nets.model_data import digest, read_card
from lithe.nets.model_file import load, save

TINY = Architecture(
    name="tiny",
    rows=(Conv(k=3, s=2, c=8), DepthwiseSeparable(c=8), InvertedResidual(t=2, c=8)),
    resolution=16,
    num_classes=3,
    in_channels=1,
)


def card_of(described: Architecture, **changes: Any) -> ModelCard:
    channels = described.in_channels
    card = ModelCard(
        arch=described,
        classes=tuple(f"class {index}" for index in range(described.num_classes)),
        preprocessing=Preprocessing(described.resolution, (0.5,) * channels, (0.25,) * channels),
        seed=7,
        metrics={"val_accuracy": 0.875},
        data="squares",
    )
    return msgspec.structs.replace(card, **changes)


def drawn(arch: Architecture, seed: int = 0) -> Network:
    torch.manual_seed(seed)
    network = build(arch)
    network.train()
    network(torch.randn(4, arch.in_channels, arch.resolution, arch.resolution))  # moves statistics
    return network


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save(path, drawn(TINY), card_of(TINY))
    return path


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and tensors of a file's bytes."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    assert isinstance(header, dict)
    return header, data[end:]


def joined(header: dict[str, Any] | bytes, tensors: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + tensors


def forged(weights: dict[str, Tensor], card: bytes, **metadata: Any) -> bytes:
    """A file whose digest is right, whatever is in it."""
    types = {torch.float32: "F32", torch.int64: "I64"}
    spec = {n: (types.get(t.dtype, "F16"), tuple(t.shape)) for n, t in weights.items()}
    data = {n: (t.contiguous().view(-1).numpy().tobytes(),) for n, t in weights.items()}
    text = msgspec.json.encode(
        {"format": 1, "sha256": digest(card, spec, data), "card": msgspec.Raw(card)} | metadata
    )
    return safetensors.torch.save(weights, {"lithe": text.decode()})


def weights_of(arch: Architecture) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in build(arch).state_dict().items()}


def edited(card: ModelCard, edit: Callable[[dict[str, Any]], object]) -> bytes:
    """The card's JSON after an edit of its values."""
    values = msgspec.json.decode(msgspec.json.encode(card))
    edit(values)
    return msgspec.json.encode(values)


def refused(path: Path) -> str:
    """The one line that `load` refuses a file with; `read_card` may take it, or refuse it too."""
    with pytest.raises(LitheError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


# What is saved comes back.


@pytest.mark.parametrize("name", [pytest.param("tiny", marks=pytest.mark.smoke), *ARCHITECTURES])
def test_out_and_in_again(name: str, tmp_path: Path) -> None:
    arch = TINY if name == "tiny" else architecture(name, width=0.25, resolution=16, num_classes=3)
    network, path = drawn(arch), tmp_path / "model.safetensors"
    save(path, network, card_of(arch))
    assert network.training, "saving leaves the network as it was"
    loaded = load(path)
    assert loaded.card == read_card(path) == card_of(arch, lithe=__version__)
    assert loaded.arch == arch
    assert not loaded.training
    assert not any(module.training for module in loaded.modules())
    assert loaded.state_dict().keys() == network.state_dict().keys()
    for key, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], tensor), key
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    x = torch.randn(2, arch.in_channels, arch.resolution, arch.resolution)
    with torch.no_grad():
        assert torch.equal(loaded(x), network.eval()(x))


def test_loaded_networks_can_be_saved_and_trained_again(path: Path, tmp_path: Path) -> None:
    loaded = load(path)
    assert loaded.card is not None
    save(tmp_path / "again.safetensors", loaded, loaded.card)
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()
    loaded.train()(torch.randn(2, 1, 16, 16)).sum().backward()


def test_the_safetensors_package_reads_the_file(path: Path) -> None:
    plain = safetensors.torch.load_file(path)
    for name, tensor in load(path).state_dict().items():
        assert torch.equal(plain[name], tensor)


def test_loading_draws_no_random_numbers(path: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    load(path)
    assert torch.equal(torch.rand(3), expected)


def test_names_of_classes_are_any_text(tmp_path: Path) -> None:
    classes = ("Кот", '"quoted", \\ and / ', "🐈 ")
    save(tmp_path / "m", drawn(TINY), card_of(TINY, classes=classes))
    loaded = load(tmp_path / "m").card
    assert loaded is not None
    assert loaded.classes == classes


def test_weights_in_another_memory_layout_are_saved_as_they_read(tmp_path: Path) -> None:
    network = drawn(TINY)
    save(tmp_path / "a", network, card_of(TINY))
    save(tmp_path / "b", network.to(memory_format=torch.channels_last), card_of(TINY))  # type: ignore[call-overload]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# What cannot be loaded is not saved.


def nan_in_weights(network: Network) -> None:
    with torch.no_grad():
        network.classifier.weight[1, 2] = torch.nan
        network.classifier.weight[2, 2] = torch.inf


@pytest.mark.parametrize(
    ("edit", "changes", "message"),
    [
        (nan_in_weights, {}, "2 of 24 values of classifier.weight are not finite"),
        (lambda network: network.half(), {}, r"torch.float16 .* needs F32"),
        (lambda network: setattr(network, "dropout", torch.nn.Linear(1, 1)), {}, "2 too many"),
        (lambda network: None, {"classes": ("a", "b")}, "the card has 2 classes, .* has 3"),
        (lambda network: None, {"classes": ("a", "b", "c\n")}, r"class 'c\\n' has control char"),
        (lambda network: None, {"classes": ("a", "b", "\udcff")}, r"'\\udcff' is not text"),
        (lambda network: None, {"metrics": {"val_loss": float("nan")}}, "metric val_loss is nan"),
        (lambda network: None, {"arch": ARCHITECTURES["mobilenet_v1"]}, "make the card from"),
        (
            lambda network: None,
            {"preprocessing": Preprocessing(8, (0.5,), (0.5,))},
            "8 pixels as preprocessing.resolution",
        ),
        (
            lambda network: None,
            {"preprocessing": Preprocessing(16, (0.5, 0.5, 0.5), (0.5,))},
            "3 channels in preprocessing.mean, and its table has 1",
        ),
        (
            lambda network: None,
            {"preprocessing": Preprocessing(16, (0.5,), (0.5, 0.1))},
            "2 channels in preprocessing.std, and its table has 1",
        ),
        (
            lambda network: None,
            {"preprocessing": Preprocessing(16, (0.5,), (float("inf"),))},
            r"preprocessing.std\[0\] is inf",
        ),
        (
            lambda network: None,
            {"preprocessing": Preprocessing(16, (0.5,), (0.0,))},
            r"Expected `float` > 0.0 - at `\$.preprocessing.std",
        ),
    ],
)
def test_what_cannot_be_loaded_is_not_saved(
    path: Path, edit: Callable[[Network], object], changes: dict[str, Any], message: str
) -> None:
    before = path.read_bytes()
    network = drawn(TINY)
    edit(network)
    with pytest.raises(LitheError, match=message):
        save(path, network, card_of(TINY, **changes))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_more_class_names_than_a_header_holds(tmp_path: Path) -> None:
    arch = msgspec.structs.replace(TINY, num_classes=100_000)
    classes = tuple(f"{index:0200d}" for index in range(100_000))
    with pytest.raises(LitheError, match="the names of 100,000 classes need a header"):
        save(tmp_path / "m", build(arch), card_of(arch, classes=classes))
    assert not list(tmp_path.iterdir())


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(LitheError, match="No such file or directory"):
        save(tmp_path / "none" / "m", drawn(TINY), card_of(TINY))


# A file is there whole or not at all.


@contextmanager
def limited(which: int, soft: int) -> Iterator[None]:
    """This process under a resource limit; Python turns what breaks it into an error."""
    before = resource.getrlimit(which)
    resource.setrlimit(which, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(which, before)


def test_a_disk_that_fills_up_keeps_the_old_file(path: Path) -> None:
    before = path.read_bytes()
    network = drawn(TINY, seed=1)
    with (
        limited(resource.RLIMIT_FSIZE, 4096),
        pytest.raises(LitheError, match=f"no space left for {path}"),
    ):
        save(path, network, card_of(TINY))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


SAVES = """
import sys
sys.path.insert(0, sys.argv[1])
from test_model_file import TINY, card_of, drawn, save
networks = drawn(TINY, seed=1), drawn(TINY, seed=2)
for turn in range(100_000):
    save(sys.argv[2], networks[turn % 2], card_of(TINY, seed=turn % 2))
    print(turn, flush=True)
"""


@pytest.mark.parametrize("saves", [3, 8])
def test_killed_while_saving_the_file_is_one_of_the_two(path: Path, saves: int) -> None:
    command = [sys.executable, "-c", SAVES, str(Path(__file__).parent), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(saves)] == [
            f"{turn}\n" for turn in range(saves)
        ]
        process.kill()
    card = load(path).card
    assert card is not None
    assert card.seed in (0, 1)


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
        (joined({"__metadata__": {"lithe": '{"format":7}'}}, b""), "format 7, .* reads format 1"),
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
