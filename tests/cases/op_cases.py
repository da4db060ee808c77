"""One case or more for every op of `hilevel.ops`: arguments, and what NumPy or SciPy says the result is.

NumPy arrays among the arguments are the tensors; everything else is an attribute. Tests run each case eagerly and
compiled, differentiate it, and ask for its shape, on every backend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np
import op_cases_attention
import op_cases_convolution
import op_cases_image
import op_cases_linalg
import op_cases_more
import op_cases_sequences
import scipy.special

from hilevel import ops, tree


@dataclass(frozen=True)
class Case:
    """An op with arguments. `expected` computes the result from the same arguments; `order` says how often it can be
    differentiated; `traceable` whether it can be part of a compiled function; `abstract` whether it has a shape
    rule."""

    name: str
    args: tuple[Any, ...]
    expected: Callable[..., Any]
    kwargs: dict[str, Any] = field(default_factory=dict)
    order: int = 2
    traceable: bool = True
    abstract: bool = True
    label: str = ""

    @property
    def arrays(self) -> list[np.ndarray[Any, Any]]:
        """The tensors among the arguments."""
        return [x for x in tree.flatten([self.args, self.kwargs]) if isinstance(x, np.ndarray)]

    def run(self, arrays: Sequence[Any], function: Callable[..., Any] | None = None) -> Any:
        """The op (or another function), with these tensors in place of its own."""
        rest = iter(arrays)
        args, kwargs = tree.map_structure(
            lambda x: next(rest) if isinstance(x, np.ndarray) else x, [list(self.args), self.kwargs]
        )
        return (function or attrgetter(self.name)(ops))(*args, **kwargs)

    def reference(self) -> Any:
        """The right result, in float64."""
        return self.expected(*self.args, **self.kwargs)

    @property
    def floats(self) -> list[int]:
        """Which of the tensors can be differentiated with respect to."""
        return [i for i, a in enumerate(self.arrays) if a.dtype.kind == "f"]


_rng = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray[Any, Any]:
    return _rng.normal(size=shape)


def between(low: float, high: float, *shape: int) -> np.ndarray[Any, Any]:
    return _rng.uniform(low, high, size=shape)


def apart(*shape: int) -> np.ndarray[Any, Any]:
    """Numbers no two of which are close, and none close to 0 or to a half integer, so that kinks are far away."""
    n = int(np.prod(shape))
    return _rng.permutation((np.arange(n) - n // 2) * 0.37 + 0.07).reshape(shape)


def ints(low: int, high: int, *shape: int) -> np.ndarray[Any, Any]:
    return _rng.integers(low, high, size=shape).astype(np.int32)


def booleans(*shape: int) -> np.ndarray[Any, Any]:
    return _rng.random(shape) < 0.5


CASES: list[Case] = []


def case(name: str, *args: Any, expected: Any = None, **options: Any) -> None:
    """Add a case; NumPy's function of the same name is the judge where none is given."""
    known = {key: options.pop(key) for key in ("order", "traceable", "abstract", "label") if key in options}
    CASES.append(Case(name, args, expected or getattr(np, name), options, **known))


def unary(names: str, x: np.ndarray[Any, Any], **options: Any) -> None:
    for name in names.split():
        case(name, x, **options)


# -- element by element -----------------------------------------------------------------------------

unary("exp expm1 sin cos tan arctan sinh cosh tanh arcsinh square negative", normal(2, 3))
unary("log log2 log10 log1p sqrt reciprocal", between(0.5, 2.0, 2, 3))
unary("arcsin arccos arctanh", between(-0.8, 0.8, 2, 3))
unary("arccosh", between(1.5, 3.0, 2, 3))
unary("abs absolute sign floor ceil trunc", apart(2, 3))
unary("isnan isinf isfinite", np.array([1.0, np.nan, np.inf, -np.inf]), order=0)
unary("logical_not", booleans(4), order=0)
case("nan_to_num", np.array([1.0, np.nan, -2.0]), order=0)
case("nan_to_num", np.array([1.0, np.inf, -np.inf]), nan=1.0, posinf=7.0, neginf=-7.0, order=0)
case("rsqrt", between(0.5, 2.0, 2, 3), expected=lambda x: 1 / np.sqrt(x))
case("round", apart(2, 3))
case("round", apart(2, 3), decimals=1)
case("round", np.array([15, 25, -15, 14], np.int32), decimals=-1, order=0)
case(
    "round",
    np.array([255, 15], np.uint8),
    decimals=-1,
    order=0,
    expected=lambda x, decimals: np.array([255, 20]),
)
case("clip", apart(2, 3), -0.5, 0.5)
case("cast", apart(2, 3), "float64", expected=lambda x, dtype: x)
case("cast", apart(2, 3), "int32", expected=lambda x, dtype: x.astype(dtype), order=0)
case("stop_gradient", normal(3), expected=lambda x: x, order=0)

