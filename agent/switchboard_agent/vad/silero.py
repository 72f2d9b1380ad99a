"""Silero VAD v6 as a handful of matrix products over all calls at once.

The network is small (a short-time spectrum, four convolutions over four time steps, one LSTM cell,
one output), so a runtime's cost per call is mostly overhead. Written as numpy products over the
stacked windows of all calls it takes about a third of the time and none of the 40 MB of a runtime.
The weights come from the ONNX file inside the silero-vad wheel, which is found without importing
that package (its code needs torch). A test holds this equal to onnxruntime on the same file, and
`choice` checks it once more at every start.

Shapes, for n calls: samples n x 640 (576 and 64 mirrored) -> spectrum n x 4 x 129 -> 128 channels
x 4 -> 64 x 2 -> 64 x 1 -> 128 x 1 -> LSTM of 128 -> 1.
"""

import importlib.util
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import as_strided

from switchboard_agent.vad.base import CONTEXT_SAMPLES, WINDOW_SAMPLES, Floats
from switchboard_agent.vad.onnx_weights import Weights, WeightsError, read_weights

_BRANCH_16_KHZ = "If_0_then_branch"
_HIDDEN = 128
_FRAMES, _HOP, _FFT = 4, 128, 256
_BINS = _FFT // 2 + 1


def weights_path() -> Path:
    """Where the silero-vad wheel keeps its model. Raises `WeightsError` if it is not installed."""
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or spec.origin is None:
        raise WeightsError("silero-vad is not installed: install switchboard[agent]")
    return Path(spec.origin).parent / "data" / "silero_vad.onnx"


class SileroVad:
    """The network with its weights laid out for row-major products."""

    __slots__ = ("_convs", "_cosines", "_gates", "_gates_bias", "_out", "_out_bias", "_sines")

    state_size = 2 * _HIDDEN

    def __init__(self, path: Path | None = None) -> None:
        """Raises `WeightsError`."""
        path = path or weights_path()
        try:
            self._lay_out(read_weights(path, _BRANCH_16_KHZ))
        except (KeyError, IndexError, ValueError) as error:
            raise WeightsError(f"{path} has other tensors: install silero-vad 6.2.3") from error

    def _lay_out(self, named: Weights) -> None:
        self._cosines, self._sines = _folded_basis(named)
        # A 3-tap convolution whose input has few time steps meets zeros at the borders: of the
        # third layer the first tap never sees a sample, of the fourth only the middle one does.
        taps = (slice(0, 3), slice(0, 3), slice(1, 3), slice(1, 2))
        self._convs = [_conv_matrix(named, layer, tap) for layer, tap in enumerate(taps)]
        self._gates, self._gates_bias = _lstm_matrix(named)
        self._out = np.ascontiguousarray(named["decoder.decoder.2.weight"][0, :, 0])
        self._out_bias = float(named["decoder.decoder.2.bias"][0])

    def run(self, windows: Floats, state: Floats) -> tuple[Floats, Floats]:
        """Probabilities of speech and new states; see `VadModel`."""
        encoded = self._encode(self._spectrum(windows))
        hidden, cell = state[:, :_HIDDEN], state[:, _HIDDEN:]
        gates = np.concatenate((encoded, hidden), axis=1) @ self._gates
        gates += self._gates_bias
        np.tanh(gates, out=gates)
        switches = gates[:, : 3 * _HIDDEN]
        switches *= 0.5
        switches += 0.5
        keep_in, keep_old, keep_out = (
            switches[:, i * _HIDDEN : (i + 1) * _HIDDEN] for i in range(3)
        )
        new = np.empty_like(state)
        np.multiply(keep_old, cell, out=new[:, _HIDDEN:])
        new[:, _HIDDEN:] += keep_in * gates[:, 3 * _HIDDEN :]
        np.multiply(keep_out, np.tanh(new[:, _HIDDEN:]), out=new[:, :_HIDDEN])
        score = np.maximum(new[:, :_HIDDEN], 0.0) @ self._out + self._out_bias
        return 0.5 * np.tanh(0.5 * score) + 0.5, new

    def _spectrum(self, windows: Floats) -> Floats:
        calls, size = len(windows), CONTEXT_SAMPLES + WINDOW_SAMPLES
        mirrored = np.empty((calls, size + CONTEXT_SAMPLES), dtype=np.float32)
        mirrored[:, :size] = windows
        mirrored[:, size:] = windows[:, size - 2 : size - 2 - CONTEXT_SAMPLES : -1]
        # Sample j of a frame beside sample 256 - j, which meets the same cosine and the opposite
        # sine; sample 0 meets the window's zero. Half the products of an unfolded spectrum.
        ahead = mirrored[:, 1 : _FRAMES * _HOP + 1].reshape(calls, _FRAMES, _HOP)
        behind = mirrored[:, _HOP:].reshape(calls, _FRAMES, _HOP)[:, :, ::-1]
        power = (ahead + behind).reshape(-1, _HOP) @ self._cosines
        power *= power
        sines = (ahead - behind).reshape(-1, _HOP) @ self._sines
        sines *= sines
        power += sines
        # Silence around the four time steps: the border that the first convolution expects.
        padded = np.zeros((calls, _FRAMES + 2, _BINS), dtype=np.float32)
        np.sqrt(power.reshape(calls, _FRAMES, _BINS), out=padded[:, 1:-1])
        return padded

    def _encode(self, padded: Floats) -> Floats:
        calls = len(padded)
        (first, bias1), (second, bias2), (third, bias3), (fourth, bias4) = self._convs
        steps = _windows_of_three(padded, stride=1, count=4) @ first
        steps += bias1
        padded = np.zeros((calls, 6, 128), dtype=np.float32)
        np.maximum(steps.reshape(calls, 4, 128), 0.0, out=padded[:, 1:-1])
        halves = _above_zero(_windows_of_three(padded, stride=2, count=2) @ second, bias2)
        one = _above_zero(halves.reshape(calls, 128) @ third, bias3)
        return _above_zero(one @ fourth, bias4)


