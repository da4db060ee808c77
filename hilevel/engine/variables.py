"""Variables: the mutable arrays of a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np

from hilevel.api.lazy import LazyModule
from hilevel.engine import dtypes
from hilevel.engine.allowance import allowance
from hilevel.engine.autodiff.tape import TapeTensor, to_host
from hilevel.engine.backends import current_backend, get_backend
from hilevel.engine.context import context, scope
from hilevel.engine.interpreter import plain_array
from hilevel.engine.layouts import layout_of
from hilevel.engine.op import to_array
from hilevel.engine.overlay import note_read, note_written
from hilevel.engine.protocol import Backend
from hilevel.engine.settings import settings
from hilevel.engine.spec import TensorSpec
from hilevel.engine.tensor import TensorBase
from hilevel.engine.types import Array, DType, DTypeLike, Function, TensorLike
from hilevel.errors import ShapeError, TracedValueError, VariableCreationError

initializers: Any = LazyModule("hilevel.initializers")
"""The initializers. Their modules import this one."""


class Variable(TensorBase):
    """A mutable array: a weight, a slot of an optimizer, a total of a metric.

    A Variable belongs to the backend on which it was created. It can replace a tensor in any op. Compiled functions
    read and write Variables as plain code does.

    Args:
        initializer: a tensor, a Python scalar, a function `(shape, dtype) -> tensor`, or the name of an initializer.
        shape: the shape; required for a function or a name.
        dtype: the dtype; by default floatx for a function or a name, else the dtype of the tensor.
        trainable: whether gradient tapes watch the Variable and optimizers update it.
        autocast: whether a layer of mixed precision reads it in its compute dtype.
        aggregation, synchronization: stored, as in Keras, without effect.
        layout: a `TensorLayout` for several devices; by default the layout of the distribution, if there is one.
        name: the name.

    Attributes:
        view: a function from the stored tensor to the tensor that ops read; None for the identity. So weights can be
            stored in another form, such as integers with a scale. `array`, `numpy`, `assign`, optimizers and
            gradients refer to the stored tensor. Use a function or an object that pickle supports.

    Raises:
        VariableCreationError: inside a compiled function.
        ValueError: a function or a name without a shape, or a symbolic tensor as a value.
        ShapeError: the value has another shape than `shape`.

    >>> import hilevel
    >>> v = hilevel.Variable([1.0, 2.0], name="v")
    >>> v.assign(v * 2)
    <Variable v shape=(2,) dtype=float32 value=[2. 4.]>
    """

    _value: None = None
    """None, as no other package may free the array: KerasHub frees `_value` on JAX before it loads a preset."""

    def __init__(
        self,
        initializer: TensorLike | Function | str,
        shape: Sequence[int] | None = None,
        dtype: DTypeLike = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        layout: object = None,
    ) -> None:
        if context.compiling:
            raise VariableCreationError(
                f"A Variable ({name or 'unnamed'}) was created inside a compiled function, where every trace would "
                "create it again. Create it before: in __init__ or build, or call the layer, model or optimizer "
                "once (or its build method) outside."
            )
        self.name = name or "variable"
        self.path = "/".join((*context.name_scopes, self.name))
        self.shape: tuple[int, ...]
        self.dtype: DType
        self.trainable = self.made_trainable = bool(trainable)
        self.autocast = autocast
        self.aggregation = aggregation
        self.synchronization = synchronization
        self._regularizer: Any = None
        self._constraint: Any = None
        self._overwrite_with_gradient = False
        self.view: Callable[[Any], Any] | None = None
        self.backend: Backend = current_backend()
        self.layout: Any = layout
        self._array: Array = self._first_value(initializer, shape, dtype)
        limit = allowance.get()
        if limit is not None and (callable(initializer) or isinstance(initializer, str)):
            limit.delay(self, initializers.get(initializer))

    def _first_value(self, initializer: Any, shape: Sequence[int] | None, dtype: DTypeLike) -> Array:
        """Set shape, dtype and layout, and return the first array."""
        if isinstance(initializer, str):
            initializer = initializers.get(initializer)
        if callable(initializer):
            if shape is None:
                raise ValueError(f'Variable "{self.name}": an initializer function needs a shape.')
            dtype, limit = dtypes.as_dtype(dtype or settings.floatx), allowance.get()
            make = initializer
            if limit is None:
                initializer = lambda: make(tuple(shape), dtype=dtype.name)
            else:
                initializer = lambda: limit.zeros(shape, dtype, self.path)
            self.shape, self.dtype = tuple(map(int, shape)), dtype
            self.layout = layout_of(self)
            if self.layout is not None and self.layout.is_divided:
                create = self.backend.placement.create
                return create(lambda: self._checked(initializer(), shape, dtype), self.layout)
            initializer = initializer()
        value = self._checked(initializer, shape, dtype)
        self.shape, self.dtype = tuple(value.shape), np.dtype(value.dtype)
        self.layout = layout_of(self)
        return self._copy(value)

    def _checked(self, value: Any, shape: Sequence[int] | None, dtype: DTypeLike) -> Array:
        """Return a first value as an array of this Variable's backend."""
        value = to_array(value, dtype)
        if isinstance(value, TensorSpec):
            raise ValueError(f'Variable "{self.name}" needs a tensor with values; got {value!r}.')
        if isinstance(value, TapeTensor):
            value = value.value
        if shape is not None and tuple(value.shape) != tuple(shape):
            raise ShapeError(
                f'Variable "{self.name}" of shape {tuple(shape)} got a value of shape {tuple(value.shape)}.'
            )
        return self._mine(value)

    @property
    def _copy(self) -> Function:
        """The function that copies an array to the devices of the layout."""
        if self.layout is None:
            return self.backend.copy
        return partial(self.backend.placement.place, layout=self.layout)

    def _mine(self, value: Array) -> Array:
        """Return the value as an array of this Variable's backend."""
        if self.backend.is_array(value):
            return value
        return self.backend.asarray(to_host(value))

    # -- settings ---------------------------------------------------------------------------------

    @property
    def regularizer(self) -> Any:
        """The penalty on the value, a function of the Variable; None for none."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Function | None) -> None:
        self._regularizer = _callable_or_none("regularizer", value)

    @property
    def constraint(self) -> Any:
        """The function that maps the value to an admissible one after each update; None for none."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Function | None) -> None:
        self._constraint = _callable_or_none("constraint", value)

    @property
    def overwrite_with_gradient(self) -> bool:
        """True if an optimizer replaces the value by its gradient."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"overwrite_with_gradient must be a boolean; got {value!r}.")
        self._overwrite_with_gradient = value

    # -- reading -----------------------------------------------------------------------------------

    @property
    def array(self) -> Array:
        """The value of the Variable in this thread, not copied."""
        overlay = context.overlay
        return self._array if overlay is None else overlay.read(self)

    def read(self) -> Any:
        """Return the operand of an op: the array, or a tensor of the tape that watches the Variable."""
        interpreter = context.interpreter
        if interpreter.infers_shapes:
            note_read([self])
            value: Any = TensorSpec(self.shape, self.dtype)
        else:
            overlay, tape = context.overlay, interpreter.tape
            value = self._array if overlay is None else overlay.read(self)
            if tape is not None and ((tape.auto and self.trainable) or id(self) in tape.watched):
                value = tape.leaf(self, value)
        if self.view is not None and not context.updating:
            with scope(autocast=None):
                value = self.view(value)
        cast = context.autocast
        if cast is not None and self.autocast and dtypes.is_float(value.dtype) and cast != value.dtype:
            return value.astype(cast)
        return value

    @property
    def value(self) -> Array:
        """A copy of the array, which later changes of the Variable do not reach."""
        value = self.read()
        if isinstance(value, (TapeTensor, TensorSpec)) or context.compiling:
            return value
        return self.backend.copy(value)

    def numpy(self) -> np.ndarray[Any, Any]:
        """Return a copy of the value as a NumPy array."""
        return to_host(self.array)

    def item(self) -> Any:
        """Return the value of a Variable of one element as a Python scalar.

        Raises:
            TypeError: the Variable has several elements.
        """
        if self.size != 1:
            raise TypeError(f'The Variable "{self.path}" of shape {self.shape} is not a scalar.')
        return self.numpy().item()

    def tolist(self) -> Any:
        """Return the values as nested lists of Python scalars."""
        return self.numpy().tolist()

    def __array__(self, dtype: DTypeLike = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        tape = context.interpreter.tape
        if tape is not None and id(self) in tape.leaves:
            raise TracedValueError(
                f'numpy.asarray of the Variable "{self.name}" would lose its gradient silently. '
                "If no gradient is needed, use .numpy(); otherwise the functions of hilevel.ops."
            )
        return np.asarray(self.numpy(), dtype=dtype)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __repr__(self) -> str:
        head = f"<Variable {self.path} shape={self.shape} dtype={self.dtype.name}"
        if not self.backend.is_concrete(self.array):
            return f"{head}, traced>"
        numbers = np.array2string(self.numpy(), threshold=8, edgeitems=2, separator=" ")
        return f"{head} value={' '.join(numbers.split())}>"

    # -- writing -----------------------------------------------------------------------------------

    def assign(self, value: TensorLike) -> Variable:
        """Set the value to a copy of a tensor, cast to the Variable's dtype. Return the Variable.

        Raises:
            ShapeError: the tensor has another shape than the Variable.
        """
        if context.interpreter.infers_shapes or isinstance(value, TensorSpec):
            self._check_shape(to_array(value))
            note_written([self])
            return self
        value = self.as_value(value)
        copied = self.backend.is_concrete(value)
        self.replace(context.interpreter.call(self._copy, (value,)) if copied else value)
        return self

    def as_value(self, value: TensorLike) -> Array:
        """Return a tensor as an array of the Variable's backend and dtype.

        Raises:
            ShapeError: the tensor has another shape than the Variable.
        """
        array = to_array(value)
        self._check_shape(array)
        array = plain_array(array.value if isinstance(array, TapeTensor) else array)
        return self._mine(array if array.dtype == self.dtype else array.astype(self.dtype))

    def _check_shape(self, value: Array) -> None:
        if tuple(value.shape) != self.shape:
            raise ShapeError(
                f'The Variable "{self.path}" has shape {self.shape}; it was assigned a value of shape '
                f"{tuple(value.shape)}."
            )

    def replace(self, value: Array) -> None:
        """Set the value without a copy, to an array of the same backend, shape and dtype that no other code changes."""
        if context.overlay is None:
            self._array = value
        else:
            context.overlay.write(self, value)

    def replace_if_real(self, value: Array) -> None:
        """Set the value as `replace` does, but not while only shapes are inferred."""
        if context.interpreter.infers_shapes:
            note_written([self])
        else:
            self.replace(value)

    def assign_add(self, value: TensorLike) -> Variable:
        """Add a tensor to the value. Return the Variable."""
        return self.assign(self + value)

    def assign_sub(self, value: TensorLike) -> Variable:
        """Subtract a tensor from the value. Return the Variable."""
        return self.assign(self - value)

    def to(self, backend: str | Backend) -> Variable:
        """Move to another backend. Return the Variable."""
        target = get_backend(backend)
        if target is not self.backend:
            self.layout = None
            self._array = target.asarray(to_host(self._array))
            if context.overlay is not None:
                context.overlay.move(self, lambda array: target.asarray(to_host(array)))
            self.backend = target
        return self

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_array": self.numpy(), "layout": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.layout = layout_of(self)
        self._array = self._copy(self.backend.asarray(self._array))

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        with scope(backend=self.backend):
            copy = Variable(
                self.numpy(),
                None,
                self.dtype,
                self.trainable,
                self.autocast,
                name=self.name,
                layout=self.layout,
            )
        copy.path, copy.regularizer, copy.constraint = self.path, self.regularizer, self.constraint
        copy.made_trainable, copy.view = self.made_trainable, deepcopy(self.view, memo)
        return copy


def _callable_or_none(name: str, value: Any) -> Any:
    if value is not None and not callable(value):
        raise ValueError(f"The {name} of a Variable must be callable or None; got {value!r}.")
    return value


def store_variables(variables: Sequence[Variable], store: MutableMapping[str, Any]) -> None:
    """Write the values of Variables as NumPy arrays into a dict, under `"0"`, `"1"`, ..."""
    for i, v in enumerate(variables):
        store[str(i)] = v.numpy()


def restore_variables(
    variables: Sequence[Variable], store: Mapping[str, Any], label: str, advice: str = ""
) -> None:
    """Set Variables from a dict that `store_variables` wrote.

    Args:
        variables: the Variables.
        store: the dict.
        label: the owner of the Variables, for the error.
        advice: the remedy, for the error.

    Raises:
        ValueError: the number of arrays is not the number of Variables.
    """
    if len(store) != len(variables):
        raise ValueError(f"{label} has {len(variables)} Variables; got {len(store)} arrays.{advice}")
    for i, v in enumerate(variables):
        v.assign(np.asarray(store[str(i)]))