for _x, _y in ((normal(2, 3), normal(2, 3)), (normal(2, 3), normal(3)), (normal(2, 1), 0.7)):
    for _name in ("add", "subtract", "multiply", "logaddexp"):
        case(_name, _x, _y)
for _name in ("divide", "true_divide", "arctan2"):
    case(_name, normal(2, 3), between(0.5, 2.0, 3))
case("divide", 2.0, between(0.5, 2.0, 3))
for _name in ("maximum", "minimum"):
    case(_name, *np.split(apart(4, 3), 2))
    case(_name, apart(2, 3), 0.0)
case("floor_divide", apart(2, 3), between(0.5, 0.6, 3))
case("mod", apart(2, 3), np.array([0.7, 1.9, 2.3]))
case("mod", np.array([7, -7], np.int32), np.array([3, 3], np.int32), order=0)
case("power", between(0.5, 2.0, 2, 3), normal(3))
case("power", normal(2, 3), 2)
case("power", normal(2, 3), 3)
case("power", 2.0, normal(3))
for _name in ["equal", "not_equal", "greater", "greater_equal", "less", "less_equal"]:
    case(_name, ints(0, 3, 2, 3), ints(0, 3, 3), order=0)
for _name in ["logical_and", "logical_or", "logical_xor"]:
    case(_name, booleans(2, 3), booleans(3), order=0)
case("isclose", np.array([1.0, 2.0]), np.array([1.0 + 1e-7, 2.1]), order=0)
case("allclose", np.array([1.0, 2.0]), np.array([1.0, 2.1]), order=0)
case("where", booleans(2, 3), normal(2, 3), normal(3))
case("where", booleans(2, 3), normal(2, 3), 0.0)
case("where", booleans(2, 3), order=0, traceable=False, abstract=False, label="indices")
case("nonzero", ints(0, 2, 2, 3), order=0, traceable=False, abstract=False)

# -- reductions -------------------------------------------------------------------------------------

_OVER: tuple[dict[str, Any], ...] = (
    {},
    {"axis": 0},
    {"axis": (0, 2), "keepdims": True},
    {"axis": -1},
)
for _over in _OVER:
    for _name in ["sum", "mean", "var", "std", "max", "min", "amax", "amin", "prod"]:
        case(_name, apart(2, 3, 2) / 2, **_over)
    for _name in ("all", "any"):
        case(_name, booleans(2, 3, 2), order=0, **_over)
case("max", apart(2, 3), initial=0.2)
case("min", apart(2, 3), initial=0.2)
for _name in ("max", "min"):
    case(_name, np.zeros((0, 3)), axis=0, initial=0.2, order=0)
case("prod", np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 5.0]]), axis=1, label="zeros")
case("moments", normal(2, 3), [0], expected=lambda x, a: (x.mean(0), x.var(0)))
for _name in ("argmax", "argmin"):
    case(_name, apart(2, 3), order=0)
    case(_name, apart(2, 3), axis=1, keepdims=True, order=0)
case("count_nonzero", ints(0, 2, 2, 3), order=0)
case("count_nonzero", ints(0, 2, 2, 3), axis=1, order=0)
case("average", normal(2, 3))
case("average", normal(2, 3), axis=1, weights=between(0.5, 2.0, 3))
case("logsumexp", normal(2, 3), expected=scipy.special.logsumexp)
case("logsumexp", normal(2, 3), axis=1, keepdims=True, expected=scipy.special.logsumexp)
for _name in ("cumsum", "cumprod"):
    case(_name, normal(2, 3))
    case(_name, normal(2, 3), axis=1)
case("cumprod", np.array([2.0, 0.0, 3.0, 0.0]), label="zeros")
case("argsort", apart(2, 3), order=0)
case("argsort", apart(2, 3), axis=None, order=0)
case("argsort", np.array(3.0), order=0, expected=lambda x: np.zeros(1))
case("argsort", ints(0, 2, 8), expected=lambda x: np.argsort(x, kind="stable"), order=0)
case("sort", apart(2, 3))
case("sort", apart(2, 3), axis=0)
for _kind in (
    {},
    {"ord": 1, "axis": 1},
    {"ord": 3, "axis": 0},
    {"ord": np.inf, "axis": 1},
    {"axis": (0, 1)},
):
    case(
        "norm",
        apart(2, 3),
        expected=lambda x, **k: np.linalg.norm(x if k else x.ravel(), **k),
        **_kind,
    )
