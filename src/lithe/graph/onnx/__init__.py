"""The door from ONNX files. The `onnx` package is an extra, imported when a file is read."""

from lithe.graph.onnx.translate import read_onnx

__all__ = ["read_onnx"]
