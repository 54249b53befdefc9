"""A profile counts what the papers count, from a table and from any module alike."""

import subprocess
import sys

import pytest
from torch import Tensor, nn

from lithe.arch import architecture
from lithe.errors import LitheError
from lithe.nets.build import create
from lithe.profiling import Profile, static_profile


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("name", "macs", "params", "peak", "where"),
    [
        ("mobilenet_v1", 568_740_352, 4_231_976, 4_816_896, "blocks.1.pointwise.conv"),
        ("mobilenet_v2", 300_774_272, 3_504_872, 6_021_120, "blocks.2.depthwise.conv"),
    ],
)
def test_the_papers_networks(name: str, macs: int, params: int, peak: int, where: str) -> None:
    counted = static_profile(architecture(name))
    assert (counted.macs, counted.params) == (macs, params)
    assert (counted.peak_activation_bytes, counted.peak_layer) == (peak, where)
    assert (counted.flops, counted.param_bytes) == (2 * macs, 4 * params)
    assert counted.input_shape == (1, 3, 224, 224)


def test_a_table_and_its_network_have_one_profile() -> None:
    network = create("mobilenet_v2", width=0.35, resolution=32, num_classes=10, in_channels=1)
    from_table = static_profile(network.arch, (2, 1, 32, 32))
    assert static_profile(network, (2, 1, 32, 32)) == from_table
    assert from_table.name == "mobilenet_v2_w0.35_r32"
    assert from_table.macs == 2 * static_profile(network).macs


class Softened(nn.Module):
    """A network with one operator that has no rule."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        softened: Tensor = self.conv(x).cumsum(1)
        return softened


def test_an_unknown_operator_is_named_and_totals_are_lower_bounds() -> None:
    counted = static_profile(Softened(), (1, 3, 8, 8))
    assert counted.name == "Softened"
    assert counted.unknown == ("aten.cumsum.default",)
    assert counted.macs == 6 * 6 * 4 * 27
    html = counted._repr_html_()
    assert "at least 3.89 k MACs" in html
    assert "not counted: aten.cumsum.default" in html


def test_a_notebook_shows_a_table_in_which_names_are_inert() -> None:
    counted = static_profile(architecture("mobilenet_v1", resolution=32))
    html = counted._repr_html_()
    assert html.count("<tr>") == 3 + 1 + len(counted.layers)  # dimensions, heading, layers
    assert "at least" not in html
    hostile = Profile("<script>", (1,), 0, 0, 0, 0, "<img>", ())._repr_html_()
    assert "<script>" not in hostile
    assert "<img>" not in hostile


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 192, 192), r"takes inputs of shape \(n, 3, 224, 224\), not \(1, 3, 192, 192\)"),
        ((1, 3, 224, 0), "above zero"),
        ((1, 3, 224.0, 224), "whole numbers"),
        ((), "whole numbers"),
    ],
)
def test_a_shape_that_does_not_fit_says_why(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(LitheError, match=message):
        static_profile(architecture("mobilenet_v1"), shape)


def test_a_module_without_a_table_needs_a_shape() -> None:
    with pytest.raises(LitheError, match="Conv2d does not say what it takes"):
        static_profile(nn.Conv2d(3, 4, 3))
    with pytest.raises(LitheError, match="cannot be captured"):
        static_profile(nn.Conv2d(3, 4, 3), (1, 5, 8, 8))
    with pytest.raises(LitheError, match="a torch module or an Architecture is wanted, not 3"):
        static_profile(3, (1, 3, 8, 8))  # type: ignore[arg-type]


def test_a_table_is_profiled_without_torch() -> None:
    program = (
        "import sys\n"
        "from lithe.arch import architecture\n"
        "from lithe.profiling import static_profile\n"
        "static_profile(architecture('mobilenet_v2'))\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
