"""Pretrained weights: which there are, how they arrive, and what is said when they cannot."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from lithe.arch import architecture
from lithe.nets.build import create
from lithe.nets.pretrained import PRETRAINED, nearest_pretrained
from lithe.nets.torchvision_compat import torchvision
from lithe.nets.weight_names import export_weights

# Loads the weights into networks of these widths, classes and channels; says what came of it.
LOAD = """
import json, sys
import torch
from lithe.errors import LitheError
from lithe.nets.build import create
from lithe.nets.pretrained import load_pretrained

def loaded(width, classes, channels):
    network = create("mobilenet_v2", width=width, num_classes=classes, in_channels=channels)
    drawn = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    try:
        found = load_pretrained(network)
    except LitheError as error:
        return {"error": str(error)}
    state = network.state_dict()
    return {
        "name": found.name,
        "fresh": found.fresh,
        "share": found.share,
        "mean": found.mean,
        "std": found.std,
        "untouched": [name for name in state if torch.equal(state[name], drawn[name])],
        "stem": state["blocks.0.conv.weight"][0].tolist(),
        "bias": state["classifier.bias"][:2].tolist(),
    }

torch.manual_seed(0)
print(json.dumps([loaded(*wish) for wish in json.loads(sys.argv[1])]))
"""


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a download needs; counts what it is asked."""

    data = b""
    asked: list[str]

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        found = self.path.endswith("/model.safetensors")
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(self.data) if found else 0))
        self.send_header("ETag", '"0123456789abcdef"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        if found and self.command == "GET":
            self.wfile.write(self.data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def hub(data: bytes) -> Iterator[tuple[str, list[str]]]:
    handler = type("Serving", (Hub,), {"data": data, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler.asked  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()


def load(home: Path, endpoint: str, *wishes: tuple[float, int, int]) -> list[dict[str, Any]]:
    """What a process makes of (width, classes, channels) with this cache and this hub."""
    environment = os.environ | {
        "HF_HOME": str(home),
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
    }
    for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "HUGGINGFACE_HUB_CACHE"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, json.dumps(wishes)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def published() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    network = create("mobilenet_v2", width=0.5)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)
        else:
            tensor.fill_(9)
    return export_weights(network, "timm")


def test_fetched_once_then_from_the_cache_without_a_network(tmp_path: Path) -> None:
    weights = published()
    stem = weights["conv_stem.weight"][0]
    with hub(safetensors.torch.save(weights)) as (endpoint, asked):
        (found,) = load(tmp_path, endpoint, (0.5, 1000, 3))
    assert asked[0] == "HEAD /timm/mobilenetv2_050.lamb_in1k/resolve/main/model.safetensors"
    assert asked[-1] == "GET /timm/mobilenetv2_050.lamb_in1k/resolve/main/model.safetensors"
    assert found["name"] == "mobilenetv2_050.lamb_in1k"
    assert found["fresh"] == found["untouched"] == []
    assert found["share"] == 1
    assert found["mean"] == [0.485, 0.456, 0.406]
    assert found["std"] == [0.229, 0.224, 0.225]
    assert found["bias"] == weights["classifier.bias"][:2].tolist()
    assert found["stem"] == stem.tolist()

    # The hub is gone: whoever connects to its port is refused.
    grey, deep, other = load(tmp_path, endpoint, (0.5, 10, 1), (0.5, 1000, 4), (1.0, 1000, 3))
    assert grey["fresh"] == grey["untouched"] == ["classifier.weight", "classifier.bias"]
    assert torch.allclose(torch.tensor(grey["stem"]), stem.sum(0, keepdim=True))
    assert grey["mean"] == pytest.approx([0.449])
    assert deep["fresh"] == deep["untouched"] == ["blocks.0.conv.weight"]
    assert len(deep["mean"]) == len(deep["std"]) == 4
    assert other["error"].startswith(
        "the pretrained weights mobilenetv2_100.ra_in1k are not on this machine and cannot be "
        f"fetched from {endpoint}/timm/"
    )
    assert other["error"].endswith("connect it to the network, or train without them")
    assert "\n" not in other["error"]


def test_without_timm_the_install_line_is_shown() -> None:
    # None in sys.modules is how Python is told that there is no such module.
    script = (
        "import sys; sys.modules['timm'] = None\n"
        "from lithe.nets.build import create\n"
        "from lithe.nets.pretrained import load_pretrained\n"
        "load_pretrained(create('mobilenet_v1'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    message = done.stderr.splitlines()[-1]
    assert message.startswith(
        "lithe.errors.LitheError: pretrained weights come through timm, which"
    )
    assert message.endswith("): pip install 'lithe[pretrained]'")


def test_timm_knows_every_name_and_has_weights_for_it() -> None:
    import timm  # after torchvision_compat, see there

    assert torchvision.__version__
    known = timm.list_pretrained()
    for (ours, width), name in PRETRAINED.items():
        assert name in known
        table = architecture(ours, width=width, num_classes=5)
        nearest, found = nearest_pretrained(table)
        assert (nearest.name, nearest.rows, nearest.width) == (ours, table.rows, width)
        assert found == name