for _ord in (1, -1, np.inf, -np.inf, "fro"):
    case("norm", apart(2, 3), ord=_ord, axis=(0, 1), expected=np.linalg.norm)
case("norm", apart(3), ord=-np.inf, expected=np.linalg.norm)
case("norm", apart(3), ord=0, expected=np.linalg.norm, order=0)

# -- making -----------------------------------------------------------------------------------------

_MADE: dict[str, Any] = {"order": 0}
for _name in ("zeros", "ones", "empty"):
    case(_name, (2, 3), expected=np.ones if _name == "ones" else np.zeros, **_MADE)
for _name in ("zeros_like", "ones_like", "empty_like"):
    case(
        _name,
        normal(2, 3),
        expected=np.ones_like if _name == "ones_like" else np.zeros_like,
        **_MADE,
    )
case("full", (2, 3), 7.0, **_MADE)
case("full_like", normal(2, 3), 7.0, **_MADE)
case("arange", 2, 9, 3, **_MADE)
case("arange", 3.0, **_MADE)
case("linspace", 0.0, 1.0, 5, **_MADE)
case("linspace", 0.0, 1.0, 4, endpoint=False, **_MADE)
case("linspace", 0.0, [1.0, 2.0], 3, **_MADE)
case("eye", 2, 3, 1, **_MADE)
case("identity", 3, **_MADE)
case("tri", 2, 3, 1, **_MADE)

# -- rearranging ------------------------------------------------------------------------------------

case("reshape", normal(2, 6), (3, -1))
case("ravel", normal(2, 3))
case("transpose", normal(2, 3, 4))
case("transpose", normal(2, 3, 4), (2, 0, 1))
case("swapaxes", normal(2, 3, 4), 0, -1)
case("moveaxis", normal(2, 3, 4), (0, 1), (-1, 0))
case("expand_dims", normal(2, 3), 1)
case("expand_dims", normal(2, 3), (0, 2))
case("squeeze", normal(1, 3, 1))
case("squeeze", normal(1, 3, 1), axis=-1)
case("squeeze", normal(1, 3, 1), axis=[0, 2], expected=lambda x, axis: x[0, :, 0])
case("broadcast_to", normal(2, 1), (3, 2, 4))
case("flip", normal(2, 3))
case("flip", normal(2, 3), axis=1)
case("roll", normal(2, 3), 2)
case("roll", normal(2, 3), (1, -1), axis=(0, 1))
case("pad", normal(2, 3), ((1, 0), (2, 1)))
case("pad", normal(2, 3), ((1, 0), (2, 1)), constant_values=5.0)
for _mode in ("reflect", "symmetric", "edge"):
    case("pad", normal(3, 3), ((1, 0), (2, 1)), mode=_mode)
for _name in ("triu", "tril"):
    case(_name, normal(3, 3), 1)
    case(_name, normal(2, 2, 3))
case("diag", normal(3), 1)
case("diag", normal(3, 2), -1)
case("diagonal", normal(2, 3, 2), offset=1, axis1=0, axis2=1)
case("trace", normal(3, 3))
case("trace", normal(2, 3, 2), offset=-1, axis1=1, axis2=2)
case("concatenate", [normal(2, 2), normal(2, 1)], axis=1)
case("append", normal(2), normal(2, 2))
case("append", normal(2, 2), normal(1, 2), axis=0)
case("stack", [normal(2, 3), normal(2, 3)], axis=1)
case("stack", [normal(3), normal(3)], axis=-1)
for _name in ("hstack", "vstack"):
    case(_name, [normal(2), normal(2)])
    case(_name, [normal(2, 2), normal(2, 2)])
case("split", normal(2, 4), 2, axis=1)
case("split", normal(4), [1, 3])
case("array_split", normal(4), 2)
case("array_split", normal(5), 3)
case("unstack", normal(2, 3), axis=1, expected=lambda x, axis: [x[:, i] for i in range(3)])
case("repeat", normal(2, 3), 2)
case("repeat", normal(2, 3), 2, axis=1)
case("repeat", normal(2, 3), [1, 2], axis=0)
case("tile", normal(2), (2, 3))
case("tile", normal(2, 1), 2)
case("meshgrid", normal(2), normal(3))
case("meshgrid", normal(2), normal(3), indexing="ij")
for _name in ("shape", "ndim", "size"):
    case(_name, normal(2, 3), order=0, abstract=False)

# -- picking and putting ----------------------------------------------------------------------------

