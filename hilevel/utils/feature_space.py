"""The encoding of the columns of a table as vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from hilevel import layers, ops, saving
from hilevel.api.configurable import Configurable
from hilevel.engine.names import unique_name
from hilevel.engine.types import Config, TensorLike
from hilevel.errors import ArgumentError
from hilevel.layers.base.checks import one_of
from hilevel.layers.preprocessing.host import HostLayer, encoded, is_tensor

Array = np.ndarray[Any, Any]
Number = float  # `FeatureSpace.float` is another thing


class Cross(Configurable):
    """A feature of the combinations of other features.

    Args:
        feature_names: the names of the features.
        crossing_dim: the number of bins of the hash.
        output_mode: `"one_hot"` or `"int"`.

    Raises:
        ValueError: the mode is unknown.
    """

    def __init__(self, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot") -> None:
        one_of("FeatureSpace.cross", "output_mode", output_mode, ("int", "one_hot"))
        self.feature_names = tuple(feature_names)
        self.crossing_dim, self.output_mode = crossing_dim, output_mode

    @property
    def name(self) -> str:
        """The names of the features, joined."""
        return "_X_".join(self.feature_names)


class Feature(Configurable):
    """A column of a table, and the layer that encodes it.

    Args:
        dtype: the dtype of the column, such as `"float32"`, `"int32"` or `"string"`.
        preprocessor: the layer.
        output_mode: `"float"` for the result of the layer, `"int"` for its integers, `"one_hot"` for vectors of them.

    Raises:
        ValueError: the mode is unknown.
    """

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str) -> None:
        one_of("FeatureSpace.feature", "output_mode", output_mode, ("int", "one_hot", "float"))
        self.dtype, self.output_mode = dtype, output_mode
        self.preprocessor = saving.deserialize_keras_object(preprocessor)

    def get_config(self) -> Config:
        """Return the constructor's arguments as plain data."""
        return super().get_config() | {"preprocessor": saving.serialize_keras_object(self.preprocessor)}


