"""`TensorBoard`: files that the program TensorBoard shows."""

from __future__ import annotations

import csv
import itertools
import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from hilevel.api.optional import import_optional
from hilevel.callbacks.base import Callback
from hilevel.callbacks.learning_rate import learning_rates
from hilevel.callbacks.logs import BatchLogs, Logs
from hilevel.callbacks.tensorboard_graph import graph_def
from hilevel.engine.settings import settings
from hilevel.errors import nearest
from hilevel.layers.core.embedding import Embedding

INSTALL = "hilevel[tensorboard]"
_files = itertools.count()


class TensorBoard(Callback):
    """A callback that writes files for TensorBoard: values, weights, and the graph of a functional model.

    It needs `pip install 'hilevel[tensorboard]'`, and no TensorFlow. `tensorboard --logdir logs` shows the files of
    `log_dir/train` and `log_dir/validation`, with the names that Keras uses.

    Args:
        log_dir: the folder of the files.
        histogram_freq: the number of epochs between histograms of the weights; 0 for none.
        write_graph: whether to write the graph of a functional or Sequential model. Subclassed models have none.
        write_images: whether to write the weights as pictures, together with the histograms. It needs Pillow.
        write_steps_per_second: whether to write the number of training steps per second.
        update_freq: `"epoch"`, `"batch"`, or the number of batches between two writings of the values of batches.
            The values of epochs are written in any case.
        profile_batch: must be 0. `jax.profiler.trace` writes profiles for TensorBoard.
        embeddings_freq: the number of epochs between writings of the weights of `Embedding` layers, for the projector;
            0 for none.
        embeddings_metadata: the path of a file with a row of labels for each embedded index, or a dict of paths by
            the names of layers. Relative paths begin at `log_dir`. Tabs separate columns; several need a header.

    Raises:
        ImportError: tensorboardX is not installed, or Pillow for `write_images`.
        ValueError: `profile_batch` is not 0, `update_freq` is unknown, or no `Embedding` layer has a name of
            `embeddings_metadata`.

    >>> import hilevel, tempfile
    >>> board = hilevel.callbacks.TensorBoard(tempfile.mkdtemp(), update_freq=100, histogram_freq=1)
    """

    state_names = ("train_steps",)

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | str = "epoch",
        profile_batch: int | str | tuple[int, int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        import_optional("tensorboardX", INSTALL, "TensorBoard")
        if write_images:
            import_optional("PIL", "pillow", "TensorBoard(write_images=True)")
        _check(update_freq, profile_batch)
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq, self.write_graph, self.write_images = histogram_freq, write_graph, write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self.every_batch = update_freq != "epoch"
        self.train_steps = 0
        self._first = self._in_epoch = 0
        self._training = False
        self._writers: dict[str, Any] = {}

    # -- events ------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        """Write the graph, and count steps from 0."""
        self._training, self.train_steps = True, 0
        self._labels = self._read_labels() if self.embeddings_freq else {}
        if self.write_graph and self.model.outputs:
            self._writer("train").file_writer.add_onnx_graph(graph_def(self.model))

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Start the clock."""
        self._start(0)

    def on_epoch_resume(self, epoch: int, logs: Logs = None) -> None:
        """Start the clock at the first step of this process."""
        self._start((logs or {}).get("batch", 0))

    def _start(self, batch: int) -> None:
        self._first = self._in_epoch = batch
        self._began = self._ended = time.perf_counter()
        self._last = self.train_steps, self._began

    def on_train_batch_end(self, batch: int, logs: BatchLogs = None) -> None:
        """Count the steps, and write the values of the batch if they are due."""
        done = self.steps_done(batch)
        before, self.train_steps = self.train_steps, self.train_steps + done - self._in_epoch
        self._in_epoch, self._ended = done, time.perf_counter()
        every = self.update_freq
        if isinstance(every, int) and self.train_steps // every > before // every:
            values = {f"batch_{name}": value for name, value in (logs or {}).items()}
            if self.write_steps_per_second:
                steps, seconds = self.train_steps - self._last[0], self._ended - self._last[1]
                values["batch_steps_per_second"] = steps / seconds
            self._last = self.train_steps, self._ended
            self._write("train", values, self.train_steps)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the values of the epoch, and the weights if they are due."""
        values = dict(logs or {})
        if self.model.optimizer is not None:
            values |= learning_rates(self.model)
        if self.write_steps_per_second and self._in_epoch > self._first:
            values["steps_per_second"] = (self._in_epoch - self._first) / (self._ended - self._began)
        for name, value in values.items():
            folder = "validation" if name.startswith("val_") else "train"
            self._write(folder, {f"epoch_{name.removeprefix('val_')}": value}, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings(epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_test_end(self, logs: Logs = None) -> None:
        """Write the values of the evaluation, by the number of updates of the weights."""
        if self.model.optimizer is not None:
            values = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
            self._write("validation", values, int(self.model.optimizer.iterations))
        if not self._training:
            self._close()

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the files."""
        self._training = False
        self._close()

    # -- files -------------------------------------------------------------------------------------

    def _writer(self, name: str) -> Any:
        """Return the writer of a folder in `log_dir`, with a new file at its first use."""
        if name not in self._writers:
            board = import_optional("tensorboardX", INSTALL, "TensorBoard")
            suffix = f".{os.getpid()}.{next(_files):06d}"  # files of one second, in order of their names
            self._writers[name] = board.SummaryWriter(
                os.path.join(self.log_dir, name), filename_suffix=suffix, write_to_disk=settings.process == 0
            )
        return self._writers[name]

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _write(self, folder: str, values: Mapping[str, Any], step: int) -> None:
        """Write the values, without arrays."""
        for name, value in values.items():
            if np.ndim(value) == 0:
                self._writer(folder).add_scalar(name, value, step)

    def _write_weights(self, epoch: int) -> None:
        """Write the histograms of the weights, and their pictures with `write_images`."""
        for variable in self.model.weights:
            w, name = variable.numpy().astype("float32"), variable.path.replace(":", "_")
            if np.isfinite(w).any():
                self._writer("train").add_histogram(f"{name}/histogram", w[np.isfinite(w)], epoch)
                if self.write_images and 0 < w.ndim < 5:
                    self._writer("train").add_image(f"{name}/image", picture(w), epoch, dataformats="HW")

    # -- embeddings --------------------------------------------------------------------------------

    def _embeddings(self) -> list[Embedding]:
        return [layer for layer in self.model._flatten_layers() if isinstance(layer, Embedding)]

    def _write_embeddings(self, epoch: int) -> None:
        """Write the weights of the `Embedding` layers with their labels."""
        for layer in self._embeddings():
            header, labels = self._labels.get(layer.name, (None, None))
            self._writer("train").add_embedding(
                layer.embeddings.numpy(), labels, None, epoch, layer.name, metadata_header=header
            )

    def _read_labels(self) -> dict[str, Any]:
        """Return the header and the rows of the file of labels of each `Embedding` layer."""
        names, given = [layer.name for layer in self._embeddings()], self.embeddings_metadata
        paths = given if isinstance(given, dict) else dict.fromkeys(names if given else (), given)
        for name in paths:
            if name not in names:
                raise ValueError(
                    f'TensorBoard: embeddings_metadata has "{name}", which is no Embedding layer.'
                    f"{nearest(name, names)} The Embedding layers are: {', '.join(names) or 'none'}."
                )
        return {name: _labels_of(os.path.join(self.log_dir, str(path))) for name, path in paths.items()}


def _check(update_freq: int | str, profile_batch: object) -> None:
    if update_freq not in ("epoch", "batch") and not (isinstance(update_freq, int) and update_freq > 0):
        raise ValueError(
            f'TensorBoard: update_freq must be "epoch", "batch" or a positive integer; got {update_freq!r}.'
        )
    if profile_batch not in (0, "0", None):
        raise ValueError(
            f"TensorBoard: profile_batch must be 0; got {profile_batch!r}. Use the profiler of the backend: on JAX "
            'a call of fit in the block `with jax.profiler.trace("logs/train"):` writes a profile for TensorBoard.'
        )


def _labels_of(path: str) -> tuple[list[str] | None, list[Any]]:
    """Return the header and the rows of a file of labels. A file of one column has no header, as in TensorBoard."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    if len(rows[0]) == 1:
        return None, [row[0] for row in rows]
    return rows[0], rows[1:]


def picture(w: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return weights as a grey picture, an array `(height, width)` of uint8 from the smallest to the largest value.

    A vector is a row. A matrix has its longer axis in the width. A kernel of a convolution is a table of its filters,
    with the input channels as rows and the output channels as columns.

    Args:
        w: an array with 1 to 4 axes; values that are not finite are black.

    >>> from hilevel.callbacks.tensorboard import picture
    >>> picture(np.array([0.0, 0.5, 1.0]))
    array([[  0, 127, 255]], dtype=uint8)
    >>> picture(np.zeros((3, 3, 2, 8))).shape
    (6, 24)
    """
    w = _flat(w.astype("float64"))
    finite = np.isfinite(w)
    low, high = w.min(where=finite, initial=np.inf), w.max(where=finite, initial=-np.inf)
    return ((np.where(finite, w, low) - low) * (255 / (high - low or 1.0))).astype("uint8")


def _flat(w: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return weights in the two axes of a picture."""
    if w.ndim < 3:
        w = np.atleast_2d(w)
        return w if w.shape[0] <= w.shape[1] else w.T
    height, width, inputs, outputs = (1,) * (4 - w.ndim) + w.shape
    tiles = w.reshape(height, width, inputs, outputs).transpose(2, 0, 3, 1)
    return tiles.reshape(inputs * height, outputs * width)
