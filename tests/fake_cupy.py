"""A stand-in for CuPy, on NumPy, for machines without a GPU.

It has only the names that CuPy has (data/cupy_api.json), its functions only the parameters that CuPy's have, and
its arrays refuse what CuPy's refuse: NumPy arrays as operands, and becoming a NumPy array by themselves. Kernels
are compiled for the host with the C compiler. `install()` puts it in the place of CuPy.
"""

from __future__ import annotations

import functools
import importlib.machinery
import json
import pathlib
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fake_cuda
import numpy as np
import scipy.special
from fake_cuda import CUDARuntimeError, changed, computed, sent, synchronized

from hilevel.engine import backends

API = json.loads((pathlib.Path(__file__).parent / "data" / "cupy_api.json").read_text())


NAMES = frozenset(API["ndarray"])


class ndarray:
    """An array "on the device"."""

    base: Any = None
    """The array whose memory a view shows."""

    def __init__(self, data: Any, dtype: Any = None, memptr: Any = None, strides: Any = None) -> None:
        if memptr is not None:
            data = fake_cuda.array_at(memptr, data, dtype, strides)
        self._data = np.asarray(data)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        given, options = plain(inputs), plain(kwargs)
        return wrapped(computed(lambda: getattr(ufunc, method)(*given, **options)))

    shape, dtype, ndim, size = (
        property(lambda self, name=name: getattr(self._data, name))
        for name in ("shape", "dtype", "ndim", "size")
    )

    def __array_function__(self, function: Any, *_: Any) -> Any:
        raise TypeError(f"numpy.{function.__name__} was called with a CuPy array.")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in NAMES:
            raise AttributeError(f"'cupy.ndarray' object has no attribute {name!r}")
        value = getattr(self._data, name)
        return device_function(value, owner=self) if callable(value) else wrapped(value, (self,))

    @property
    def data(self) -> Any:
        """The address of the memory."""
        return types.SimpleNamespace(ptr=self._data.ctypes.data, device_id=0)

    def get(self) -> Any:
        synchronized()
        return self._data.copy()

    def __getitem__(self, key: Any) -> Any:
        data, index = self._data, _index(key)
        return wrapped(computed(lambda: data[index]), (self,))

    def __setitem__(self, key: Any, value: Any) -> None:
        data, index, new = self._data, _index(key), plain(value)  # a graph of CUDA keeps no array alive
        changed(lambda: data.__setitem__(index, new))

    def _at(self, ufunc: Any, key: Any, value: Any) -> None:
        data, index, new = self._data, _index(key), plain(value)
        changed(lambda: ufunc.at(data, index, new))

    def scatter_add(self, key: Any, value: Any) -> None:
        self._at(np.add, key, value)

    def scatter_max(self, key: Any, value: Any) -> None:
        self._at(np.maximum, key, value)

    def scatter_min(self, key: Any, value: Any) -> None:
        self._at(np.minimum, key, value)

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Any:
        return (wrapped(x) for x in self._data)

    def __repr__(self) -> str:
        return repr(self._data)


def _operator(name: str) -> Any:
    def apply(self: ndarray, *others: Any) -> Any:
        if any(hasattr(other, "__array_ufunc__") and type(other) not in _KNOWN for other in others):
            return NotImplemented
        method, given = getattr(self._data, name), plain(others)
        if "matmul" in name:
            fake_cuda.calls_cublas()
        if name in ("__bool__", "__int__", "__float__", "__index__"):
            synchronized()
            return method()
        if name.startswith("__i") and name != "__invert__":
            changed(lambda: method(*given))
            return self
        return wrapped(computed(lambda: method(*given)), (self,))

    return apply


_KNOWN = {ndarray, np.ndarray} | {np.dtype(c).type for c in "?bhilqBHILQefd"}
_BINARY = [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
]
for _name in [
    *(f"__{p}{n}__" for n in _BINARY for p in ("", "r", "i")),
    *(
        f"__{n}__"
        for n in [
            "lt",
            "le",
            "gt",
            "ge",
            "eq",
            "ne",
            "neg",
            "pos",
            "abs",
            "invert",
            "bool",
            "int",
            "float",
            "index",
            "divmod",
        ]
    ),
]:
    if _name in API["ndarray"] or _name == "__index__":
        setattr(ndarray, _name, _operator(_name))