class FeatureSpace(HostLayer):
    """A layer that encodes the columns of a table, and combinations of them, as one vector for each row.

    It works on the host. Apply it to the data before `fit`, and train a model on the result.

    Args:
        features: the kind of each column: `"float"`, `"float_rescaled"`, `"float_normalized"`, `"float_discretized"`,
            `"integer_categorical"`, `"integer_hashed"`, `"string_categorical"` or `"string_hashed"`, or the result
            of the method of this name.
        output_mode: `"concat"` for one vector of all features, in alphabetical order with the crosses at the end;
            `"dict"` for a dict of them.
        crosses: tuples of names of features whose combinations are features, too, or results of `cross`.
        crossing_dim: the number of bins of such a combination.
        hashing_dim: the number of bins of hashed features.
        num_discretization_bins: the number of bins of discretized features.
        name: the name of the layer.

    >>> import hilevel
    >>> table = {"age": [20.0, 40.0, 60.0], "city": ["Rome", "Oslo", "Rome"]}
    >>> space = hilevel.utils.FeatureSpace({"age": "float_normalized", "city": "string_categorical"})
    >>> space.adapt(table)
    >>> space(table).round(2)
    array([[-1.22,  0.  ,  1.  ,  0.  ],
           [ 0.  ,  0.  ,  0.  ,  1.  ],
           [ 1.22,  0.  ,  1.  ,  0.  ]], dtype=float32)

    Raises:
        ValueError: an argument has an invalid value. At a call, `adapt` is missing, the data are no dict, or a feature
            that is no vector would be concatenated.
    """

    def __init__(
        self,
        features: Mapping[str, Any],
        output_mode: str = "concat",
        crosses: Iterable[Any] | None = None,
        crossing_dim: int | None = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if not features:
            raise ArgumentError("FeatureSpace: the features must not be empty.")
        one_of("FeatureSpace", "output_mode", output_mode, ("dict", "concat"))
        self.output_mode, self.crossing_dim = output_mode, crossing_dim
        self.hashing_dim, self.num_discretization_bins = hashing_dim, num_discretization_bins
        self.features = {key: self._feature(key, value) for key, value in features.items()}
        self.crosses = [self._cross(cross) for cross in crosses or ()]
        self.preprocessors = {key: feature.preprocessor for key, feature in self.features.items()}
        self.crossers = {c.name: layers.HashedCrossing(c.crossing_dim, name=c.name) for c in self.crosses}
        self._open = [n for n, layer in self.preprocessors.items() if not _is_settled(layer)]

    # -- the kinds of features -------------------------------------------------------------------------

    @classmethod
    def cross(cls, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """Return a feature of the combinations of features, as bins of a hash.

        Args:
            feature_names: the names of the features.
            crossing_dim: the number of bins.
            output_mode: `"one_hot"` or `"int"`.
        """
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """Return a feature that a layer of the user encodes.

        Args:
            dtype: the dtype of the column.
            preprocessor: the layer.
            output_mode: `"float"`, `"int"` or `"one_hot"`.
        """
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Return a feature of unchanged floats."""
        return Feature("float32", layers.Identity(dtype="float32", name=_named(name, "float")), "float")

    @classmethod
    def float_rescaled(cls, scale: Number = 1.0, offset: Number = 0.0, name: str | None = None) -> Feature:
        """Return a feature of floats that become `scale * x + offset`."""
        return Feature(
            "float32", layers.Rescaling(scale, offset, name=_named(name, "float_rescaled")), "float"
        )

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Return a feature of floats with the mean 0 and the variance 1 in the data of `adapt`."""
        return Feature("float32", layers.Normalization(name=_named(name, "float_normalized")), "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int | None,
        bin_boundaries: Sequence[Number] | None = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Return a feature of the bins of floats: of equal counts in the data of `adapt`, or with given boundaries."""
        bins = None if bin_boundaries is not None else num_bins
        layer = layers.Discretization(bin_boundaries, bins, name=_named(name, "float_discretized"))
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Return a feature of the integers that `adapt` finds, the most frequent `max_tokens` of them."""
        label = _named(name, "integer_categorical")
        return Feature("int32", layers.IntegerLookup(max_tokens, num_oov_indices, name=label), output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Return a feature of the strings that `adapt` finds, the most frequent `max_tokens` of them."""
        label = _named(name, "string_categorical")
        return Feature("string", layers.StringLookup(max_tokens, num_oov_indices, name=label), output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Return a feature of the bins of a hash of strings."""
        return Feature("string", layers.Hashing(num_bins, name=_named(name, "string_hashed")), output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Return a feature of the bins of a hash of integers."""
        return Feature("int32", layers.Hashing(num_bins, name=_named(name, "integer_hashed")), output_mode)

    def _feature(self, name: str, value: Any) -> Feature:
        if isinstance(value, Feature):
            return value
        if isinstance(value, dict):
            return saving.deserialize_keras_object(value)
        settings: dict[str, tuple[int, ...]] = {
            "float": (), "float_rescaled": (), "float_normalized": (),
            "integer_categorical": (), "string_categorical": (),
            "float_discretized": (self.num_discretization_bins,),
            "integer_hashed": (self.hashing_dim,), "string_hashed": (self.hashing_dim,),
        }  # fmt: skip
        one_of("FeatureSpace", f'the kind of "{name}"', value, list(settings))
        return getattr(self, value)(*settings[value], name=name)

    def _cross(self, cross: Any) -> Cross:
        if isinstance(cross, dict):
            cross = saving.deserialize_keras_object(cross)
        if not isinstance(cross, Cross):
            if not self.crossing_dim:
                raise ArgumentError("FeatureSpace: crosses need crossing_dim, the number of their bins.")
            cross = Cross(cross, self.crossing_dim)
        unknown = [n for n in cross.feature_names if n not in self.features]
        if unknown:
            raise ArgumentError(
                f"FeatureSpace: the cross {cross.name} has unknown features: {', '.join(unknown)}."
            )
        return cross

    # -- the data --------------------------------------------------------------------------------------

    def adapt(self, dataset: Any) -> None:
        """Let the layers of the features see the data, such as the words that they contain.

        Args:
            dataset: a dict of columns, a table of pandas or polars, or an iterable of such dicts: batches, or rows.

        Raises:
            ValueError: the data are something else.
        """
        dataset = _columns_of(dataset)
        batches = [dataset] if isinstance(dataset, Mapping) else list(dataset)
        if not batches or not all(isinstance(b, Mapping) for b in batches):
            raise ArgumentError(
                f"FeatureSpace.adapt: expected dicts of columns; got {type(dataset).__name__}."
            )
        for name in self._open:
            column = np.concatenate([self._column(name, batch[name])[0] for batch in batches])
            self.preprocessors[name].adapt(column)

    def _column(self, name: str, value: TensorLike) -> tuple[Array, bool]:
        """Return a column as an array of at least two axes, and whether it was a single element."""
        dtype = self.features[name].dtype
        value = value.to_numpy() if hasattr(value, "to_numpy") else value
        array = np.asarray(ops.convert_to_numpy(value) if is_tensor(value) else value)
        if array.dtype.kind not in "USO":
            array = array.astype(np.str_ if dtype == "string" else dtype)
        rank = array.ndim
        return array.reshape((-1, *array.shape[2:], 1) if rank < 2 else array.shape), rank == 0

    def __call__(self, inputs: Mapping[str, TensorLike]) -> Any:
        """Return the encoded features of a dict of columns, of a table, or of one row of single elements.

        Raises:
            ValueError: `adapt` is missing, or the data are no dict.
        """
        if not all(_is_settled(self.preprocessors[name]) for name in self._open):
            raise ValueError("FeatureSpace: call `adapt` with data before the first use.")
        inputs = _columns_of(inputs)
        if not isinstance(inputs, Mapping):
            raise ValueError(f"FeatureSpace expects a dict of columns; got {type(inputs).__name__}.")
        self.built = True
        columns = {name: self._column(name, inputs[name]) for name in self.features}
        single = any(is_single for _, is_single in columns.values())
        arrays = self._encoded({name: array for name, (array, _) in columns.items()})
        found = {name: ops.convert_to_tensor(x[0] if single else x) for name, x in arrays.items()}
        return found if self.output_mode == "dict" else ops.concatenate(list(found.values()), axis=-1)

    def _encoded(self, columns: dict[str, Array]) -> dict[str, Array]:
        """Return the encoded features, then the crosses, each in the order of their names."""
        values = {n: ops.convert_to_numpy(self.preprocessors[n](x)) for n, x in sorted(columns.items())}
        crossed = {
            c.name: ops.convert_to_numpy(self.crossers[c.name]([values[n] for n in c.feature_names]))
            for c in sorted(self.crosses, key=lambda c: c.name)
        }
        modes = {n: f.output_mode for n, f in self.features.items()} | {
            c.name: c.output_mode for c in self.crosses
        }
        return {n: self._vectors(n, x, modes[n]) for n, x in (values | crossed).items()}

    def _vectors(self, name: str, values: Array, mode: str) -> Array:
        """Return integers as vectors, if this is the mode of a feature.

        Raises:
            ValueError: the layer of the feature returns no integers, or it would be concatenated without encoding.
        """
        if mode == "one_hot":
            if values.dtype.kind not in "iu":
                raise ValueError(
                    f'FeatureSpace: "{name}" with output_mode="one_hot" is {values.dtype}, no integers.'
                )
            layer = self.preprocessors.get(name) or self.crossers[name]
            return encoded(values, "multi_hot", _depth(name, layer)).astype(np.float32)
        if self.output_mode == "concat" and values.dtype.kind in "iuUSO":
            raise ValueError(
                f'FeatureSpace: "{name}" is {values.dtype}, and cannot be concatenated. Use output_mode="dict".'
            )
        return values

    # -- models and files ------------------------------------------------------------------------------

    def get_encoded_features(self) -> Any:
        """Return symbolic inputs of the shapes and dtypes of the encoded features, for a model that is trained on them.

        Raises:
            ValueError: `adapt` is missing.
        """
        row = {n: np.zeros(1, f.dtype if f.dtype != "string" else "U1") for n, f in self.features.items()}
        found = self(row)
        if self.output_mode == "concat":
            return layers.Input(tuple(found.shape[1:]), dtype=found.dtype)
        return {n: layers.Input(tuple(x.shape[1:]), dtype=x.dtype, name=n) for n, x in found.items()}

    def get_inputs(self) -> Any:
        """Raise an error, because the features are encoded on the host and not in a model.

        Raises:
            NotImplementedError: in any case.
        """
        raise NotImplementedError(
            "FeatureSpace.get_inputs: the features are encoded on the host. Encode the data with the FeatureSpace, and "
            "make the model of get_encoded_features()."
        )

    def get_config(self) -> Config:
        """Return the constructor's arguments as plain data."""
        return {
            "features": {n: saving.serialize_keras_object(f) for n, f in self.features.items()},
            "output_mode": self.output_mode,
            "crosses": [saving.serialize_keras_object(c) for c in self.crosses],
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return a FeatureSpace from a config of `get_config`."""
        return cls(**config)

    def get_build_config(self) -> Config:
        """Return the build configs of the layers of the features."""
        return {n: layer.get_build_config() for n, layer in self.preprocessors.items()}

    def build_from_config(self, config: Config | None) -> None:
        """Build the layers of the features, whose state is loaded next."""
        for name, own in (config or {}).items():
            if own and not self.preprocessors[name].built:
                self.preprocessors[name].build_from_config(own)

    def save(self, filepath: str | Path) -> None:
        """Save the layer to a file, which `hilevel.models.load_model` reads.

        Args:
            filepath: a name that ends in `.keras` or `.hilevel`.
        """
        saving.save_model(self, filepath)


def _named(name: str | None, kind: str) -> str:
    return f"{name or unique_name(kind)}_preprocessor"


def _columns_of(data: Any) -> Any:
    """Return a table of pandas or polars as a dict of columns, and other data unchanged."""
    if isinstance(data, Mapping) or not hasattr(data, "columns"):
        return data
    return {name: data[name] for name in data.columns}


def _is_settled(layer: Any) -> bool:
    """Return whether a layer needs no data, because it has its state already."""
    if not hasattr(layer, "adapt"):
        return True
    if isinstance(layer, layers.Normalization):
        return layer.adapted
    if isinstance(layer, layers.Discretization):
        return layer.bin_boundaries is not None
    lookup = getattr(layer, "lookup", layer)
    return (
        len(lookup.get_vocabulary(include_special_tokens=False)) > 0
        if hasattr(lookup, "get_vocabulary")
        else False
    )


def _depth(name: str, layer: Any) -> int:
    """Return the number of integers that a layer may return.

    Raises:
        ValueError: it is unknown.
    """
    if isinstance(layer, layers.Discretization):
        return layer.num_bins or len(layer.bin_boundaries or ()) + 1
    if hasattr(layer, "vocabulary_size"):
        return layer.vocabulary_size()
    found = getattr(layer, "num_bins", None) or getattr(layer, "num_tokens", None)
    if found is None:
        raise ValueError(
            f'FeatureSpace: "{name}" has output_mode="one_hot", but the number of values of its layer is unknown. Use '
            'output_mode="int".'
        )
    return int(found)


__all__ = ["Cross", "Feature", "FeatureSpace"]