def _folded_basis(named: Weights) -> tuple[Floats, Floats]:
    """The spectrum's matrices for sums and differences of samples 1..128 and 255..128.

    The middle sample is paired with itself: its weight counts twice in a sum.
    """
    basis = named["stft.forward_basis_buffer"][:, 0, 1 : _HOP + 1].T.copy()
    basis[-1] *= 0.5
    return np.ascontiguousarray(basis[:, :_BINS]), np.ascontiguousarray(basis[:, _BINS:])


def _above_zero(layer: Floats, bias: Floats) -> Floats:
    layer += bias
    return np.maximum(layer, 0.0, out=layer)


def _windows_of_three(padded: Floats, stride: int, count: int) -> Floats:
    calls, _, channels = padded.shape
    row, step, item = padded.strides
    view = as_strided(padded, (calls, count, 3 * channels), (row, stride * step, item))
    return view.reshape(calls * count, 3 * channels)


def _conv_matrix(named: Weights, layer: int, taps: slice) -> tuple[Floats, Floats]:
    weight = named[f"encoder.{layer}.reparam_conv.weight"][:, :, taps]
    matrix = weight.transpose(2, 1, 0).reshape(-1, weight.shape[0])
    return np.ascontiguousarray(matrix), named[f"encoder.{layer}.reparam_conv.bias"]


def _lstm_matrix(named: Weights) -> tuple[Floats, Floats]:
    """All four gates as one product, so scaled that one tanh serves them.

    The file has the gates in the order in, forget, cell, out; here the three switches come first.
    A switch is a logistic function, and that is tanh of half the input, halved and lifted.
    """
    weight = np.concatenate((named["decoder.rnn.weight_ih"], named["decoder.rnn.weight_hh"]), 1)
    bias = named["decoder.rnn.bias_ih"] + named["decoder.rnn.bias_hh"]
    gate = np.arange(4 * _HIDDEN).reshape(4, _HIDDEN)
    order = gate[[0, 1, 3, 2]].ravel()
    scale = np.where(np.arange(4 * _HIDDEN) < 3 * _HIDDEN, 0.5, 1.0).astype(np.float32)
    return np.ascontiguousarray((weight[order] * scale[:, None]).T), bias[order] * scale
