"""Derivatives: the tape and the functions, eager and compiled, on every backend."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import GradientTape, Variable, ops
from hilevel.errors import ShapeError, TracedValueError, VariableCreationError
from hilevel.testing import check_gradients

Run = Callable[..., Any]


@pytest.fixture(params=["numpy", "jax", "jax, compiled"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Calls a function with arguments on one backend, eagerly or compiled, and brings the results to NumPy."""
    name, _, compiled = request.param.partition(", ")
    pytest.importorskip(name)
    with hilevel.use_backend(name) as backend:

        def call(function: Callable[..., Any], *args: Any) -> Any:
            arrays = [backend.asarray(a) if isinstance(a, np.ndarray) else a for a in args]
            result = (hilevel.jit(function) if compiled else function)(*arrays)
            return hilevel.tree.map_structure(lambda x: x if x is None else ops.convert_to_numpy(x), result)

        yield call


X = np.array([1.0, -2.0, 0.5])


def close(found: Any, expected: Any) -> None:
    for mine, right in zip(hilevel.tree.flatten(found), hilevel.tree.flatten(expected), strict=True):
        np.testing.assert_allclose(mine, right, rtol=1e-6)


# -- functions --------------------------------------------------------------------------------------


def cube(x: Any) -> Any:
    return ops.sum(x**3)


def test_grad_and_value_and_grad(run: Run) -> None:
    close(run(hilevel.grad(cube), X), 3 * X**2)
    close(run(hilevel.value_and_grad(cube), X), [(X**3).sum(), 3 * X**2])


def test_argnums_and_structures(run: Run) -> None:
    def f(batch: Any, scale: Any) -> Any:
        return ops.sum(batch["a"] * scale) + ops.sum(batch["b"][0] ** 2)

    def both(a: Any, b: Any, s: Any) -> Any:
        return hilevel.grad(f, argnums=(0, 1))({"a": a, "b": [b]}, s)

    grads, of_scale = run(both, X, X + 1, np.array(3.0))
    assert list(grads) == ["a", "b"]
    close([grads, of_scale], [np.full(3, 3.0), 2 * (X + 1), X.sum()])
    close(run(hilevel.grad(lambda a, b: ops.sum(a * b), argnums=1), X, X + 1), X)


def test_has_aux(run: Run) -> None:
    def f(x: Any) -> Any:
        return ops.sum(x * x), {"double": 2 * x}

    (value, aux), g = run(hilevel.value_and_grad(f, has_aux=True), X)
    close([value, aux["double"], g], [(X * X).sum(), 2 * X, 2 * X])
    g, aux = run(hilevel.grad(f, has_aux=True), X)
    close([g, aux["double"]], [2 * X, 2 * X])


def test_variables(run: Run) -> None:
    w, unused, seen = Variable(X), Variable(np.ones(2)), Variable(np.zeros(3))

    def f(x: Any) -> Any:
        seen.assign(seen + x)
        return ops.sum(w * w * x)

    def step(x: Any) -> Any:
        return hilevel.value_and_grad(f, variables=[w, unused])(x)

    for _ in range(2):
        value, grads = run(step, X + 1)
    close([value, *grads], [(X * X * (X + 1)).sum(), 2 * X * (X + 1), np.zeros(2)])
    close(seen.numpy(), 2 * (X + 1))


def test_vjp_and_jvp(run: Run) -> None:
    def f(x: Any, y: Any) -> Any:
        return [x * y, ops.sum(x)]

    def pulled(x: Any, y: Any) -> Any:
        value, pullback = hilevel.vjp(f, x, y)
        return value, pullback([x, 2.0 * ops.sum(y)])

    (xy, total), (gx, gy) = run(pulled, X, X + 1)
    close([xy, total, gx, gy], [X * (X + 1), X.sum(), X * (X + 1) + 2 * (X + 1).sum(), X * X])
    value, slope = run(lambda x: hilevel.jvp(lambda a: ops.exp(a), (x,), (x * 2,)), X)
    close([value, slope], [np.exp(X), 2 * X * np.exp(X)])


def test_jacobian_and_hessian(run: Run) -> None:
    close(
        run(hilevel.jacobian(lambda x: ops.outer(x, x)[0]), X),
        np.outer(X, [1, 0, 0]) + np.eye(3) * X[0],
    )
    close(run(hilevel.hessian(cube), X), np.diag(6 * X))
    pair = run(hilevel.jacobian(lambda a, b: a * b, argnums=(0, 1)), X, X + 1)
    close(pair, [np.diag(X + 1), np.diag(X)])