case("getitem", normal(4, 3), (slice(None, None, 2), None, -1), expected=lambda x, k: x[k])
case("getitem", normal(4, 3), [[0, 3], [1, 0]], expected=lambda x, k: x[np.array(k)])
case("getitem", normal(4, 3), ints(0, 4, 5), expected=lambda x, k: x[k])
case(
    "scatter_add",
    normal(3),
    np.array([1, 1, 0]),
    shape=(3,),
    expected=lambda x, k, shape: np.bincount(k, x, 3),
)
case("take", normal(4, 3), ints(0, 4, 2, 2), axis=0)
case("take", normal(4, 3), ints(0, 12, 3))
case("take_along_axis", normal(4, 3), ints(0, 4, 2, 3), axis=0)
case("one_hot", ints(0, 3, 2, 2), 3, expected=lambda x, n: np.eye(n)[x], order=0)
case("one_hot", np.array([-1, 1]), 3, expected=lambda x, n: np.array([[0, 0, 0], [0, 1, 0]]), order=0)
case("one_hot", ints(0, 3, 2), 3, axis=0, expected=lambda x, n, axis: np.eye(n)[x].T, order=0)
case(
    "multi_hot",
    np.array([[0, 2], [1, 1]]),
    3,
    expected=lambda x, n: np.array([[1, 0, 1], [0, 1, 0]]),
    order=0,
)
case("top_k", apart(2, 4), 2, expected=lambda x, k: (-np.sort(-x)[:, :k], np.argsort(-x)[:, :k]))
case("in_top_k", np.array([1, 0]), np.array([[0.1, 0.5, 0.4], [0.2, 0.5, 0.3]]), 2,
     expected=lambda t, p, k: np.array([True, False]), order=0)  # fmt: skip


def _scattered(x: Any, indices: Any, updates: Any, reduction: str = "") -> Any:
    out = x.copy()
    at = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}
    key = tuple(np.moveaxis(indices, -1, 0))
    if reduction:
        at[reduction].at(out, key, updates)
    else:
        out[key] = updates
    return out


case("scatter_update", normal(4), np.array([[1], [3]]), normal(2), expected=_scattered)
case("scatter_update", normal(3, 2), np.array([[1], [0]]), normal(2, 2), expected=_scattered)
case(
    "scatter_update",
    normal(4),
    np.array([[1], [1]]),
    normal(2),
    reduction="add",
    expected=_scattered,
)
for _name in ("max", "min", "mul"):
    case("scatter_update", normal(4), np.array([[1], [1]]), normal(2), reduction=_name,
         expected=_scattered, order=0)  # fmt: skip
case("scatter", np.array([[1], [1], [0]]), normal(3), (4,),
     expected=lambda i, v, s: np.bincount(i[:, 0], v, 4))  # fmt: skip
case("slice", normal(4, 3), (1, 0), (2, -1), expected=lambda x, i, s: x[1:3])
case("slice", normal(4, 3), np.array([1, 0]), (2, 3), expected=lambda x, i, s: x[1:3])
case("slice_update", normal(4, 3), (1, 1), normal(2, 2),
     expected=lambda x, i, u: _scattered(x, np.indices((2, 2)).T.swapaxes(0, 1) + 1, u))  # fmt: skip
case("unique", ints(0, 3, 6), order=0, traceable=False, abstract=False)
case("unique", ints(0, 3, 6), return_index=False, return_inverse=True, return_counts=True, order=0,
     traceable=False, abstract=False)  # fmt: skip
case("searchsorted", np.array([1.0, 3.0, 3.0, 5.0]), np.array([0.0, 3.0, 6.0]), order=0)
case("searchsorted", np.array([1.0, 3.0, 3.0, 5.0]), np.array([3.0]), side="right", order=0)
case("digitize", np.array([0.2, 1.0, 1.5]), np.array([0.0, 1.0, 2.0]), order=0)

# -- matrices ---------------------------------------------------------------------------------------

for _x, _y in (((2, 3), (3, 2)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 2, 3), (3, 2)),
               ((2, 1, 2, 3), (2, 3, 2)), ((3,), (2, 3, 2)), ((2, 2, 3), (3,))):  # fmt: skip
    case("matmul", normal(*_x), normal(*_y))