def plain(x: Any, indices: bool = False) -> Any:
    """What NumPy computes with. NumPy arrays are refused, but as indices, which CuPy copies to the device."""
    if isinstance(x, ndarray):
        return x._data
    if isinstance(x, np.ndarray) and not indices:
        raise TypeError(f"Unsupported type {type(x)}")
    if isinstance(x, (list, tuple)):
        return type(x)(plain(item, indices) for item in x)
    return {k: plain(v) for k, v in x.items()} if isinstance(x, dict) else x


def wrapped(x: Any, sources: tuple[Any, ...] = ()) -> Any:
    """Arrays of the device. A result that is one of the sources is the same object, and a view has it as its base."""
    if isinstance(x, (np.ndarray, np.generic)):
        return _array_of(x, sources)
    return type(x)(wrapped(item) for item in x) if isinstance(x, (list, tuple)) and type(x) is not tuple else (
        tuple(wrapped(item) for item in x) if isinstance(x, tuple) and any(isinstance(i, np.ndarray) for i in x) else x
    )  # fmt: skip


def _array_of(x: Any, sources: tuple[Any, ...]) -> ndarray:
    base = x.base
    for source in sources:
        if source.__class__ is ndarray:
            if source._data is x:
                return source
            if base is not None and (source._data is base or source._data.base is base):
                view = ndarray(x)
                view.base = source if source.base is None else source.base
                return view
    return ndarray(x)


def device_function(function: Any, parameters: list[str] | None = None, owner: Any = None) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        unknown = set(kwargs) - set(parameters if parameters is not None else kwargs)
        if unknown:
            raise TypeError(f"cupy.{function.__name__} got an unexpected keyword argument {unknown}")
        if name in ("item", "tolist", "nonzero"):
            synchronized()
        if name in ("matmul", "dot", "tensordot", "einsum", "inner", "vdot"):
            fake_cuda.calls_cublas()
        given, options = plain(args), plain(kwargs)
        if options.get("out") is not None:
            changed(lambda: function(*given, **options))
            return kwargs["out"]
        return wrapped(computed(lambda: function(*given, **options)), (owner, *args))

    name = call.__name__ = getattr(function, "__name__", "")
    return call


def _index(key: Any) -> Any:
    """An index; one that is an array of the host is copied to the device."""
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, (np.ndarray, list)):
            sent(np.asarray(part))
        if isinstance(part, ndarray) and part._data.dtype == bool:
            synchronized()
    return plain(key, indices=True)


def needs_arrays(name: str) -> Any:
    """These ask their first argument for its attributes, which Python numbers do not have."""

    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(x, ndarray):
            raise TypeError(f"cupy.{name} expects a cupy.ndarray, got {type(x)}")
        return device_function(getattr(np, name), API["cupy"][name])(x, *args, **kwargs)

    call.__name__ = name
    return call


class ElementwiseKernel(fake_cuda.ElementwiseKernel):
    """A kernel over arrays on the device."""

    def __call__(self, *arrays: Any, size: int | None = None) -> Any:
        given = [*plain(arrays)]
        if len(given) == len(self.inputs):
            return wrapped(computed(lambda: self.run(given, size)))
        changed(lambda: self.run(given, size))
        return arrays[len(self.inputs) :]


def asarray(a: Any, dtype: Any = None) -> ndarray:
    if not isinstance(a, ndarray):
        a = np.array(a, dtype=dtype)
        sent(a)
        return ndarray(a)
    data = a._data
    return ndarray(computed(lambda: np.array(data, dtype=dtype)))


def array(obj: Any, dtype: Any = None, copy: bool = True) -> ndarray:
    return asarray(obj, dtype)


def asnumpy(a: Any) -> Any:
    return a.get() if isinstance(a, ndarray) else a


