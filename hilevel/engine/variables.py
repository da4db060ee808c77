"""Variables: what a program changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from hilevel.api.lazy import LazyModule
from hilevel.engine import dtypes
from hilevel.engine.autodiff.tape import TapeTensor, to_host
from hilevel.engine.backends import current_backend, get_backend
from hilevel.engine.context import context, scope
from hilevel.engine.interpreter import plain_array
from hilevel.engine.op import to_array
from hilevel.engine.overlay import note_read, note_written
from hilevel.engine.protocol import Backend
from hilevel.engine.settings import settings
from hilevel.engine.spec import TensorSpec
from hilevel.engine.tensor import TensorBase
from hilevel.engine.types import Array, DType, DTypeLike
from hilevel.errors import ShapeError, TracedValueError, VariableCreationError

initializers: Any = LazyModule("hilevel.initializers")
"""Initializers by name. They are written above this module."""


class Variable(TensorBase):
    """One array that may change: a weight, an optimizer's slot, a metric's count.

    It belongs to the backend it was made on, and can be used wherever a tensor can. A compiled function sees and
    changes Variables as plain code does.

    Args:
        initializer: an array, a number, a function `(shape, dtype) -> array`, or the name of an initializer.
        shape: the shape, which a function needs.
        dtype: the dtype; by default floatx for a function, else that of the array.
        trainable: whether gradient tapes watch it and optimizers change it.
        autocast: whether a layer of mixed precision reads it in its compute dtype.
        aggregation, synchronization, layout: accepted as in Keras; they matter to several devices only.
        name: a name for people.

    Attributes:
        view: a function of the stored tensor that returns the tensor that ops read; None for the stored one itself. So
            weights can be stored in another form, such as integers with a scale, or a sum with a product of small
            matrices, and layers need not know. `array`, `numpy`, `assign` and optimizers use what is stored, and a
            gradient is that of what is stored. Use a function or object that pickle finds.

    Raises:
        VariableCreationError: inside a compiled function.

    >>> import hilevel
    >>> v = hilevel.Variable([1.0, 2.0], name="v")
    >>> v.assign(v * 2)
    <Variable v shape=(2,) dtype=float32 value=[2. 4.]>
    """

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: DTypeLike = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        layout: Any = None,
    ) -> None:
        if context.compiling:
            raise VariableCreationError(
                f"A Variable ({name or 'unnamed'}) was created inside a compiled function, where it "
                "would be made anew at every trace. Create it before: in __init__ or build, or call "
                "the layer, model or optimizer once (or its build method) outside."
            )
        self.name = name or "variable"
        self.path = "/".join((*context.name_scopes, self.name))
        self.trainable = self.made_trainable = bool(trainable)
        self.autocast = autocast
        self.aggregation = aggregation
        self.synchronization = synchronization
        self.regularizer: Any = None
        self.constraint: Any = None
        self.overwrite_with_gradient = False
        self.view: Callable[[Any], Any] | None = None
        self.backend: Backend = current_backend()
        self._array: Array = self._first_value(initializer, shape, dtype)
        self.shape: tuple[int, ...] = tuple(self._array.shape)
        self.dtype: DType = np.dtype(self._array.dtype)

    def _first_value(self, initializer: Any, shape: Any, dtype: DTypeLike) -> Array:
        if isinstance(initializer, str):
            initializer = initializers.get(initializer)
        if callable(initializer):
            if shape is None:
                raise ValueError(f'Variable "{self.name}": an initializer function needs a shape.')
            dtype = dtypes.as_dtype(dtype or settings.floatx)
            initializer = initializer(tuple(shape), dtype=dtype.name)
        value = to_array(initializer, dtype)
        if isinstance(value, TensorSpec):
            raise ValueError(f'Variable "{self.name}" needs a value with numbers, got {value!r}.')
        if isinstance(value, TapeTensor):
            value = value.value
        if shape is not None and tuple(value.shape) != tuple(shape):
            raise ShapeError(
                f'Variable "{self.name}" of shape {tuple(shape)} got a value of shape {tuple(value.shape)}.'
            )
        return self.backend.copy(self._mine(value))

    def _mine(self, value: Array) -> Array:
        """The value as an array of this Variable's backend."""
        if self.backend.is_array(value):
            return value
        return self.backend.asarray(to_host(value))

    # -- reading -----------------------------------------------------------------------------------

    @property
    def array(self) -> Array:
        """The array that the Variable holds, as this thread sees it."""
        overlay = context.overlay
        return self._array if overlay is None else overlay.read(self)

    def read(self) -> Any:
        """Return the operand of an op: the array, or its traced form where a tape watches it."""
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
        """The array as it is now; later changes of the Variable do not reach it."""
        value = self.read()
        if isinstance(value, (TapeTensor, TensorSpec)) or context.compiling:
            return value
        return self.backend.copy(value)

    def numpy(self) -> np.ndarray[Any, Any]:
        """The numbers as a NumPy array of their own."""
        return to_host(self.array)

    def item(self) -> Any:
        """The value, of one element, as a Python number."""
        return self.numpy().item()

    def tolist(self) -> Any:
        """Return the values as nested lists of Python numbers."""
        return self.numpy().tolist()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        tape = context.interpreter.tape
        if tape is not None and id(self) in tape.leaves:
            raise TracedValueError(
                f'numpy.asarray of the Variable "{self.name}" would cut it off from its gradient without '
                "a word. If that is meant, use its .numpy(); otherwise the functions of hilevel.ops."
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

    def assign(self, value: Any) -> Variable:
        """Change the value. It is copied, cast to the Variable's dtype, and must have its shape.

        Raises:
            ShapeError: the shape differs.
        """
        value = to_array(value)
        if tuple(value.shape) != self.shape:
            raise ShapeError(
                f'The Variable "{self.path}" has shape {self.shape}; it was assigned a value of shape '
                f"{tuple(value.shape)}."
            )
        if context.interpreter.infers_shapes or isinstance(value, TensorSpec):
            note_written([self])
            return self
        value = plain_array(value.value if isinstance(value, TapeTensor) else value)
        if value.dtype != self.dtype:
            value = value.astype(self.dtype)
        value = self._mine(value)
        copied = self.backend.is_concrete(value)
        self.replace(context.interpreter.call(self.backend.copy, (value,)) if copied else value)
        return self

    def replace(self, value: Array) -> None:
        """Take an array of the right backend, shape and dtype that nobody else will change, as it is."""
        if context.overlay is None:
            self._array = value
        else:
            context.overlay.write(self, value)

    def replace_if_real(self, value: Array) -> None:
        """`replace`, but not while only shapes are being found."""
        if context.interpreter.infers_shapes:
            note_written([self])
        else:
            self.replace(value)

    def assign_add(self, value: Any) -> Variable:
        """Add to the value."""
        return self.assign(self + value)

    def assign_sub(self, value: Any) -> Variable:
        """Subtract from the value."""
        return self.assign(self - value)

    def to(self, backend: str | Backend) -> Variable:
        """Move to another backend. Returns itself."""
        target = get_backend(backend)
        if target is not self.backend:
            self._array = target.asarray(to_host(self._array))
            if context.overlay is not None:
                context.overlay.move(self, lambda array: target.asarray(to_host(array)))
            self.backend = target
        return self

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_array": self.numpy()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._array = self.backend.asarray(self._array)

    def __deepcopy__(self, memo: Any) -> Variable:
        copy = Variable(self.numpy(), None, self.dtype, self.trainable, self.autocast, name=self.name).to(
            self.backend
        )
        copy.path, copy.regularizer, copy.constraint = self.path, self.regularizer, self.constraint
        copy.made_trainable, copy.view = self.made_trainable, deepcopy(self.view, memo)
        return copy
