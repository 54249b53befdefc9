"""OpenVINO's CPU plugin, in fp32 and with the precision that it picks by itself."""

from pathlib import Path

import numpy as np
import openvino

from lithe.bench.engines import Case, Loaded


def fp32(case: Case) -> Loaded:
    """With single precision asked for; where the CPU has bf16 it would take that."""
    return _compiled(case, {"INFERENCE_PRECISION_HINT": "f32"})


def own_choice(case: Case) -> Loaded:
    """As it comes: bf16 where the CPU multiplies it, so not the same arithmetic."""
    return _compiled(case, {})


def _compiled(case: Case, settings: dict[str, str]) -> Loaded:
    folder = Path(case.folder)
    model = openvino.Core().compile_model(
        str(folder / "model.onnx"),
        "CPU",
        settings | {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": str(case.threads)},
    )
    request = model.create_infer_request()
    x = np.load(folder / "input.npy")

    def run() -> object:
        return request.infer([x], share_inputs=True, share_outputs=True)

    def logits() -> np.ndarray:
        run()
        return np.array(request.get_output_tensor(0).data)

    precision = model.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return Loaded(run, logits, {"precision": precision})
