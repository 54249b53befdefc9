"""ONNX Runtime's own CPU kernels."""

from pathlib import Path

import numpy as np
import onnxruntime

from lithe.bench.engines import Case, Loaded


def session(case: Case) -> Loaded:
    """A session with all its graph optimisations, which are on unless they are refused."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = case.threads
    options.inter_op_num_threads = 1
    folder = Path(case.folder)
    opened = onnxruntime.InferenceSession(
        str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    feed = {"x": np.load(folder / "input.npy")}
    return Loaded(lambda: opened.run(None, feed), lambda: np.asarray(opened.run(None, feed)[0]), {})