case("dot", normal(2, 3), normal(3))
case("dot", normal(2, 3), normal(2, 3, 2))
case("tensordot", normal(2, 3, 2), normal(3, 2, 2), axes=2)
case("tensordot", normal(2, 3), normal(2, 3), axes=((0, 1), (0, 1)))
case("outer", normal(2), normal(3))
case("vdot", normal(2, 2), normal(2, 2))
for _subscripts, *_shapes in (
    ("ij,jk->ik", (2, 3), (3, 2)), ("bij,bjk", (2, 2, 3), (2, 3, 2)), ("ii->i", (3, 3)), ("ij->", (2, 3)),
    ("...i,...i->...", (2, 3), (2, 3)), ("i,j,k->kij", (2,), (2,), (2,)), ("ij->ji", (2, 3)), ("iij->j", (2, 2, 3)),
    ("abc,cde->abde", (2, 2, 3), (3, 2, 2)), ("abde,dec->abc", (2, 1, 2, 2), (2, 2, 3)),
    ("btnh,bsnh->bnts", (2, 2, 1, 3), (2, 3, 1, 3)), ("ij,jk->ki", (2, 3), (3, 2)), ("tib,sib->bst", (2, 3, 2), (1, 3, 2)),
    ("ab,c->cab", (2, 2), (3,)), ("ai,bi->a", (2, 3), (2, 3)), ("...x,xy->...y", (2, 1, 3), (3, 2)),
):  # fmt: skip
    case("einsum", _subscripts, *(normal(*s) for s in _shapes))

# -- neural networks --------------------------------------------------------------------------------


def _sigmoid(x: Any) -> Any:
    return scipy.special.expit(x)


def _softplus(x: Any) -> Any:
    return np.log1p(np.exp(x))


def _erf_gelu(x: Any, approximate: bool = False) -> Any:
    return x * scipy.special.ndtr(x)


def _elu(x: Any, alpha: float = 1.0) -> Any:
    return np.where(x > 0, x, alpha * np.expm1(x))


def _sparsemax(x: Any) -> Any:
    """By bisection for the threshold, row by row."""
    low, high = x.max(-1, keepdims=True) - 1, x.max(-1, keepdims=True)
    for _ in range(60):
        middle = (low + high) / 2
        above = np.maximum(x - middle, 0).sum(-1, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.maximum(x - low, 0)


_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "silu": lambda x: x * _sigmoid(x),
    "swish": lambda x: x * _sigmoid(x),
    "erf": scipy.special.erf,
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": _elu,
    "celu": _elu,
    "selu": lambda x: 1.0507009873554805 * _elu(x, 1.6732632423543772),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "log_sigmoid": lambda x: np.log(_sigmoid(x)),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "squareplus": lambda x: (x + np.sqrt(x**2 + 4)) / 2,
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "softmax": lambda x: scipy.special.softmax(x, axis=-1),
    "log_softmax": lambda x: scipy.special.log_softmax(x, axis=-1),
    "sparsemax": _sparsemax,
    "glu": lambda x: x[..., :2] * _sigmoid(x[..., 2:]),
}
for _name, _function in _ACTIVATIONS.items():
    case(_name, apart(4, 4), expected=_function)
case("softmax", normal(2, 3), axis=0, expected=scipy.special.softmax)
case("softmax", normal(2, 3), axis=(0, 1), expected=scipy.special.softmax)
case("log_softmax", normal(2, 3), axis=0, expected=scipy.special.log_softmax)
case("gelu", apart(2, 3), approximate=False, expected=_erf_gelu)
case("elu", apart(2, 3), alpha=0.5, expected=_elu)
case(
    "celu",
    apart(2, 3),
    alpha=0.5,
    expected=lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x / alpha)),
)
case("threshold", apart(2, 3), 0.2, -1.0, expected=lambda x, t, v: np.where(x > t, x, v))

_FUSED: dict[str, Callable[[Any], Any]] = {
    "linear": lambda x: x,
    "relu": _ACTIVATIONS["relu"],
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
}


def _dense(x: Any, kernel: Any, bias: Any = 0.0, activation: str = "linear") -> Any:
    return _FUSED[activation](x @ kernel + bias)


for _name in _FUSED:
    case("dense", normal(2, 3), normal(3, 2), normal(2), activation=_name, expected=_dense)
case("dense", normal(2, 2, 3), normal(3, 2), expected=_dense)
case(
    "drop",
    normal(2, 3),
    booleans(2, 3),
    scale=2.0,
    expected=lambda x, keep, scale: x * keep * scale,
)


def _standardized(x: Any, axis: Any = -1, epsilon: float = 0.0) -> Any:
    mean, variance = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
    return (
        (x - mean) / np.sqrt(variance + epsilon),
        np.squeeze(mean, axis),
        np.squeeze(variance, axis),
    )


def _layer_normalized(
    x: Any, gamma: Any = 1.0, beta: Any = 0.0, axis: Any = -1, epsilon: float = 1e-7
) -> Any:
    return _standardized(x, axis, epsilon)[0] * gamma + beta


