"""Opens ONNX files with onnxruntime, which is loaded with the first of them.

Most workers open none: the package is an extra (`turn-model`), 50 MB in an image and 40 MB in a
process.
"""

from typing import Any


class OnnxError(Exception):
    """The file cannot be opened; the message says why and what to do."""


def open_session(path: str) -> Any:  # noqa: ANN401  the library has no types
    """A session that computes in the thread that asks: with one thread, none waits spinning.

    Raises `OnnxError`.
    """
    try:
        import onnxruntime  # noqa: PLC0415  see above
    except ImportError as error:
        raise OnnxError(
            "onnxruntime is not installed: build the worker's image with TURN_MODEL=1"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise OnnxError(
            f"{path} is no model that onnxruntime {onnxruntime.__version__} reads: "
            f"{type(error).__name__}"
        ) from error