def test_custom_gradient(run: Run) -> None:
    @hilevel.custom_gradient
    def f(x: Any, y: Any) -> Any:
        return x * y, lambda upstream: (upstream * 10.0, upstream * x * x)

    close(
        run(hilevel.grad(lambda x, y: ops.sum(f(x, y)), argnums=(0, 1)), X, X + 1),
        [np.full(3, 10.0), X * X],
    )

    def by_tape(x: Any, y: Any) -> Any:
        with GradientTape() as tape:
            x, y = tape.watch([x, y])
            loss = ops.sum(f(x, y) * 2.0)
        return tape.gradient(loss, [x, y])

    close(run(by_tape, X, X + 1), [np.full(3, 20.0), 2 * X * X])


def test_grad_of_custom_gradient(run: Run) -> None:
    square = hilevel.custom_gradient(lambda x: (x * x, lambda g: g * x * 5.0))
    twice = hilevel.grad(lambda x: ops.sum(hilevel.grad(lambda a: ops.sum(square(a)))(x)))
    close(run(twice, X), np.full(3, 5.0))


def penalty(x: Any) -> Any:
    """A gradient penalty: the norm of a gradient, to be differentiated in turn."""
    g = hilevel.grad(lambda a: ops.sum(ops.tanh(a) * ops.exp(a)))(x)
    return ops.square(ops.norm(g) - 1.0)


def tape_penalty(x: Any) -> Any:
    with GradientTape() as outer:
        x = outer.watch(x)
        with GradientTape() as inner:
            inner.watch(x)
            y = ops.sum(ops.tanh(x) * ops.exp(x))
        p = ops.square(ops.norm(inner.gradient(y, x)) - 1.0)
    return outer.gradient(p, x)


def test_gradient_penalty(run: Run) -> None:
    check_gradients(penalty, X)
    by_functions = run(hilevel.grad(penalty), X)
    close(run(tape_penalty, X), by_functions)
    with hilevel.use_backend("numpy"):
        close(hilevel.grad(penalty)(X), by_functions)


def test_third_derivative(run: Run) -> None:
    f = lambda x: x**4
    for _ in range(3):
        f = hilevel.grad(f)
    close(run(f, np.array(2.0)), 48.0)


def test_no_gradient_passes_where_it_is_stopped(run: Run) -> None:
    close(run(hilevel.grad(lambda x: ops.sum(x * ops.stop_gradient(x * x))), X), X**2)


def test_float32_stays_float32(run: Run) -> None:
    g = run(hilevel.grad(lambda x: ops.mean(ops.softmax(2 * x + 0.5) * 3.0)), X.astype("float32"))
    assert g.dtype == np.float32


# -- the tape ---------------------------------------------------------------------------------------


def test_tape_of_arrays_and_variables(run: Run) -> None:
    w, frozen = Variable(X), Variable(X, trainable=False)

    def f(x: Any) -> Any:
        with GradientTape() as tape:
            x = tape.watch(x)
            loss = ops.sum(x * w * frozen)
        return tape.gradient(loss, {"x": x, "w": w, "frozen": frozen})

    g = run(f, X + 1)
    assert g["frozen"] is None
    close([g["x"], g["w"]], [X * X, (X + 1) * X])


def test_watched_and_unwatched_variables(run: Run) -> None:
    w, frozen = Variable(X), Variable(X, trainable=False)

    def f() -> Any:
        with GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(frozen)
            loss = ops.sum(w * frozen)
        assert tape.watched_variables() == [frozen]
        return tape.gradient(loss, [w, frozen])

    of_w, of_frozen = run(f)
    assert of_w is None
    close(of_frozen, X)


def test_persistent_tape(run: Run) -> None:
    def f(x: Any) -> Any:
        with GradientTape(persistent=True) as tape:
            x = tape.watch(x)
            y = x * x
            z = ops.sum(y * y)
        return tape.gradient(z, x), tape.gradient(z, y), tape.gradient(y, x)

    close(run(f, X), [4 * X**3, 2 * X**2, 2 * X])


def test_several_tapes_at_once(run: Run) -> None:
    """As in a GAN: two tapes side by side, each asked for its own part."""
    a, b = Variable(X), Variable(X + 1)

    def f(x: Any) -> Any:
        with GradientTape() as first, GradientTape() as second:
            fake = a * x
            loss_a, loss_b = ops.sum(fake * b), ops.sum(ops.square(fake - b))
        return first.gradient(loss_a, a), second.gradient(loss_b, b)

    close(run(f, X), [X * (X + 1), -2 * (X * X - (X + 1))])