case("standardize", normal(2, 3), expected=_standardized)
case("standardize", normal(2, 3, 2), axis=(0, 1), epsilon=0.1, expected=_standardized)
case("layer_normalization", normal(2, 3), expected=_layer_normalized)
case(
    "layer_normalization",
    normal(2, 3),
    normal(3),
    normal(3),
    epsilon=0.1,
    expected=_layer_normalized,
)
case("batch_normalization", normal(2, 3), normal(3), between(0.5, 2.0, 3), -1, normal(3), normal(3),
     expected=lambda x, m, v, axis, offset, scale: (x - m) / np.sqrt(v + 1e-3) * scale + offset)  # fmt: skip
case("normalize", normal(2, 3), expected=lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True))
case(
    "normalize",
    apart(2, 3),
    axis=0,
    order=2,
    expected=lambda x, axis: x / np.linalg.norm(x, axis=axis),
)

# -- cross-entropies --------------------------------------------------------------------------------

_chosen = np.array([2, 0, 1], np.int32)
_probabilities = scipy.special.softmax(normal(3, 4), axis=-1)


def _crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    log = scipy.special.log_softmax(output, axis) if from_logits else np.log(output)
    return -(target * log).sum(axis)


def _sparse_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    return _crossentropy(np.eye(output.shape[-1])[target], output, from_logits)


def _binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    p = _sigmoid(output) if from_logits else output
    return -target * np.log(p) - (1 - target) * np.log1p(-p)


_targets = scipy.special.softmax(normal(3, 4), axis=-1)
case("categorical_crossentropy", _targets, normal(3, 4), from_logits=True, expected=_crossentropy)
case(
    "categorical_crossentropy",
    _targets,
    normal(3, 4),
    from_logits=True,
    axis=0,
    expected=_crossentropy,
)
case("categorical_crossentropy", np.eye(4)[_chosen], _probabilities,
     expected=lambda t, o: _crossentropy(t, o / o.sum(-1, keepdims=True)))  # fmt: skip
case(
    "sparse_categorical_crossentropy",
    _chosen,
    normal(3, 4),
    from_logits=True,
    expected=_sparse_crossentropy,
)
case("sparse_categorical_crossentropy", _chosen, _probabilities, expected=_sparse_crossentropy)
case(
    "binary_crossentropy",
    between(0.1, 0.9, 3),
    normal(3),
    from_logits=True,
    expected=_binary_crossentropy,
)
case("binary_crossentropy", between(0.1, 0.9, 3), between(0.1, 0.9, 3), expected=_binary_crossentropy)

# -- functions of functions -------------------------------------------------------------------------

case("map", lambda x: x * x, normal(3), expected=lambda f, x: x * x)
case("vectorized_map", lambda x: x * x, normal(3, 2), expected=lambda f, x: x * x)
case("scan", lambda c, x: (c * x, c + x), np.array(1.5), normal(3),
     expected=lambda f, c, x: (c * np.prod(x), np.array([c * np.prod(x[:i]) + x[i] for i in range(3)])))  # fmt: skip
case("scan", lambda c, x: (c + x, c * x), np.array(1.5), normal(3), reverse=True,
     expected=lambda f, c, x, reverse: (c + x.sum(), np.array([(c + x[i + 1 :].sum()) * x[i] for i in range(3)])))  # fmt: skip
case(
    "cond",
    np.array(True),
    lambda: 1.0,
    lambda: 2.0,
    expected=lambda *_: 1.0,
    order=0,
    abstract=False,
)
case("switch", 1, [lambda x: x, lambda x: x * x], normal(3), expected=lambda i, b, x: x * x)
case("while_loop", lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, np.array(1.5)),
     expected=lambda *_: (3, 12.0), order=0, abstract=False)  # fmt: skip
case("fori_loop", 0, 3, lambda i, x: x * x, normal(2), expected=lambda a, b, f, x: x**8)
case("convert_to_tensor", normal(3), expected=lambda x: x)
case("array", normal(3), expected=lambda x: x)
case("convert_to_numpy", normal(3), expected=lambda x: x, order=0, traceable=False, abstract=False)
case("copy", normal(3), expected=lambda x: x)
case("is_tensor", normal(3), expected=lambda x: True, order=0, abstract=False)
case("dtype", ints(0, 2, 3), expected=lambda x: "int32", order=0, abstract=False)


# -- derived: arithmetic, bits, parts ---------------------------------------------------------------

_bits = (ints(0, 100, 2, 3), ints(0, 5, 3))
for _name in ["bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"]:
    case(_name, *_bits, order=0)
for _name in ("bitwise_left_shift", "bitwise_right_shift"):
    case(_name, *_bits, expected=getattr(np, _name.removeprefix("bitwise_")), order=0)
unary("bitwise_not bitwise_invert", _bits[0], expected=np.invert, order=0)
for _name in ("gcd", "lcm"):
    case(_name, 6 * _bits[0], -4 * _bits[1], order=0)
