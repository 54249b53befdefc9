"""Classes of images from a model file alone."""

from pathlib import Path

import msgspec
import pytest
import torch
from PIL import Image
from tests.data_sets import draw, make_folder
from tests.models import converted_network, make_converted_file, make_model_file, make_network

from lithe.errors import LitheError
from lithe.training.predict import Prediction, predict
from lithe.training.transforms import eval_transform

CLASSES = ("cat", "dog", "owl", "wren")


@pytest.mark.smoke
@pytest.mark.parametrize("channels", [1, 3])
def test_predictions_are_the_networks(tmp_path: Path, channels: int) -> None:
    network = make_network(CLASSES, channels=channels)
    image = draw(2, 5, sides=(20, 40))
    image.save(tmp_path / "a.png")
    assert network.card is not None
    with torch.no_grad():
        shares = network(eval_transform(network.card.preprocessing)(image)[None]).softmax(1)[0]
    order = shares.argsort(descending=True).tolist()
    (found,) = predict(network, tmp_path / "a.png", top_k=3)
    assert [name for name, _ in found.top] == [CLASSES[i] for i in order[:3]]
    assert [share for _, share in found.top] == pytest.approx(shares[order[:3]].tolist(), abs=1e-5)
    assert found.name == str(tmp_path / "a.png")


def test_files_folders_and_images_together_in_the_order_given(tmp_path: Path) -> None:
    make_folder(tmp_path / "new", classes=2, per_class=2, formats=("png",))
    (tmp_path / "new/disc/.hidden.png").write_bytes(b"")
    (tmp_path / "new/notes.txt").write_text("no image")
    odd = (
        make_folder(tmp_path / "odd", classes=("x",), per_class=1, formats=("png",)) / "x/0000.png"
    )
    odd = odd.rename(tmp_path / "odd/named.dat")
    image = Image.open(odd)
    network = make_network(CLASSES)
    found = predict(network, [odd, str(tmp_path / "new"), image], top_k=9)
    new = tmp_path / "new"
    assert [one.name for one in found] == [
        str(odd),
        *(str(new / kind / f"000{i}.png") for kind in ("disc", "ring") for i in range(2)),
        "image 2",
    ]
    assert all(len(one.top) == 4 for one in found)
    assert found[0].top == found[-1].top
    again = predict(network, new, workers=2, batch_size=2)  # not bit for bit: another batch
    for one, other in zip(again, found[1:-1], strict=True):
        assert one.name == other.name
        assert [name for name, _ in one.top] == [name for name, _ in other.top]


@pytest.mark.parametrize("count", [1, 3, 70])
def test_the_engine_and_pytorch_say_the_same(tmp_path: Path, count: int) -> None:
    path = make_model_file(tmp_path / "model.safetensors", make_network(CLASSES))
    images = [draw(i % 4, i) for i in range(count)]
    ours = predict(path, images, batch_size=32)
    theirs = predict(path, images, batch_size=32, runtime="eager")
    for a, b in zip(ours, theirs, strict=True):
        assert [name for name, _ in a.top] == [name for name, _ in b.top]
        assert [p for _, p in a.top] == pytest.approx([p for _, p in b.top], abs=1e-5)


def test_a_file_and_its_network_say_the_same(tmp_path: Path) -> None:
    network = make_network(CLASSES)
    path = make_model_file(tmp_path / "model.safetensors", network)
    images = [draw(label, label) for label in range(4)]
    from_file, from_network = predict(path, images), predict(network, images)
    for a, b in zip(from_file, from_network, strict=True):
        assert [name for name, _ in a.top] == [name for name, _ in b.top]
        assert [p for _, p in a.top] == pytest.approx([p for _, p in b.top], abs=1e-5)
    assert predict(str(path), images) == from_file


@pytest.mark.parametrize("workers", [0, 2])
def test_what_cannot_be_read_does_not_stop_the_others(tmp_path: Path, workers: int) -> None:
    make_folder(tmp_path, classes=("all",), per_class=6, formats=("png",))
    (tmp_path / "all/0001.png").write_bytes(b"")
    (tmp_path / "all/0003.png").write_bytes(b"not an image")
    (tmp_path / "all/0004.png").unlink()
    (tmp_path / "all/0004.png").symlink_to("nowhere")
    found = predict(make_network(CLASSES), tmp_path, workers=workers, batch_size=2)
    assert [one.problem for one in found] == [
        "",
        "the file is empty",
        "",
        "not an image of a kind that is read here",
        "no such file or directory",
        "",
    ]
    assert [bool(one.top) for one in found] == [True, False, True, False, False, True]
    alone = [predict(make_network(CLASSES), tmp_path / f"all/000{i}.png")[0] for i in (0, 2, 5)]
    for one, other in zip([found[0], found[2], found[5]], alone, strict=True):
        assert [name for name, _ in one.top] == [name for name, _ in other.top]


def test_an_image_in_memory_is_not_changed() -> None:
    image = Image.new("RGB", (8, 4), "red")
    image.getexif()[0x0112] = 6
    predict(make_network(CLASSES), image)
    assert image.size == (8, 4)
    assert predict(make_network(CLASSES), Image.new("F", (4, 4)))[0].problem.startswith("floating")


@pytest.mark.parametrize(
    ("name", "message"),
    [("nowhere.png", "there is no file or folder"), ("empty", "no images in")],
)
def test_a_path_without_images_is_one_line(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(LitheError, match=message):
        predict(make_network(CLASSES), [tmp_path / name])


def test_networks_that_cannot_predict_say_why(tmp_path: Path) -> None:
    network = make_network(CLASSES)
    with pytest.raises(LitheError, match="top_k of 1 or more"):
        predict(network, draw(0, 0), top_k=0)
    with torch.no_grad():
        network.classifier.bias.fill_(float("nan"))
    with pytest.raises(LitheError, match="not a number"):
        predict(network, draw(0, 0))
    network.card = None
    with pytest.raises(LitheError, match="no card"):
        predict(network, draw(0, 0))
    (tmp_path / "model.safetensors").write_bytes(b"not a model")
    with pytest.raises(LitheError):
        predict(tmp_path / "model.safetensors", draw(0, 0))


def test_the_mode_of_the_network_is_kept() -> None:
    network = make_network(CLASSES).train()
    assert isinstance(predict(network, draw(0, 0))[0], Prediction)
    assert network.training


def test_nothing_to_predict_is_nothing() -> None:
    assert predict(make_network(CLASSES), []) == ()


def test_a_converted_network_predicts_from_its_file(tmp_path: Path) -> None:
    path = make_converted_file(tmp_path / "model.safetensors", CLASSES)
    network, card = converted_network(path)
    image = draw(2, 5, sides=(20, 40))
    with torch.no_grad():
        shares = network(eval_transform(card.preprocessing)(image)[None]).softmax(1)[0]
    for model in (path, network):
        (found,) = predict(model, image)
        assert dict(found.top) == pytest.approx(
            dict(zip(CLASSES, shares.tolist(), strict=True)), abs=1e-5
        )
    (eager,) = predict(path, image, runtime="eager")
    assert dict(eager.top) == pytest.approx(dict(found.top), abs=1e-5)


def test_class_names_that_the_answer_does_not_have(tmp_path: Path) -> None:
    network, card = converted_network(make_converted_file(tmp_path / "m.safetensors", CLASSES))
    vars(network)["card"] = msgspec.structs.replace(card, classes=CLASSES[:3])
    with pytest.raises(LitheError, match="3 class names for a network of 4 outputs"):
        predict(network, draw(2, 5), runtime="eager")