def test_unconnected_and_output_gradients(run: Run) -> None:
    def f(x: Any, y: Any) -> Any:
        with GradientTape(persistent=True) as tape:
            x, y = tape.watch([x, y])
            z = x * x
        return (
            tape.gradient(z, [x, y]),
            tape.gradient(z, [x, y], unconnected_gradients="zero"),
            tape.gradient([z, z], x, output_gradients=[x, 2.0 * x]),
        )

    none, zero, weighted = run(f, X, X)
    assert none[1] is None
    close([none[0], *zero, weighted], [2 * X, 2 * X, 0 * X, 6 * X * X])


def test_stop_recording_and_reset(run: Run) -> None:
    def f(x: Any) -> Any:
        with GradientTape(persistent=True) as tape:
            x = tape.watch(x)
            with tape.stop_recording():
                constant = x * 2.0
            y = ops.sum(x * constant)
        first = tape.gradient(y, x)
        tape.reset()
        with tape:
            x = tape.watch(x)
            y = ops.sum(x * x * x)
        return first, tape.gradient(y, x)

    close(run(f, X), [2 * X, 3 * X * X])


def test_tape_jacobian(run: Run) -> None:
    def f(x: Any) -> Any:
        with GradientTape() as tape:
            x = tape.watch(x)
            y = x * x
        return tape.jacobian(y, x)

    close(run(f, X), np.diag(2 * X))


def test_tape_errors(backend: Any) -> None:
    x = backend.asarray(X)
    with GradientTape() as tape:
        watched = tape.watch(x)
        y = ops.sum(watched * watched)
    with pytest.raises(TypeError, match="use the tensor that watch returns"):
        tape.gradient(y, x)
    tape.gradient(y, watched)
    with pytest.raises(RuntimeError, match="persistent=True"):
        tape.gradient(y, watched)
    with pytest.raises(TypeError, match="floating-point dtype; got int32"):
        tape.watch(backend.asarray(np.arange(3, dtype="int32")))
    with pytest.raises(ValueError, match='"none" or "zero"'):
        tape.gradient(y, watched, unconnected_gradients="nil")
    with pytest.raises(RuntimeError, match="no record"):
        GradientTape().gradient(y, watched)


def test_function_errors(backend: Any) -> None:
    x = backend.asarray(X)
    with pytest.raises(ShapeError, match=r"doubled\(\) returned shape \(3,\).*jacobian"):

        def doubled(x: Any) -> Any:
            return 2.0 * x

        hilevel.grad(doubled)(x)
    with pytest.raises(TypeError, match="Cast it first"):
        hilevel.grad(ops.sum)(backend.asarray(np.arange(3, dtype="int32")))
    with pytest.raises(TypeError, match=r"pair \(value, aux\)"):
        hilevel.grad(ops.sum, has_aux=True)(x)


# -- memory, lifetimes, compiling -------------------------------------------------------------------


def test_recording_is_emptied(backend: Any) -> None:
    """What a used tape computed is given back, though the tape lives on."""
    with GradientTape() as tape:
        x = tape.watch(backend.asarray(X))
        y = ops.sum(ops.exp(x * 2.0))
    middle = weakref.ref(y.tape.nodes[0])
    tape.gradient(y, x)
    y = None
    gc.collect()
    assert middle() is None
    assert tape._record.nodes == []


def test_eager_step_leaves_nothing_behind(backend: Any) -> None:
    from hilevel.engine.autodiff.tape import Tape

    tapes = lambda: {id(o) for o in gc.get_objects() if isinstance(o, Tape) and o.nodes}
    w, before = Variable(X), tapes()
    hilevel.value_and_grad(lambda: ops.sum(w * w), variables=[w])()
    gc.collect()
    assert tapes() <= before


@pytest.mark.parametrize("compiled", [False, True])
def test_traced_value_used_after_its_step(backend: Any, compiled: bool) -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x * 2.0)
        return ops.sum(kept[-1] * x)

    step = hilevel.jit(hilevel.grad(f)) if compiled else hilevel.grad(f)
    step(backend.asarray(X))
    with pytest.raises(TracedValueError, match=r"used after its step.*hilevel\.Variable"):
        ops.exp(kept[-1])


def test_no_variables_inside_compiled_functions(backend: Any) -> None:
    @hilevel.jit
    def f(x: Any) -> Any:
        return x * Variable(X, name="late")

    with pytest.raises(VariableCreationError, match=r"\(late\).*before"):
        f(backend.asarray(X))


