"""Learning from a teacher: the loss is the formula's, it teaches, and goes on after a stop."""

import math
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from lithe.arch import architecture
from lithe.errors import LitheError
from lithe.nets.build import Network, build
from lithe.nets.card import Preprocessing
from lithe.progress import Progress
from lithe.training.distillation import Distillation, feature_loss, pooled_alike, soft_loss
from lithe.training.images import ImageData, open_data
from lithe.training.lesson import Lesson
from lithe.training.loader import loader
from lithe.training.loop import train
from lithe.training.recipe import Recipe
from lithe.training.teacher import Teacher, as_the_teacher_sees
from lithe.training.transforms import MEAN_STD, preprocessing

ARCH = architecture("shallow_mobilenet", width=0.1, resolution=8, num_classes=10, in_channels=1)
WIDER = architecture("shallow_mobilenet", width=0.25, resolution=8, num_classes=10, in_channels=1)
RECIPE = Recipe(epochs=2, batch_size=64, learning_rate=4e-3, warmup_epochs=0.5)
PREP = preprocessing(8, 1)
PAIR = ("blocks.1", "blocks.2")


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return open_data("digits", seed=0, progress=Progress(quiet=True))


@pytest.fixture(scope="module")
def fabric() -> Fabric:
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    return fabric


def drawn(seed: int, arch: object = ARCH) -> Network:
    torch.manual_seed(seed)
    return build(arch)  # type: ignore[arg-type]


def teacher_of(module: nn.Module, name: str = "it") -> Teacher:
    return Teacher(name, module.eval().requires_grad_(False), 1, 8, PREP.mean, PREP.std)


def run(
    data: ImageData,
    fabric: Fabric,
    lesson: Lesson | None,
    network: Network,
    checkpoint: Path | None = None,
    stop_after: int | None = None,
    recipe: Recipe = RECIPE,
) -> dict[str, Tensor]:
    batches = loader(data.train, PREP, batch_size=64, seed=5, strength=0.5, workers=0)
    held_out = loader(data.held_out, PREP, batch_size=256, seed=5, strength=None, workers=0)
    train(
        network,
        batches,
        held_out,
        recipe,
        fabric=fabric,
        seed=5,
        checkpoint=checkpoint,
        stop_after=stop_after,
        criterion=lesson,
    )
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def test_the_soft_loss_is_the_formulas() -> None:
    torch.manual_seed(0)
    student, teacher = torch.randn(5, 7), 3 * torch.randn(5, 7)
    p, q = (teacher.double() / 4).softmax(1), (student.double() / 4).softmax(1)
    by_hand = sum(
        float(p[i, j]) * math.log(float(p[i, j] / q[i, j])) for i in range(5) for j in range(7)
    )
    assert float(soft_loss(student, teacher, 4.0)) == pytest.approx(16 * by_hand / 5, rel=1e-5)
    assert float(soft_loss(teacher, teacher, 4.0)) == pytest.approx(0, abs=1e-6)
    assert soft_loss(student.bfloat16(), teacher.bfloat16(), 2.0).dtype == torch.float32


def test_maps_are_alike_whatever_their_scale_and_far_apart_when_opposite() -> None:
    torch.manual_seed(0)
    maps = torch.randn(3, 4, 6, 6)
    assert float(feature_loss(maps, 50 * maps)) == pytest.approx(0, abs=1e-5)
    assert float(feature_loss(maps, -maps)) == pytest.approx(4, rel=1e-4)
    zeros = torch.zeros(1, 2, 3, 3, requires_grad=True)
    feature_loss(zeros, maps[:1, :2, :3, :3]).backward()
    assert zeros.grad is not None
    assert bool(zeros.grad.isfinite().all())


def test_the_larger_map_is_averaged_to_the_smaller() -> None:
    large, small = torch.arange(16.0).reshape(1, 1, 4, 4), torch.zeros(1, 1, 2, 4)
    first, second = pooled_alike(large, small)
    assert first.shape == second.shape == (1, 1, 2, 4)
    assert first[0, 0, 0].tolist() == [2, 3, 4, 5]
    assert second is small


def test_the_loss_of_a_batch_is_all_three_terms() -> None:
    student, teacher = drawn(1), drawn(2, WIDER)
    how = Distillation(temperature=3.0, weight=0.7, features=(PAIR,))
    lesson = Lesson(student, teacher_of(teacher), how, PREP)
    x, labels = torch.randn(6, 1, 8, 8), torch.arange(6)
    with lesson.watching(student):
        logits = student(x)
        loss = lesson(x, logits, labels, 0.1)
    maps: dict[str, Tensor] = {}
    for key, network, layer in (("s", student, PAIR[0]), ("t", teacher, PAIR[1])):
        hook = network.get_submodule(layer).register_forward_hook(
            lambda _m, _i, out, key=key: maps.__setitem__(key, out)
        )
        network.train(key == "s")(x)
        hook.remove()
    (adapter,) = lesson.adapters.values()
    expected = 0.3 * F.cross_entropy(logits, labels, label_smoothing=0.1)
    expected = expected + 0.7 * soft_loss(logits, teacher(x), 3.0)
    expected = expected + feature_loss(*pooled_alike(adapter(maps["s"]), maps["t"]))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    loss.backward()
    assert adapter.weight.grad is not None
    assert all(p.grad is None for p in teacher.parameters())
    assert not student.get_submodule(PAIR[0])._forward_hooks


