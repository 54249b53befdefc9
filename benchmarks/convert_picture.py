"""Draws `docs/convert.svg`: one input channel's part of a trained kernel, split into rank one.

The kernel is the second convolution of a network of three that is trained on the digits here,
in some seconds; of its input channels the one of median loss is drawn.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from lithe.nets.conversion import split

PICTURE = Path(__file__).parent.parent / "docs" / "convert.svg"
WIDTH, CELL, TOP, EPOCHS = 720, 13, 62, 30
# A page that is dark shows the picture on dark: both sets of colours are in it.
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; }
.sign { font-size: 22px; }
.soft { fill: #57606a; }
.frame { fill: none; stroke: #8c959f; }
.plus, .bar { fill: #0b6bcb; }
.minus { fill: #d1600d; }
.rest { fill: #aab4bf; }
@media (prefers-color-scheme: dark) {
  text { fill: #d7dde3; } .soft { fill: #9aa4ae; } .frame { stroke: #6b7682; }
  .plus, .bar { fill: #58a6ff; } .minus { fill: #ff9a4d; } .rest { fill: #5b6570; }
}
"""


def trained_kernel() -> split.Floats:
    """(16, 8, 3, 3): the weights of a convolution that has learned something."""
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    x = torch.from_numpy(images / 16).float().reshape(-1, 1, 8, 8)
    y = torch.from_numpy(labels)
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 9, 10),
    )
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=0.05)
    for _ in range(EPOCHS):
        for part in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x[part]), y[part]).backward()
            optimizer.step()
    weight = network[2].weight
    assert isinstance(weight, torch.Tensor)
    kernel: split.Floats = weight.detach().double().numpy()
    return kernel


def picture(kernel: split.Floats) -> str:
    """The matrix of one input channel, its singular values, its nearest matrix of rank one."""
    c_out, c_in, *window = kernel.shape
    losses = [split.error(kernel[:, i : i + 1], split.separable(kernel[:, i : i + 1], 1))
              for i in range(c_in)]  # fmt: skip
    i = int(np.argsort(losses)[c_in // 2])
    matrix = kernel[:, i].reshape(c_out, -1)
    found = split.separable(kernel[:, i : i + 1], 1)
    column, row = found.pointwise[:, 0], found.depthwise[0].reshape(1, -1)
    values = np.linalg.svd(matrix, compute_uv=False)
    top = float(np.abs(matrix).max())
    width, height = CELL * matrix.shape[1], CELL * c_out
    middle = TOP + height / 2
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {TOP + height + 50}" '
            f'width="{WIDTH}" height="{TOP + height + 50}" role="img">'
        ),
        "<title>A kernel's part for one input channel and its nearest matrix of rank one</title>",
        f"<style>{STYLE}</style>",
        *_head(10, "One input channel", f"{c_out} outputs x {matrix.shape[1]} pixels"),
        *_cells(matrix, 10, TOP, top),
        *_sign(150, middle, "≈"),
        *_head(174, "Pointwise", "column"),
        *_cells(column, 190, TOP, float(np.abs(column).max())),
        *_sign(226, middle, "·"),
        *_head(252, "Depthwise filter", f"{window[0]} x {window[1]}, as a row"),
        *_cells(row, 252, middle - CELL / 2, float(np.abs(row).max())),
        *_cells(row.reshape(*window), 252 + 3 * CELL, middle + 34, float(np.abs(row).max())),
        (
            f'<text class="soft" x="{252 + width / 2}" y="{middle + 26}" text-anchor="middle">'
            "the same as a window</text>"
        ),
        *_sign(388, middle, "="),
        *_head(410, "Rank one", f"loses {losses[i]:.0%} of the norm"),
        *_cells(column @ row, 410, TOP, top),
        *_head(560, "Singular values", "and the share kept"),
        *_bars(values, 560, TOP, height),
        (
            f'<text class="soft" x="10" y="{TOP + height + 32}">blue: positive, orange: '
            "negative; the fuller, the larger</text>"
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _head(x: float, title: str, below: str) -> Iterator[str]:
    yield f'<text class="title" x="{x}" y="24">{title}</text>'
    yield f'<text class="soft" x="{x}" y="42">{below}</text>'


def _sign(x: float, y: float, sign: str) -> Iterator[str]:
    yield f'<text class="sign" x="{x}" y="{y + 8:.0f}" text-anchor="middle">{sign}</text>'


def _cells(matrix: split.Floats, x: float, y: float, top: float) -> Iterator[str]:
    """One square for each number: its sign the colour, its size the opacity."""
    rows, columns = matrix.shape
    for r in range(rows):
        for c in range(columns):
            value = float(matrix[r, c])
            yield (
                f'<rect class="{"plus" if value > 0 else "minus"}" x="{x + CELL * c:.1f}" '
                f'y="{y + CELL * r:.1f}" width="{CELL}" height="{CELL}" '
                f'fill-opacity="{min(abs(value) / top, 1):.2f}"/>'
            )
    yield (
        f'<rect class="frame" x="{x:.1f}" y="{y:.1f}" width="{CELL * columns}" '
        f'height="{CELL * rows}"/>'
    )


def _bars(values: split.Floats, x: float, y: float, height: float) -> Iterator[str]:
    """A bar for each value, and the share of the squares that it and those above it have."""
    kept = np.cumsum(values**2) / np.sum(values**2)
    step = height / len(values)
    for place, (value, share) in enumerate(zip(values, kept, strict=True)):
        at = y + place * step
        yield (
            f'<rect class="{"rest" if place else "bar"}" x="{x}" y="{at + 3:.1f}" '
            f'width="{72 * value / values[0]:.1f}" height="{step - 6:.1f}" rx="2"/>'
        )
        yield (
            f'<text class="soft" x="{WIDTH - 10}" y="{at + step / 2 + 4:.1f}" '
            f'text-anchor="end">r={place + 1}: {int(100 * share + 1e-6)}%</text>'
        )


if __name__ == "__main__":
    PICTURE.write_text(picture(trained_kernel()))