case("fmod", apart(2, 3), np.array([0.7, 1.9, 2.3]))
case("hypot", apart(2, 3), apart(3))
case("ldexp", apart(2, 3), ints(-3, 4, 3))
unary("exp2 fabs deg2rad rad2deg cbrt sinc real conj conjugate", apart(2, 3))
unary("imag angle signbit isreal", apart(2, 3), order=0)
unary("isposinf isneginf", np.array([1.0, np.nan, np.inf, -np.inf]), order=0)
for _x in (0.0, 0.5):
    case("divide_no_nan", normal(3), np.array([_x, 2.0, -1.0]), order=2 if _x else 0,
         expected=lambda a, b: np.where(b == 0, 0, a / (b + (b == 0))))  # fmt: skip
for _name in ("fmax", "fmin"):
    case(_name, *np.split(apart(4, 3), 2))
    case(_name, np.array([np.nan, 1.0]), np.array([1.0, np.nan]), order=0)
case("logaddexp2", normal(2, 3), normal(3))
case("heaviside", np.array([-1.0, 0.0, 2.0]), 0.5, order=0)
case("erfinv", between(-0.95, 0.95, 2, 3), expected=scipy.special.erfinv)
case("erfc", normal(2, 3), expected=scipy.special.erfc)
case("select", [booleans(3), booleans(3)], [normal(3), normal(3)], default=7.0)
case("saturate_cast", np.array([-3e9, -1.5, 0.0, 3e9]), "int32", order=0,
     expected=lambda x, d: np.clip(x, -(2**31), 2**31 - 1).astype(np.int64))  # fmt: skip
case("saturate_cast", np.array([-300, 5, 300], np.int32), "uint8", order=0,
     expected=lambda x, d: np.clip(x, 0, 255))  # fmt: skip

# -- statistics -------------------------------------------------------------------------------------

for _method in ("linear", "lower", "higher", "midpoint", "nearest"):
    case("quantile", apart(5, 2), 0.3, axis=0, method=_method)
case("quantile", apart(2, 3, 2), [0.1, 0.5], axis=(0, 2), keepdims=True)
case("percentile", apart(2, 4), 30.0)
for _over in _OVER:
    for _name in ("median", "ptp"):
        case(_name, apart(2, 3, 2), **_over)
case("argpartition", np.array([3.0, 1.0, 2.0]), 1, order=0)
case("bincount", ints(0, 5, 8), minlength=7, order=0)
case("bincount", ints(0, 5, 8), weights=normal(8), minlength=5)
case("bincount", np.array([[0, 1], [1, 1]]), minlength=3, expected=lambda x, minlength: np.array([[1, 1, 0], [0, 2, 0]]),
     order=0)  # fmt: skip
case("histogram", normal(9), bins=4, order=0)
case("histogram", normal(9), bins=4, range=(-0.5, 0.9), order=0)
_ids = np.array([0, 2, 0, 2], np.int32)


def _by_segment(function: Any, empty: Any) -> Any:
    def result(x: Any, ids: Any, n: int) -> Any:
        return np.array(
            [
                function(x[ids == i], axis=0) if (ids == i).any() else np.full(x.shape[1:], empty)
                for i in range(n)
            ]
        )

    return result


case("segment_sum", normal(4, 2), _ids, 3, expected=_by_segment(np.sum, 0.0))
case("segment_prod", normal(4, 2), _ids, 3, expected=_by_segment(np.prod, 1.0), order=0)
for _name, _function, _empty in (("segment_max", np.max, -np.inf), ("segment_min", np.min, np.inf)):
    case(_name, normal(4, 2), _ids, 3, expected=_by_segment(_function, _empty), order=0)
    case(_name, apart(4, 2), _ids // 2, 2, expected=_by_segment(_function, _empty))
_holes = np.where(booleans(3, 4), np.nan, normal(3, 4))
_holes[:, 0], _holes[0, :] = 0.5, [0.5, 1.5, 0.25, -1.0]
for _name in ["nansum", "nanmean", "nanmax", "nanmin", "nanvar", "nanstd", "nanprod"]:
    case(_name, apart(2, 3) / 3, axis=1)
    case(_name, _holes, order=0)
    case(_name, _holes, axis=0, keepdims=True, order=0)

# -- arranging --------------------------------------------------------------------------------------

case("get_item", normal(4, 3), (slice(1, 3), Ellipsis), expected=lambda x, k: x[k])
case("logspace", 0.0, 2.0, 5, base=2.0, order=0)
case("geomspace", 1.0, 100.0, 4, endpoint=False, order=0)
case("diagflat", normal(2, 2), 1)
unary("fliplr flipud", normal(2, 3))
for _k in (0, 1, 2, 3):
    case("rot90", normal(2, 3), k=_k)
case("rot90", normal(2, 3, 2), axes=(2, 0))
case("dstack", [normal(2), normal(2)])
case("dstack", [normal(2, 3), normal(2, 3)])
for _name in ("hsplit", "vsplit"):
    case(_name, normal(4, 4), 2)
case("hsplit", normal(5), [1, 3])
case("dsplit", normal(1, 2, 4), [1])
case("diff", normal(2, 4), n=2, axis=-1)
case("diff", normal(4, 2), axis=0)
case("trapezoid", normal(2, 4), dx=0.5)
case("trapezoid", normal(4, 2), np.array([0.0, 1.0, 3.0, 4.0]), axis=0)
for _invert in (False, True):
    case("isin", ints(0, 5, 2, 3), np.array([1, 2]), invert=_invert, order=0)
case("inner", normal(2, 3), normal(2, 3))
case("inner", normal(3), normal(3))
case("kron", normal(2, 2), normal(2, 3))
case("kron", normal(2), normal(2, 3))
case("cross", normal(2, 3), normal(2, 3))
case("cross", normal(3, 2), normal(3), axisa=0, axisc=0)
case("rms_normalization", normal(2, 3), normal(3), epsilon=0.1,
     expected=lambda x, s, epsilon: x / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon) * s)  # fmt: skip