def test_a_weight_of_zero_is_a_training_without_a_teacher_to_the_bit(
    digits: ImageData, fabric: Fabric
) -> None:
    plain = run(digits, fabric, None, drawn(1), stop_after=1)
    student = drawn(1)
    lesson = Lesson(student, teacher_of(drawn(2)), Distillation(weight=0.0), PREP)
    assert same(plain, run(digits, fabric, lesson, student, stop_after=1))
    student = drawn(1)
    lesson = Lesson(student, teacher_of(drawn(2)), Distillation(weight=0.5), PREP)
    assert not same(plain, run(digits, fabric, lesson, student, stop_after=1))


def test_a_student_comes_to_agree_with_its_teacher(digits: ImageData, fabric: Fabric) -> None:
    # Of a teacher that names other classes than the labels it is plain who taught.
    taught_wrong = drawn(2, WIDER)
    run(digits, fabric, None, taught_wrong)
    weight, bias = taught_wrong.classifier.weight, taught_wrong.classifier.bias
    with torch.no_grad():
        weight.copy_(weight.roll(1, 0).clone())
        bias.copy_(bias.roll(1).clone())
    teacher = teacher_of(taught_wrong)
    images = loader(digits.held_out, PREP, batch_size=500, seed=5, strength=None, workers=0)
    x, _ = next(iter(images))

    def agreement(network: Network) -> float:
        with torch.no_grad():
            return float((network(x).argmax(1) == teacher.module(x).argmax(1)).float().mean())

    plain, student = drawn(1), drawn(1)
    run(digits, fabric, None, plain)
    run(digits, fabric, Lesson(student, teacher, Distillation(), PREP), student)
    assert agreement(student) > agreement(plain) + 0.2


def test_it_goes_on_with_the_same_bits_adapters_included(
    digits: ImageData, fabric: Fabric, tmp_path: Path
) -> None:
    how = Distillation(features=(PAIR,))

    def lesson_for(student: Network, how: Distillation = how, name: str = "it") -> Lesson:
        return Lesson(student, teacher_of(drawn(2, WIDER), name), how, PREP)

    whole = drawn(1)
    first = lesson_for(whole)
    before = {name: value.clone() for name, value in first.adapters.state_dict().items()}
    weights = run(digits, fabric, first, whole)
    assert not same(before, dict(first.adapters.state_dict()))
    checkpoint = tmp_path / "state.safetensors"
    stopped = drawn(1)
    run(digits, fabric, lesson_for(stopped), stopped, checkpoint, stop_after=1)
    kept = checkpoint.read_bytes()
    resumed = drawn(7)
    second = lesson_for(resumed)
    assert same(weights, run(digits, fabric, second, resumed, checkpoint))
    assert same(dict(first.adapters.state_dict()), dict(second.adapters.state_dict()))
    checkpoint.write_bytes(kept)
    for lesson, said in (
        (lesson_for(resumed, Distillation(temperature=2, features=(PAIR,))), "at temperature 2"),
        (lesson_for(resumed, name="other"), "by it at temperature 4 .* not by other"),
        (None, "not without a teacher"),
    ):
        with pytest.raises(LitheError, match=said):
            run(digits, fabric, lesson, resumed, checkpoint)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("blocks.99", "blocks.1"), "the student has no layer 'blocks.99'; did you mean blocks."),
        (("blocks.1", "layer3"), "the teacher it has no layer 'layer3'; "),
        (("classifier", "blocks.1"), r"'classifier' makes \(1, 10\), no map n c h w"),
    ],
)
def test_layers_that_are_not_there_or_make_no_map(pair: tuple[str, str], message: str) -> None:
    with pytest.raises(LitheError, match=message) as raised:
        Lesson(drawn(1), teacher_of(drawn(2)), Distillation(features=(pair,)), PREP)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"temperature": 0.0}, "a temperature of 0 is not above 0"),
        ({"temperature": 101.0}, "at most 100"),
        ({"weight": 1.5}, "a teacher's weight of 1.5 is not between 0 and 1"),
    ],
)
def test_what_no_distillation_can_be(wish: dict[str, float], message: str) -> None:
    with pytest.raises(LitheError, match=message):
        Distillation(**wish)  # type: ignore[arg-type]


def test_a_teacher_sees_the_same_image_in_its_own_measures() -> None:
    seen = torch.rand(2, 1, 8, 8)
    student = Preprocessing(resolution=8, mean=(0.5,), std=(0.25,))
    x = (seen - 0.5) / 0.25
    mean, std = MEAN_STD[3]
    given = as_the_teacher_sees(x, student, Teacher("it", nn.Identity(), 3, None, mean, std))
    for channel in range(3):
        expected = (seen[:, 0] - mean[channel]) / std[channel]
        assert torch.allclose(given[:, channel], expected, atol=1e-6)
    larger = as_the_teacher_sees(x, student, Teacher("it", nn.Identity(), 1, 16, (0.5,), (0.25,)))
    assert larger.shape == (2, 1, 16, 16)
    assert float(larger.mean()) == pytest.approx(float(x.mean()), abs=0.05)
    same_again = Teacher("it", nn.Identity(), 1, 8, (0.5,), (0.25,))
    assert as_the_teacher_sees(x, student, same_again) is x
    red = torch.tensor([1.0, 0, 0])[:, None, None].expand(1, 3, 4, 4)
    colour = Preprocessing(resolution=4, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    grey = as_the_teacher_sees(red, colour, Teacher("it", nn.Identity(), 1, None, (0.0,), (1.0,)))
    assert torch.allclose(grey, torch.full((1, 1, 4, 4), 0.299))