class ufunc:
    """A function of elements. Few can update elements in place: those for which CuPy has atomic operations."""

    atomic = ("add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor")

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self._function = getattr(np, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return device_function(self._function, API["cupy"][self.__name__])(*args, **kwargs)

    def at(self, a: ndarray, indices: Any, b: Any) -> None:
        if self.__name__ not in self.atomic:
            raise NotImplementedError("`at` method not supported.")
        a._at(self._function, indices, b)


def _deprecated(name: str) -> Any:
    """CuPy 14's functions of the name warn before they do what they did."""

    def call(a: ndarray, slices: Any, value: Any) -> None:
        warnings.warn(f"cupyx.scatter_{name} is deprecated.", DeprecationWarning, stacklevel=2)
        getattr(a, f"scatter_{name}")(slices, value)

    return call


@functools.cache
def _attribute(name: str) -> Any:
    if name not in API["cupy"]:
        raise AttributeError(f"module 'cupy' has no attribute {name!r}")
    value = getattr(np, name)
    if isinstance(value, type) or not callable(value):
        return value
    if isinstance(value, np.ufunc):
        return ufunc(name)
    if name in (
        "zeros_like",
        "ones_like",
        "where",
        "max",
        "min",
        "sum",
        "mean",
        "prod",
        "reshape",
        "transpose",
    ):
        return needs_arrays(name)
    return device_function(value, API["cupy"][name])


def _module(name: str, **attributes: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    module.__dict__.update(attributes)
    known = API.get(name.removeprefix("cupy."))
    assert known is None or set(attributes) <= set(known), (name, set(attributes) - set(known))
    return module


def _submodule(name: str, module: Any, **own: Any) -> types.ModuleType:
    """A module with the functions that CuPy has of NumPy's, which return plain tuples."""

    def function(n: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            found = own.get(n, getattr(module, n))(*args, **kwargs)
            return tuple(map(np.asarray, found)) if isinstance(found, tuple) else found

        call.__name__ = n
        return device_function(call, API[name][n])

    return _module(f"cupy.{name}", **{n: function(n) for n in API[name] if hasattr(module, n)})


def _solve(a: Any, b: Any) -> Any:
    if b.ndim > 1 and a.shape[:-1] != b.shape[:-1]:
        raise ValueError("a must have (..., M, M) shape and b must have (..., M, K)")
    return np.linalg.solve(a, b)


def install() -> None:
    """Put the stand-in in the place of CuPy."""
    runtime = _module("cupy.cuda.runtime", getDeviceCount=lambda: 1, CUDARuntimeError=CUDARuntimeError)
    cuda = fake_cuda.module_of(_module, runtime)
    cupy = _module(
        "cupy", ndarray=ndarray, asarray=asarray, array=array, asnumpy=asnumpy, cuda=cuda,
        ElementwiseKernel=ElementwiseKernel, get_default_pinned_memory_pool=lambda: fake_cuda._pinned_pool, get_default_memory_pool=fake_cuda.MemoryPool,
    )  # fmt: skip
    cupy.__dict__.update(__getattr__=_attribute, __version__=API["version"])
    tricks = _module("cupy.lib.stride_tricks", as_strided=device_function(np.lib.stride_tricks.as_strided))
    cupy.__dict__.update(lib=_module("cupy.lib", stride_tricks=tricks))
    cupy.__dict__.update(linalg=_submodule("linalg", np.linalg, solve=_solve), fft=_submodule("fft", np.fft))
    special = _module("cupyx.scipy.special", erf=device_function(scipy.special.erf))
    scipy_ = _module("cupyx.scipy", special=special)
    scatters = {f"scatter_{n}": _deprecated(n) for n in ("add", "max", "min")}
    cupyx = _module("cupyx", scipy=scipy_, **scatters)
    for module in (cupy, cuda, runtime, cupyx, scipy_, special):
        sys.modules[module.__name__] = module


OURS = ("cupy", "cupyx", "hilevel_cupy")


def forget_cupy() -> dict[str, Any]:
    """Take CuPy, and our backend for it, out of the loaded modules."""
    backends._loaded.pop("cupy", None)
    return {n: sys.modules.pop(n) for n in list(sys.modules) if n.split(".")[0] in OURS}


@contextmanager
def stand_in() -> Iterator[None]:
    """The stand-in takes CuPy's place for a block."""
    before = forget_cupy()
    install()
    try:
        with np.errstate(all="ignore"):  # a GPU warns of nothing
            yield
    finally:
        forget_cupy()
        sys.modules.update(before)
