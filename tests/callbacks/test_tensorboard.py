"""`TensorBoard`: the files are read back with the reader of TensorBoard."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import hilevel
from hilevel import callbacks, layers
from hilevel.callbacks.tensorboard import picture

X, Y = np.ones((10, 2), "float32"), np.ones((10, 1), "float32")
EVERYTHING = {"histograms": 0, "images": 0, "scalars": 0, "tensors": 0, "graph": True}


def ready(**options: Any) -> Any:
    model = hilevel.Sequential(
        [layers.Input((2,)), layers.Dense(3, name="hidden"), layers.Dense(1, name="out")], name="net"
    )
    model.compile(hilevel.optimizers.SGD(0.01), "mse", **{"metrics": ["mae"]} | options)
    return model


def fit(board: Any, model: Any = None, **options: Any) -> Any:
    model = model or ready()
    model.fit(X, Y, **{"epochs": 3, "batch_size": 2, "verbose": 0, "callbacks": [board]} | options)
    return model


def read(folder: Path) -> Any:
    return EventAccumulator(str(folder), size_guidance=EVERYTHING).Reload()


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found = read(folder)
    return {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def close(pairs: list[tuple[int, float]], steps: list[int], values: list[float]) -> bool:
    return [s for s, _ in pairs] == steps and np.allclose([v for _, v in pairs], values, rtol=1e-6)


def test_values_of_epochs_are_in_the_folders_of_keras(tmp_path: Path, backend: Any) -> None:
    slower = callbacks.LearningRateScheduler(lambda epoch: 0.01 / (epoch + 1))
    board = callbacks.TensorBoard(tmp_path)
    model = fit(board, callbacks=[slower, board], validation_data=(X[:4], Y[:4]))
    history = model.history.history
    train, validation = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    assert set(train) == {"epoch_loss", "epoch_mae", "epoch_learning_rate"}
    assert close(train["epoch_loss"], [0, 1, 2], history["loss"])
    assert close(train["epoch_learning_rate"], [0, 1, 2], [0.01, 0.005, 0.01 / 3])
    assert close(validation["epoch_mae"], [0, 1, 2], history["val_mae"])
    assert close(validation["evaluation_loss_vs_iterations"], [5, 10, 15], history["val_loss"])


def test_a_model_without_an_optimizer_has_values_too(tmp_path: Path) -> None:
    class Own(hilevel.Sequential):
        def train_step(self, data: Any) -> Any:
            return self.test_step(data)

    model = Own([layers.Input((2,)), layers.Dense(1)])
    model.compile(None, "mse")
    model.fit(X, Y, verbose=0, callbacks=[callbacks.TensorBoard(tmp_path)], validation_data=(X, Y))
    assert [len(scalars(tmp_path / folder)) for folder in ("train", "validation")] == [1, 1]


def test_files_of_one_second_are_all_kept(tmp_path: Path) -> None:
    board, model = callbacks.TensorBoard(tmp_path), ready()
    for epochs in (1, 2):
        fit(board, model, epochs=epochs, initial_epoch=epochs - 1)
        model.evaluate(X, Y, verbose=0, callbacks=[board])
    assert [step for step, _ in scalars(tmp_path / "train")["epoch_loss"]] == [0, 1]
    evaluated = scalars(tmp_path / "validation")["evaluation_loss_vs_iterations"]
    assert [step for step, _ in evaluated] == [5, 10]
    assert board._writers == {}


@pytest.mark.parametrize(
    ("update_freq", "bundle", "steps"),
    [("batch", 1, range(1, 11)), (2, 1, [2, 4, 6, 8, 10]), (4, 1, [4, 8]), (3, 2, [4, 7, 9])],
)
def test_values_of_batches(update_freq: Any, bundle: int, steps: Any, tmp_path: Path, backend: Any) -> None:
    """With bundles of 2 steps, values come at the end of the bundle in which they are due."""
    losses: list[float] = []
    see = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: losses.extend([logs["loss"]] * bundle)
    )
    board = callbacks.TensorBoard(tmp_path, update_freq=update_freq, write_steps_per_second=True)
    fit(board, ready(steps_per_execution=bundle), callbacks=[board, see], epochs=2)
    found = scalars(tmp_path / "train")
    assert {"batch_loss", "batch_mae", "batch_steps_per_second", "epoch_steps_per_second"} <= set(found)
    assert [step for step, _ in found["batch_loss"]] == list(steps)
    if bundle == 1:
        assert close(found["batch_loss"], list(steps), [losses[step - 1] for step in steps])
    assert all(rate > 0 for _, rate in found["batch_steps_per_second"] + found["epoch_steps_per_second"])


def test_batches_are_bundled_if_only_epochs_are_written(tmp_path: Path) -> None:
    model = ready()
    for update_freq, every in (("epoch", False), (1, True)):
        listed = callbacks.CallbackList(
            [callbacks.TensorBoard(tmp_path, update_freq=update_freq)], model=model
        )
        assert listed.watches("train") is every


def test_steps_per_second_leave_out_validation(tmp_path: Path, monkeypatch: Any) -> None:
    clock = iter([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 100.0, 101.0])
    monkeypatch.setattr("hilevel.callbacks.tensorboard.time.perf_counter", lambda: next(clock, 1000.0))
    board = callbacks.TensorBoard(tmp_path, write_steps_per_second=True)
    board.set_model(ready())
    board.on_epoch_begin(0)
    for batch in range(5):
        board.on_train_batch_end(batch)
    board.on_epoch_end(0, {"loss": 1.0})
    board.on_train_end()
    assert scalars(tmp_path / "train")["epoch_steps_per_second"] == [(0, 1.0)]


def test_histograms_and_pictures_of_weights(tmp_path: Path, backend: Any) -> None:
    from PIL import Image

    model = fit(callbacks.TensorBoard(tmp_path, histogram_freq=2, write_images=True))
    found = read(tmp_path / "train")
    paths = [v.path for v in model.weights]
    assert sorted(found.Tags()["histograms"]) == sorted(f"{path}/histogram" for path in paths)
    last = found.Histograms("net/hidden/kernel/histogram")[-1]
    kernel = model.layers[0].kernel.numpy()
    assert last.step == 2 and last.histogram_value.num == 6
    np.testing.assert_allclose(
        [last.histogram_value.min, last.histogram_value.max, last.histogram_value.sum],
        [kernel.min(), kernel.max(), kernel.sum()],
        rtol=1e-5,
    )
    shown = found.Images("net/hidden/kernel/image")
    assert [s.step for s in shown] == [0, 2]
    drawn = np.asarray(Image.open(io.BytesIO(shown[-1].encoded_image_string)))
    assert drawn.shape == (2, 3, 3) and (drawn[..., 0] == picture(kernel)).all()


def test_weights_that_are_not_finite_do_not_end_training(tmp_path: Path) -> None:
    model = ready()
    model.layers[0].kernel.assign([[np.nan, 1, 2], [3, np.inf, 5]])
    model.layers[1].kernel.assign([[np.nan]] * 3)
    board = callbacks.TensorBoard(tmp_path, histogram_freq=1, write_images=True)
    board.set_model(model)
    board.on_train_begin()
    board.on_epoch_begin(0)
    board.on_epoch_end(0, {"loss": float("nan")})
    board.on_train_end()
    found = read(tmp_path / "train")
    assert found.Histograms("net/hidden/kernel/histogram")[0].histogram_value.num == 4
    assert "net/out/kernel/histogram" not in found.Tags()["histograms"]


def test_a_picture_is_laid_out_by_the_axes() -> None:
    kernel = np.arange(2 * 3 * 2 * 4).reshape(2, 3, 2, 4).astype("float32")
    drawn = picture(kernel)
    assert drawn.shape == (4, 12) and (drawn[0, 0], drawn[3, 11]) == (0, 255)
    tile = drawn[2:4, 3:6]  # of input channel 1 and output channel 1
    np.testing.assert_allclose(tile, kernel[:, :, 1, 1] * 255 / 47, atol=1)
    assert picture(kernel[0]).shape == (2, 12) and picture(np.ones(5)).shape == (1, 5)
    assert picture(np.ones((4, 2))).shape == (2, 4)
    assert picture(np.array([np.nan, 1.0, 2.0])).tolist() == [[0, 0, 255]]


# -- the graph --------------------------------------------------------------------------------------


def graph_of(model: Any, folder: Path) -> dict[str, Any]:
    model.compile("sgd", "mse")
    board = callbacks.TensorBoard(folder)
    board.set_model(model)
    board.on_train_begin()
    board.on_train_end()
    return {node.name: node for node in read(folder / "train").Graph().node}


def shape(node: Any) -> list[int]:
    return [d.size for d in node.attr["_output_shapes"].list.shape[0].dim]


def test_the_graph_has_the_calls_of_layers_and_ops(tmp_path: Path, backend: Any) -> None:
    x, other = hilevel.Input((4,), name="x"), hilevel.Input((4,), name="other")
    shared = layers.Dense(4, name="shared")
    y = layers.Add(name="sum")([shared(x), shared(other)])
    y = layers.Dense(2, name="odd name")(hilevel.ops.relu(y))
    nodes = graph_of(hilevel.Model([x, other], y), tmp_path)
    assert {n.name: (n.op, list(n.input)) for n in nodes.values()} == {
        "x": ("Input", []),
        "other": ("Input", []),
        "shared": ("Dense", ["x"]),
        "shared_1": ("Dense", ["other"]),
        "sum": ("Add", ["shared", "shared_1"]),
        "relu": ("relu", ["sum"]),
        "odd_name": ("Dense", ["relu"]),
    }
    assert shape(nodes["odd_name"]) == [-1, 2] and nodes["odd_name"].attr["parameters"].i == 10


def test_a_model_in_a_model_is_a_group(tmp_path: Path) -> None:
    inner_x = hilevel.Input((4,), name="inner_x")
    h = layers.Dense(3, name="a")(inner_x)
    inner = hilevel.Model(inner_x, [layers.Dense(2, name="b")(h), h], name="inner")
    x = hilevel.Input((4,), name="x")
    first, second = inner(x)
    again, _ = inner(x)
    y = layers.Concatenate(name="all")([first, second, again])
    nodes = graph_of(hilevel.Model(x, y), tmp_path)
    assert {n.name: list(n.input) for n in nodes.values()} == {
        "x": [],
        "inner/a": ["x"],
        "inner/b": ["inner/a"],
        "inner_1/a": ["x"],
        "inner_1/b": ["inner_1/a"],
        "all": ["inner/b", "inner/a", "inner_1/b"],
    }


def test_results_of_one_call_are_told_apart(tmp_path: Path) -> None:
    x = hilevel.Input((5, 2), name="x")
    y, _, cell = layers.LSTM(3, return_state=True, name="lstm")(x)
    nodes = graph_of(hilevel.Model(x, layers.Add(name="sum")([y, cell])), tmp_path)
    assert list(nodes["sum"].input) == ["lstm", "lstm:2"]
    assert len(nodes["lstm"].attr["_output_shapes"].list.shape) == 3


def test_a_subclassed_model_has_no_graph(tmp_path: Path) -> None:
    class Own(hilevel.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    model = Own()
    model.compile("sgd", "mse")
    fit(callbacks.TensorBoard(tmp_path), model, epochs=1)
    assert read(tmp_path / "train").Tags()["graph"] is False
    fit(callbacks.TensorBoard(tmp_path / "b", write_graph=False), epochs=1)
    assert read(tmp_path / "b/train").Tags()["graph"] is False


# -- embeddings -------------------------------------------------------------------------------------


def words() -> Any:
    model = hilevel.Sequential(
        [
            layers.Input((3,), dtype="int32"),
            layers.Embedding(4, 2, name="words"),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    return model


def train_words(board: Any) -> Any:
    model = words()
    model.fit(np.zeros((4, 3), "int32"), Y[:4], epochs=2, verbose=0, callbacks=[board])
    return model


def test_embeddings_are_written_for_the_projector(tmp_path: Path, backend: Any) -> None:
    (tmp_path / "labels.tsv").write_text("a\nb\nc d\ne\n")
    model = train_words(callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata="labels.tsv"))
    folder = tmp_path / "train"
    config = (folder / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "00001/words/tensors.tsv"' in config and config.count("metadata_path") == 2
    written = np.loadtxt(folder / "00001/words/tensors.tsv", delimiter="\t")
    np.testing.assert_allclose(written, model.layers[0].embeddings.numpy(), rtol=1e-6)
    assert (folder / "00001/words/metadata.tsv").read_text().splitlines() == ["a", "b", "c d", "e"]


def test_labels_in_columns_have_a_header(tmp_path: Path) -> None:
    table = "word\tkind\n" + "".join(f"w{i}\tk\n" for i in range(4))
    (tmp_path / "labels.tsv").write_text(table)
    paths = {"words": str(tmp_path / "labels.tsv")}
    train_words(callbacks.TensorBoard(tmp_path / "logs", embeddings_freq=2, embeddings_metadata=paths))
    assert (tmp_path / "logs/train/00000/words/metadata.tsv").read_text() == table
    assert not (tmp_path / "logs/train/00001").exists()


def test_labels_for_a_layer_that_is_no_embedding_are_refused(tmp_path: Path) -> None:
    board = callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"word": "labels.tsv"})
    with pytest.raises(ValueError, match=r'"word".*"words"'):
        train_words(board)


# -- refusals ---------------------------------------------------------------------------------------


def test_what_cannot_be_done_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"profile_batch must be 0; got \(2, 4\).*jax.profiler.trace"):
        callbacks.TensorBoard(tmp_path, profile_batch=(2, 4))
    for wrong in ("step", 0, -1, 1.5):
        with pytest.raises(ValueError, match="update_freq"):
            callbacks.TensorBoard(tmp_path, update_freq=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("module", "install"), [("tensorboardX", r"hilevel\[tensorboard\]"), ("PIL", "pillow")]
)
def test_a_package_that_is_missing_is_named(
    module: str, install: str, monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        ImportError, match=f"TensorBoard.* needs the package {module}: pip install '{install}'"
    ):
        callbacks.TensorBoard(tmp_path, write_images=True)


def test_a_continued_epoch_counts_its_steps_once(tmp_path: Path) -> None:
    class Stop(callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if self.left == batch:
                raise RuntimeError("stopped")

    def train(left: int) -> None:
        board = callbacks.TensorBoard(tmp_path / "logs", update_freq=1, write_steps_per_second=True)
        stop = Stop()
        stop.left = left
        backup = callbacks.BackupAndRestore(tmp_path / "state", save_freq=1)
        fit(board, epochs=1, callbacks=[board, stop, backup])

    with pytest.raises(RuntimeError, match="stopped"):
        train(3)
    train(9)
    found = scalars(tmp_path / "logs/train")
    assert [step for step, _ in found["batch_loss"]] == [1, 2, 3, 4, 5]
    assert [step for step, _ in found["epoch_steps_per_second"]] == [0]