case(
    "jvp",
    lambda x: x * x,
    (normal(3),),
    (np.ones(3),),
    expected=lambda f, x, t: (x[0] ** 2, 2 * x[0]),
)
case("custom_gradient", lambda x: (x * x, lambda g: 2 * x * g), expected=lambda f: None, order=0,
     traceable=False, abstract=False)  # fmt: skip


# -- recurrent --------------------------------------------------------------------------------------


def _steps(
    x: Any,
    k: Any,
    r: Any,
    b: Any,
    rb: Any,
    h: Any,
    c: Any = None,
    mask: Any = None,
    keep: Any = None,
    **how: Any,
) -> Any:
    """The recurrent layers, written out for one sample after the other."""
    sigmoid = scipy.special.expit
    n, outputs = h.shape[1], []
    for t in range(x.shape[1]):
        z = x[:, t] @ k + (0 if b is None else b)
        u = (h if keep is None else h * keep) @ r + (0 if rb is None else rb)
        old = h, c
        if how["cell"] == "simple":
            h = np.tanh(z + u)
        elif how["cell"] == "lstm":
            i, f, g, o = np.split(z + u, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            update, reset = sigmoid(z[:, :n] + u[:, :n]), sigmoid(z[:, n : 2 * n] + u[:, n : 2 * n])
            h = update * h + (1 - update) * np.tanh(z[:, 2 * n :] + reset * u[:, 2 * n :])
        if mask is not None:
            h = np.where(mask[:, t, None], h, old[0])
            c = None if c is None else np.where(mask[:, t, None], c, old[1])
        outputs.append(h)
    return (np.stack(outputs, 1), h) if c is None else (np.stack(outputs, 1), h, c)


for _cell, _n in (("simple", 1), ("lstm", 4), ("gru", 3)):
    _args: list[Any] = [
        normal(*_s) for _s in [(2, 3, 2), (2, 3 * _n), (3, 3 * _n), (3 * _n,), (3 * _n,), (2, 3)]
    ]
    _c0 = normal(2, 3) if _cell == "lstm" else None
    case("recurrent", *_args, _c0, cell=_cell, expected=_steps)
    case("recurrent", *_args, _c0, cell=_cell, return_sequences=False,
         expected=lambda *a, return_sequences, **how: _steps(*a, **how)[1:])  # fmt: skip
    case("recurrent", *_args[:3], None, None, *_args[5:], _c0, np.array([[True, False, True], [True, False, False]]),
         normal(2, 3), cell=_cell, expected=_steps)  # fmt: skip
for _ord in (2, -2, "nuc"):
    case("norm", apart(2, 3), ord=_ord, expected=np.linalg.norm)
    case("norm", apart(3, 2, 3), ord=_ord, axis=(2, 0), keepdims=True, expected=np.linalg.norm)
op_cases_convolution.add_cases(case, normal, apart)
op_cases_attention.add_cases(case, normal, booleans)
op_cases_linalg.add_cases(case, normal)
op_cases_sequences.add_cases(case, normal)
op_cases_more.add_cases(case, normal, apart, _holes)
op_cases_image.add_cases(case, normal, between)


IDS: list[str] = []
_count: dict[str, int] = {}
for _c in CASES:
    _count[_c.name] = _count.get(_c.name, 0) + 1
    IDS.append(f"{_c.name}-{_c.label or _count[_c.name]}")