def test_state_survives_an_error(backend: Any) -> None:
    """After a failure inside of a step, Variables hold what they held, and work."""
    w = Variable(X)

    def f(x: Any) -> Any:
        w.assign(w + x)
        raise KeyError("stop")

    for step in (hilevel.jit(f), hilevel.grad(f)):
        with pytest.raises(KeyError, match="stop"):
            step(backend.asarray(X))
    assert backend.is_concrete(w.value)
    close(hilevel.grad(lambda: ops.sum(w * w), variables=[w])(), [2 * w.numpy()])


def test_compiled_once(backend: Any) -> None:
    """Changed state, changed numbers, and a changed learning rate compile nothing anew."""
    w, rate = Variable(X), Variable(0.1, trainable=False)

    def step(x: Any) -> Any:
        loss, (g,) = hilevel.value_and_grad(lambda: ops.sum(ops.square(w * x)), variables=[w])()
        w.assign_sub(rate * g)
        return loss

    compiled = backend.compile(step)
    losses = []
    for i in range(3):
        losses.append(float(ops.convert_to_numpy(compiled(backend.asarray(X)))))
        rate.assign(0.1 / (i + 2))
    assert losses[0] > losses[1] > losses[2]
    assert getattr(compiled, "compilations", 1) == 1


def test_variables_as_arguments(backend: Any) -> None:
    """They are state: read, changed, and, handed in again, not compiled again."""
    a, b = hilevel.Variable([1.0, 2.0]), hilevel.Variable([3.0, 4.0])

    def scale(held: dict[str, Any], factor: float) -> Any:
        held["v"].assign(held["v"] * factor)
        return held["v"] + 1.0

    compiled = backend.compile(scale)
    step = hilevel.jit(scale)
    step({"v": a}, 2.0), step({"v": a}, 2.0)
    np.testing.assert_array_equal(np.asarray(step({"v": b}, 3.0)), [10.0, 13.0])
    np.testing.assert_array_equal(a.numpy(), [4.0, 8.0])
    np.testing.assert_array_equal(b.numpy(), [9.0, 12.0])
    compiled({"v": a}, 0.5), compiled({"v": a}, 0.5)
    assert getattr(compiled, "compilations", 1) == 1


def test_numbers_as_arguments_do_not_recompile() -> None:
    pytest.importorskip("jax")
    with hilevel.use_backend("jax") as backend:
        compiled = backend.compile(lambda x, n, flag: x * n if flag else x)
        for n in (1.0, 2.0, 3.0):
            compiled(X, n, True)
        assert compiled.compilations == 1
        compiled(X, 1.0, False)
        assert compiled.compilations == 2


# -- NumPy around traced values ---------------------------------------------------------------------


def test_array_on_the_left(run: Run) -> None:
    """NumPy leaves the operation to the traced value: no array of objects."""
    for f, slope in (
        (lambda x: ops.sum(X * x), X), (lambda x: ops.sum(X - x), -np.ones(3)), (lambda x: X @ x, X),
        (lambda x: ops.sum(X / x), -X / (X + 1) ** 2), (lambda x: ops.sum(np.float64(2) * x), np.full(3, 2.0)),
        (lambda x: ops.sum(ops.where(x < X, X, x)), np.array([1.0, 1.0, 1.0])),
    ):  # fmt: skip
        close(run(hilevel.grad(f), X + 1), slope)


@pytest.mark.parametrize(
    "function, slope",
    [
        (lambda x: np.sum(np.exp(x)), np.exp(X)),
        (lambda x: np.mean(x * np.tanh(x)), (np.tanh(X) + X / np.cosh(X) ** 2) / 3),
        (lambda x: np.concatenate([x, x]).sum(), np.full(3, 2.0)),
        (lambda x: np.sum(np.maximum(x, 0.0)), (X > 0) * 1.0),
        (lambda x: np.linalg.det(np.diag(x)), np.prod(X) / X),
    ],
)
def test_numpy_functions_on_the_tape(function: Run, slope: Any) -> None:
    close(hilevel.grad(function)(X), slope)


@pytest.mark.parametrize("function", [np.fft.fft, np.linalg.eigvals, lambda x: np.add.reduce(x), np.asarray])
def test_numpy_functions_that_cannot_be_followed(function: Run) -> None:
    with pytest.raises(TracedValueError, match=r"hilevel\.ops"):
        hilevel.grad(lambda x: function(x))(X)


def test_traced_values_can_be_looked_at() -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.extend([float(x[0]), x.numpy().tolist(), f"{x[1]:.1f}", bool(x[0] > 0), repr(x)])
        return ops.sum(x)

    hilevel.grad(f)(X)
    assert seen[:4] == [1.0, [1.0, -2.0, 0.5], "-2.0", True]
    assert "TapeTensor" in seen[4]
