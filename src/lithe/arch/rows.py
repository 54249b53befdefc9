"""An architecture is a table: frozen rows in the papers' notation.

The letters are the papers': k kernel size, c output channels at width 1, n repeats,
s stride of the first repeat (the others have stride 1), t expansion factor.
Left out (`UNSET`), `act` is the architecture's activation and `squeeze` nothing; what is
left out is not written either, so a table without them is stored as it was before they were.
The rows are also what a model file stores, so every field is bounded: a table that was
read from a file can be trusted to unroll in bounded time.
"""

import hashlib
import re
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Activation = Literal["relu", "relu6", "hard_swish", "silu"]
Shortcut = Literal["bottleneck", "expansion", "none"]
Widen = Literal["always", "above_one", "never"]

Kernel = Annotated[int, Meta(ge=1, le=31)]
Channels = Annotated[int, Meta(ge=1, le=16384)]
Repeats = Annotated[int, Meta(ge=1, le=64)]
Stride = Annotated[int, Meta(ge=1, le=8)]
Expansion = Annotated[int, Meta(ge=1, le=32)]
Squeeze = Annotated[int, Meta(ge=1, le=64)]

_STRUCTURED = re.compile(r"(?P<family>[^-]+)-(?P<structure>.+?)(?P<rest>(_standard)?_w[^_]+_r\d+)")
_SHORT = 40  # letters


class Conv(Struct, frozen=True, forbid_unknown_fields=True, tag_field="block", tag="conv"):
    """Standard convolutions (1x1: pointwise), each with batch norm and activation.

    `widen` says how the width multiplier reaches this row: `always`, only when it is
    `above_one` (the last convolution of MobileNetV2), or `never`.
    """

    k: Kernel
    c: Channels
    n: Repeats = 1
    s: Stride = 1
    widen: Widen = "always"
    act: Activation | UnsetType = UNSET


class DepthwiseSeparable(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="block", tag="depthwise_separable"
):
    """A depthwise k x k convolution, then a pointwise one, each with batch norm and activation.

    MobileNetV1 (arXiv:1704.04861), section 3.1. `squeeze` puts squeeze-and-excite between
    the two, as in `InvertedResidual`.
    """

    c: Channels
    n: Repeats = 1
    s: Stride = 1
    k: Kernel = 3
    act: Activation | UnsetType = UNSET
    squeeze: Squeeze | UnsetType = UNSET


class InvertedResidual(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="block", tag="inverted_residual"
):
    """Expand by t with a pointwise convolution, filter depthwise, project back linearly.

    MobileNetV2 (arXiv:1801.04381), section 3.4. Two switches hold the ablations of its
    section 6.4: `linear=False` puts the activation behind the projection too; `shortcut`
    adds the input of a block to its output (`bottleneck`), the expanded tensor of a block
    to the expanded tensor of the next (`expansion`), or nothing (`none`). With t = 1 there
    is no expansion convolution, as every published implementation has it.

    `squeeze` is the divisor of squeeze-and-excite behind the depthwise convolution: the
    expanded channels' means go through 1 / squeeze of as many channels and come back as a
    factor for each (MobileNetV3, arXiv:1905.02244, section 5.3, has 4).
    """

    t: Expansion
    c: Channels
    n: Repeats = 1
    s: Stride = 1
    k: Kernel = 3
    linear: bool = True
    shortcut: Shortcut = "bottleneck"
    act: Activation | UnsetType = UNSET
    squeeze: Squeeze | UnsetType = UNSET


class FusedInvertedResidual(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    tag_field="block",
    tag="fused_inverted_residual",
):
    """An inverted residual whose expansion and depthwise are one standard k x k convolution.

    The form that EfficientNet-EdgeTPU and EfficientNetV2 use; here also the
    standard-convolution twin of MobileNetV2. With t = 1 the projection goes as well, and
    one k x k convolution is left.
    """

    t: Expansion
    c: Channels
    n: Repeats = 1
    s: Stride = 1
    k: Kernel = 3
    act: Activation | UnsetType = UNSET


Row = Conv | DepthwiseSeparable | InvertedResidual | FusedInvertedResidual


class Architecture(Struct, frozen=True, forbid_unknown_fields=True):
    """A table of rows and the multipliers under which it is read.

    After the last row come global average pooling, dropout and one linear classifier.
    `resolution` is the side of the square input in pixels. `min_last_map` is the smallest
    side that the last feature map may have: see `lithe.arch.unroll` for the rule that
    takes early strides out of small inputs; 1 keeps the table's own strides.
    """

    name: Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.\-]+$")]
    rows: Annotated[tuple[Row, ...], Meta(min_length=1, max_length=128)]
    width: Annotated[float, Meta(gt=0, le=16)] = 1.0
    resolution: Annotated[int, Meta(ge=1, le=8192)] = 224
    num_classes: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    in_channels: Annotated[int, Meta(ge=1, le=1024)] = 3
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    activation: Activation = "relu6"
    min_last_map: Annotated[int, Meta(ge=1, le=64)] = 4

    @property
    def label(self) -> str:
        """The model's name, e.g. `mobilenet_v2_w0.75_r192`."""
        return f"{self.name}_w{self.width:g}_r{self.resolution}"

    @property
    def short_label(self) -> str:
        """The label for where a hundred letters have no room: see `shortened`."""
        return shortened(self.label)

    @property
    def family(self) -> str:
        """The name without the structure that may follow it."""
        return self.name.partition("-")[0]


def shortened(label: str) -> str:
    """A label, or where it holds a structure, a digest of the structure in its place.

    >>> shortened("mobilenet_v2-hs-n1t1k3-n2t3k5s-n3t6k3-n4t4k7-n3t6k3-n3t6k3-n1t6k3_w0.5_r96")
    'mobilenet_v2~74ee_w0.5_r96'
    """
    found = _STRUCTURED.fullmatch(label)
    if found is None or len(label) <= _SHORT:
        return label
    digest = hashlib.sha256(found["structure"].encode()).hexdigest()[:4]
    return f"{found['family']}~{digest}{found['rest']}"
