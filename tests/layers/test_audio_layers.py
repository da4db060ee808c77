"""Spectrograms: against Fourier transforms of NumPy and spectrograms of SciPy, on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal

import hilevel
from hilevel import initializers, layers
from hilevel.testing import check_gradients

rng = np.random.default_rng(0)


@pytest.mark.parametrize("scaling", ["density", "spectrum"])
@pytest.mark.parametrize("window, periodic", [("hann", False), ("hamming", True), ("tukey", False)])
def test_spectrograms_of_scipy(backend: Any, scaling: str, window: str, periodic: bool) -> None:
    x = rng.normal(size=(2, 200, 1)).astype("float32")
    for mode in ("magnitude", "psd"):
        layer = layers.STFTSpectrogram(
            mode, 32, 12, 64, window=window, periodic=periodic, scaling=scaling, name="spectrogram"
        )
        expected = scipy.signal.spectrogram(
            x[..., 0], window=scipy.signal.get_window(window, 32, periodic), nperseg=32, noverlap=20, mode=mode,
            scaling=scaling, detrend=False, nfft=64,
        )[2]  # fmt: skip
        np.testing.assert_allclose(np.asarray(layer(x)), expected.swapaxes(1, 2), rtol=2e-3, atol=1e-4)


def test_modes_and_weights() -> None:
    x = rng.normal(size=(2, 40, 3)).astype("float32")
    parts = {
        m: np.asarray(layers.STFTSpectrogram(m, 16, 5, expand_dims=True)(x)) for m in ("real", "imag", "stft")
    }
    frames = np.stack([x[:, i : i + 16] for i in range(0, 25, 5)], 1)
    window = np.hanning(16) / np.sqrt(np.sum(np.hanning(16) ** 2))
    expected = np.fft.rfft(frames * window[:, None], axis=2)
    np.testing.assert_allclose(parts["real"], expected.real, atol=1e-5)
    np.testing.assert_allclose(parts["imag"], expected.imag, atol=1e-5)
    np.testing.assert_allclose(parts["stft"], np.concatenate([expected.real, expected.imag], 2), atol=1e-5)
    angle = np.asarray(layers.STFTSpectrogram("angle", 16, 5, expand_dims=True)(x))
    np.testing.assert_allclose(np.exp(1j * angle), expected / np.abs(expected), atol=1e-3)
    log = np.asarray(layers.STFTSpectrogram("log", 16, 5, expand_dims=True)(x))
    np.testing.assert_allclose(log, np.log(np.maximum(np.abs(expected), np.sqrt(1e-7))), atol=1e-3)
    for mode, n in (("real", 1), ("imag", 1), ("stft", 2), ("log", 2)):
        layer = layers.STFTSpectrogram(mode, 16)
        layer.build((None, 40, 1))
        assert [w.name for w in layer.weights] == [
            f"{p}_kernel" for p in ("real", "imag") if mode in (p, "stft", "log")
        ]
        assert len(layer.trainable_weights) == n


@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_channels_first(padding: str, expand: bool) -> None:
    x = rng.normal(size=(2, 40, 3)).astype("float32")
    options: dict[str, Any] = {"frame_length": 8, "padding": padding, "expand_dims": expand}
    last = layers.STFTSpectrogram(**options)
    first = layers.STFTSpectrogram(**options, data_format="channels_first")
    y, z = np.asarray(last(x)), np.asarray(first(x.transpose(0, 2, 1)))
    order = (0, 3, 1, 2) if expand else (0, 2, 1)
    np.testing.assert_allclose(y.transpose(order), z, rtol=1e-5)
    assert last.compute_output_shape(x.shape) == y.shape
    known = last.compute_output_shape((None, None, 3))
    assert known == (None, None, *y.shape[2:])


def test_the_kernels_have_gradients() -> None:
    layer = layers.STFTSpectrogram("psd", 4, dtype="float64")
    check_gradients(layer, rng.normal(size=(1, 10, 1)))
    check_gradients(lambda x: layer(x), rng.normal(size=(1, 10, 1)), variables=layer.weights)


def test_mel_spectrogram(backend: Any) -> None:
    x = rng.normal(size=(2, 600)).astype("float32")
    layer = layers.MelSpectrogram(
        64, 16, 48, sampling_rate=4000, num_mel_bins=9, power_to_db=False, mag_exp=1.0
    )
    y = np.asarray(layer(x))
    _, _, transform = scipy.signal.stft(
        np.pad(x, ((0, 0), (32, 32)), mode="reflect"), boundary=None, padded=False, nperseg=64, noverlap=48,
        window=np.pad(scipy.signal.get_window("hann", 48), 8),
    )  # fmt: skip
    magnitude = np.abs(transform) * 24  # SciPy divides by the sum of the window
    weights = layer.linear_to_mel_weight_matrix(9, 33, 4000, 20.0, 2000.0)
    np.testing.assert_allclose(y, weights.T @ magnitude, rtol=1e-4, atol=1e-4)
    inner = weights[np.linspace(0, 2000, 33) > 120]
    assert (np.count_nonzero(inner, axis=1) <= 2).all() and weights.min() == 0 and weights.max() <= 1
    decibels = np.asarray(
        layers.MelSpectrogram(64, 16, 48, sampling_rate=4000, num_mel_bins=9, top_db=5.0)(x)
    )
    assert decibels.shape == (2, 9, 38) and np.isclose(decibels.max() - decibels.min(), 5.0)
    one = layers.MelSpectrogram(64, 16, 48, sampling_rate=4000, num_mel_bins=9, top_db=None)
    np.testing.assert_allclose(np.asarray(one(x[0])), np.asarray(one(x))[0], rtol=1e-4, atol=1e-3)
    assert one.compute_output_shape((None, None)) == (None, 9, None)


@pytest.mark.parametrize(
    "layer",
    [
        layers.STFTSpectrogram("psd", 8, window=list(range(1, 9)), scaling=None),
        layers.MelSpectrogram(64, 16, window=None, top_db=None, num_mel_bins=5),
    ],
)
def test_configs(layer: Any) -> None:
    x = rng.normal(size=(1, 80, 1) if isinstance(layer, layers.STFTSpectrogram) else (1, 80)).astype(
        "float32"
    )
    config = layer.get_config()
    twin = type(layer).from_config(config)
    assert twin.get_config() == config
    np.testing.assert_array_equal(np.asarray(twin(x)), np.asarray(layer(x)))


BAD: list[tuple[Any, dict[str, Any]]] = [
    (layers.STFTSpectrogram, {"frame_length": 8, "frame_step": 9}),
    (layers.STFTSpectrogram, {"frame_step": 0}),
    (layers.STFTSpectrogram, {"fft_length": 128}),
    (layers.STFTSpectrogram, {"mode": "power"}),
    (layers.STFTSpectrogram, {"window": "round"}),
    (layers.STFTSpectrogram, {"scaling": "l2"}),
    (layers.MelSpectrogram, {"fft_length": 64, "sequence_length": 65}),
    (layers.MelSpectrogram, {"window": "tukey"}),
    (layers.MelSpectrogram, {"min_freq": 9000.0}),
    (initializers.STFT, {"side": "left"}),
    (initializers.STFT, {"scaling": "l2"}),
    (initializers.STFT, {"window": "round"}),
]


@pytest.mark.parametrize("cls, options", BAD)
def test_wrong_settings(cls: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        cls(**options)


def test_wrong_inputs() -> None:
    with pytest.raises(TypeError, match="floats"):
        layers.STFTSpectrogram()(np.ones((1, 300, 1), "int32"))
    with pytest.raises(hilevel.errors.ShapeError):
        initializers.STFT(window=[1.0, 2.0])((3, 1, 5))
    with pytest.raises(hilevel.errors.ShapeError):
        initializers.STFT()((3, 5))
