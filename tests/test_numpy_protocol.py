"""NumPy's functions on Tensors: all of them are tried, and each gives a right gradient, a plain result or an error."""

import inspect
import io
import math
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from helpers import error, plain
from peers import pytorch

from autograd import Tensor, Value, grad, gradcheck, hvp, jvp, no_grad
from autograd.array_ops import ARRAY_OPS
from autograd.namespaces import SCALARS
from autograd.numpy_protocol import HANDED, RULES, UFUNCS
from autograd.numpy_rows import ROWS
from autograd.trees import leaves

Array = np.ndarray[Any, Any]
Call = Callable[..., Any]

REMEDY = re.compile(r"x\.detach\(\)|x\.astype\(dtype\)")

# ----- what to try: operands, and calls with them -----

RNG = np.random.default_rng(4)


def well_apart(low: float, high: float, shape: tuple[int, ...]) -> Array:
    """Numbers from ``low`` to ``high`` in random order, none near another."""
    n = int(np.prod(shape))
    return RNG.permutation(low + (np.arange(n) + RNG.uniform(0.3, 0.7, n)) * (high - low) / n).reshape(shape)


POSITIVE_DEFINITE = np.array([[2.1, 0.3, -0.4], [0.3, 1.7, 0.2], [-0.4, 0.2, 2.6]])
OPERANDS: dict[str, tuple[Array, Array]] = {
    "fractions": (well_apart(-0.9, 0.9, (4,)), well_apart(0.1, 0.8, (4,))),
    "numbers": (well_apart(1.1, 3.7, (4,)), well_apart(-3.3, 2.9, (4,))),
    "vectors": (well_apart(-2.8, 2.9, (3,)), well_apart(-3.3, 2.8, (3,))),
    "matrices": (POSITIVE_DEFINITE + well_apart(-0.1, 0.1, (3, 3)), well_apart(-2.9, 3.1, (3, 3))),
    "stacks": (well_apart(-1.9, 2.3, (2, 2, 2)), well_apart(0.2, 2.2, (2, 2, 2))),
}
PLAINLY = np.array([0.35, 1.45, -0.75])
PLAINLY.flags.writeable = False
MASK = np.array([True, False, True])
HOLES = np.array([0.0, np.nan, 0.0])

USUAL: list[Call] = [
    lambda f, x, y: f(x),
    lambda f, x, y: f(x, y),
    lambda f, x, y: f(x, 1),
    lambda f, x, y: f(x, 2.5),
    lambda f, x, y: f(2.5, x),
    lambda f, x, y: f(PLAINLY, x),
    lambda f, x, y: f(x, axis=-1),
    lambda f, x, y: f(x, axis=0, keepdims=True),
    lambda f, x, y: f([x, y]),
    lambda f, x, y: f((x, PLAINLY)),
    lambda f, x, y: f(x, x),
    lambda f, x, y: f(x, out=np.empty(x.shape)),
    lambda f, x, y: f(x, dtype=np.float32),
    lambda f, x, y: f(x, x, where=MASK, out=np.zeros(x.shape)),
    lambda f, x, y: f(x, initial=0.5),
    lambda f, x, y: f(x, where=MASK, initial=0.5),
    lambda f, x, y: f(x, axis=0, where=MASK),
]
"""How most functions are called. A call that NumPy itself refuses is left out."""

ESPECIALLY: dict[str, list[Call]] = {
    "numpy.einsum": [
        lambda f, x, y: f("ij,jk->ik", x, y),
        lambda f, x, y: f("ij,jk", x, y),
        lambda f, x, y: f("ii", x),
        lambda f, x, y: f("ii->i", x),
        lambda f, x, y: f("ij->", x),
        lambda f, x, y: f("ij->j", x),
        lambda f, x, y: f("i,j", x, y),
        lambda f, x, y: f("i,i,i->i", x, y, x),
        lambda f, x, y: f("...ij,...jk->...ik", x, y),
        lambda f, x, y: f("b...,b...", x, y),
        lambda f, x, y: f("bii,bij->bj", x, y, optimize=True),
        lambda f, x, y: f("ij,kj->ik", x[:1], y),
        lambda f, x, y: f("ij,ij->ij", x[:1], y),
        lambda f, x, y: f(x, [0, 1], y, [1, 2], [0, 2]),
        lambda f, x, y: f(x, [0, 1], y, [0, 2]),
        lambda f, x, y: f("ij,j->i", x, PLAINLY),
    ],
    "numpy.tensordot": [lambda f, x, y: f(x, y, ([0, 1], [1, 0])), lambda f, x, y: f(x, y, 0)],
    "numpy.trace": [lambda f, x, y: f(x, 1), lambda f, x, y: f(x, axis1=1, axis2=2)],
    "numpy.clip": [
        lambda f, x, y: f(x, -0.4, 0.8),
        lambda f, x, y: f(x, None, 0.7),
        lambda f, x, y: f(x, min=0.1),
        lambda f, x, y: f(x, y, y + 0.5),
        lambda f, x, y: f(PLAINLY, -3.2, x),
    ],
    "numpy.where": [
        lambda f, x, y: f(MASK, x, 0.0),
        lambda f, x, y: f(MASK, 1.0, x),
        lambda f, x, y: f(x > 0.0, x, y),
        lambda f, x, y: f(x, PLAINLY, 2.0),
    ],
    "numpy.concatenate": [lambda f, x, y: f([x, y, x], axis=-1), lambda f, x, y: f([x, y], axis=None)],
    "numpy.stack": [lambda f, x, y: f([x, y], axis=-1), lambda f, x, y: f([x, np.zeros(x.shape)])],
    "numpy.reshape": [
        lambda f, x, y: f(x, -1),
        lambda f, x, y: f(x, (2, -1)),
        lambda f, x, y: f(x, 9, order="F"),
        lambda f, x, y: f(x, (2, 4), "F"),
    ],
    "numpy.ravel": [lambda f, x, y: f(x, "F"), lambda f, x, y: f(x.T, "K"), lambda f, x, y: f(x.T, order="A")],
    "numpy.transpose": [lambda f, x, y: f(x, (1, 2, 0)), lambda f, x, y: f(x, (-1, 0))],
    "numpy.swapaxes": [lambda f, x, y: f(x, 0, -1)],
    "numpy.moveaxis": [lambda f, x, y: f(x, 0, -1), lambda f, x, y: f(x, [0, 1], [2, 0])],
    "numpy.rollaxis": [lambda f, x, y: f(x, 2), lambda f, x, y: f(x, 0, 2)],
    "numpy.squeeze": [lambda f, x, y: f(x[:1]), lambda f, x, y: f(x[:, :1], 1)],
    "numpy.expand_dims": [lambda f, x, y: f(x, 0), lambda f, x, y: f(x, (0, -1))],
    "numpy.broadcast_to": [lambda f, x, y: f(x, (2, 3, 3)), lambda f, x, y: f(x[0], 5)],
    "numpy.tile": [lambda f, x, y: f(x, (2, 1, 2))],
    "numpy.repeat": [lambda f, x, y: f(x, 2, axis=0), lambda f, x, y: f(x, [1, 0, 3], -1)],
    "numpy.roll": [lambda f, x, y: f(x, 2), lambda f, x, y: f(x, (1, -1), (0, 1))],
    "numpy.flip": [lambda f, x, y: f(x, (0, 1))],
    "numpy.rot90": [lambda f, x, y: f(x, 3), lambda f, x, y: f(x, k=2, axes=(1, 2))],
    "numpy.take": [
        lambda f, x, y: f(x, [2, 0, 0]),
        lambda f, x, y: f(x, [[1, 0]], axis=1),
        lambda f, x, y: f(x, [7, -5], mode="wrap"),
        lambda f, x, y: f(x, 1),
    ],
    "numpy.take_along_axis": [lambda f, x, y: f(x, np.array([[1, 0, 1]]), 0)],
    "numpy.compress": [lambda f, x, y: f(MASK, x, axis=0)],
    "numpy.extract": [lambda f, x, y: f(x > 0.0, x)],
    "numpy.choose": [lambda f, x, y: f([1, 0, 1], [x, y])],
    "numpy.select": [lambda f, x, y: f([x > 1.0, x > 0.0], [x, y], 0.5), lambda f, x, y: f([MASK], [x])],
    "numpy.delete": [lambda f, x, y: f(x, 1), lambda f, x, y: f(x, [0, 2], axis=1)],
    "numpy.insert": [
        lambda f, x, y: f(x, 1, 5.0),
        lambda f, x, y: f(x, [0, 2], y[:2], axis=0),
        lambda f, x, y: f(PLAINLY, 2, x),
    ],
    "numpy.append": [lambda f, x, y: f(x, [1.0, 2.0]), lambda f, x, y: f(x, y, axis=0)],
    "numpy.pad": [
        lambda f, x, y: f(x, 1),
        lambda f, x, y: f(x, (1, 2), constant_values=3.5),
        lambda f, x, y: f(x, ((1, 0), (0, 2)), "edge"),
        lambda f, x, y: f(x, 2, mode="reflect"),
        lambda f, x, y: f(x, 2, mode="reflect", reflect_type="odd"),
        lambda f, x, y: f(x, 2, mode="wrap"),
        lambda f, x, y: f(x, 1, mode="symmetric"),
        lambda f, x, y: f(x, 1, mode="mean"),
        lambda f, x, y: f(x, 1, "linear_ramp", end_values=2.0),
    ],
    "numpy.split": [lambda f, x, y: f(x, 3), lambda f, x, y: f(x, [1], axis=-1)],
    "numpy.hsplit": [lambda f, x, y: f(x, 3)],
    "numpy.vsplit": [lambda f, x, y: f(x, [1, 2])],
    "numpy.dsplit": [lambda f, x, y: f(x, 2)],
    "numpy.block": [lambda f, x, y: f([[x, y], [y, x]]), lambda f, x, y: f([x, 0.0])],
    "numpy.meshgrid": [lambda f, x, y: f(x, y), lambda f, x, y: f(x, PLAINLY, indexing="ij")],
    "numpy.diag": [lambda f, x, y: f(x, 1), lambda f, x, y: f(x, k=-1)],
    "numpy.diagonal": [lambda f, x, y: f(x, 1), lambda f, x, y: f(x, 0, 1, 2)],
    "numpy.tril": [lambda f, x, y: f(x, -1)],
    "numpy.resize": [lambda f, x, y: f(x, (5, 2))],
    "numpy.var": [lambda f, x, y: f(x, 0, ddof=1), lambda f, x, y: f(x, correction=1), lambda f, x, y: f(x, mean=0.2)],
    "numpy.std": [lambda f, x, y: f(x, -1, ddof=1, keepdims=True), lambda f, x, y: f(x, where=MASK, axis=-1)],
    "numpy.mean": [lambda f, x, y: f(x, (0, 1)), lambda f, x, y: f(x, -1, where=MASK)],
    "numpy.average": [
        lambda f, x, y: f(x, weights=y),
        lambda f, x, y: f(x, axis=1, weights=PLAINLY, returned=True),
        lambda f, x, y: f(x, -1, weights=y, keepdims=True),
    ],
    "numpy.quantile": [lambda f, x, y: f(x, 0.3), lambda f, x, y: f(x, [[0.1, 0.9]], axis=0, keepdims=True)],
    "numpy.percentile": [
        lambda f, x, y: f(x, 85),
        lambda f, x, y: f(x, 25, -1),
        lambda f, x, y: f(x, 5, method="lower"),
    ],
    "numpy.sort": [lambda f, x, y: f(x, 0), lambda f, x, y: f(x, None), lambda f, x, y: f(x, stable=True)],
    "numpy.diff": [
        lambda f, x, y: f(x, 2),
        lambda f, x, y: f(x, axis=0, prepend=0.5),
        lambda f, x, y: f(x, append=y),
    ],
    "numpy.trapezoid": [
        lambda f, x, y: f(x, y),
        lambda f, x, y: f(x, dx=0.5, axis=0),
        lambda f, x, y: f(PLAINLY, x),
        lambda f, x, y: f(x, PLAINLY, axis=0),
    ],
    "numpy.nan_to_num": [
        lambda f, x, y: f(x + np.array([0.0, np.inf, np.nan]), posinf=9.0),
        lambda f, x, y: f(x + np.array([0.0, -np.inf, np.nan]), nan=1.5, neginf=-7.0),
    ],
    "numpy.full_like": [lambda f, x, y: f(x, 2.0), lambda f, x, y: f(x, y[0]), lambda f, x, y: f(PLAINLY, x[0])],
    "numpy.astype": [lambda f, x, y: f(x, np.float64)],
    "numpy.round": [lambda f, x, y: f(x, 1)],
    "numpy.cross": [lambda f, x, y: f(x, y, axis=0)],
    "numpy.polyval": [lambda f, x, y: f(x, y)],
    "numpy.interp": [lambda f, x, y: f(x, [0.0, 1.0], [1.0, 3.0]), lambda f, x, y: f(0.3, [0.0, 1.0, 2.0], x)],
    "numpy.apply_along_axis": [lambda f, x, y: f(np.sum, 0, x)],
    "numpy.apply_over_axes": [lambda f, x, y: f(np.sum, x, [0])],
    "numpy.piecewise": [lambda f, x, y: f(x, [x > 0.0], [1.0, 2.0])],
    "numpy.histogram": [lambda f, x, y: f(x, 3), lambda f, x, y: f(PLAINLY, weights=x)],
    "numpy.bincount": [lambda f, x, y: f([0, 1, 1], weights=x)],
    "numpy.linspace": [lambda f, x, y: f(x, y, 3)],
    "numpy.copyto": [lambda f, x, y: f(np.empty(x.shape), x)],
    "numpy.put": [lambda f, x, y: f(np.empty(4), [0], x)],
    "numpy.place": [lambda f, x, y: f(np.empty(3), MASK, x)],
    "numpy.putmask": [lambda f, x, y: f(np.empty(3), MASK, x)],
    "numpy.fill_diagonal": [lambda f, x, y: f(np.zeros((3, 3)), x)],
    "numpy.put_along_axis": [lambda f, x, y: f(np.zeros(3), np.array([1]), x[:1], 0)],
    "numpy.save": [lambda f, x, y: f(io.BytesIO(), x)],
    "numpy.savez": [lambda f, x, y: f(io.BytesIO(), x)],
    "numpy.savez_compressed": [lambda f, x, y: f(io.BytesIO(), x)],
    "numpy.savetxt": [lambda f, x, y: f(io.StringIO(), x)],
    "numpy.linalg.solve": [lambda f, x, y: f(x, PLAINLY), lambda f, x, y: f(x, y[:, :2])],
    "numpy.linalg.cholesky": [lambda f, x, y: f(x, upper=True), lambda f, x, y: f([x, 2.0 * x][0])],
    "numpy.linalg.norm": [
        *[lambda f, x, y, p=p: f(x, p) for p in (1, -1, 2, -2, 3, 0, 2.5, np.inf, -np.inf, "fro", "nuc")],
        *[lambda f, x, y, p=p: f(x, p, axis=(1, 0)) for p in (1, -1, np.inf, -np.inf, None)],
        lambda f, x, y: f(x, 1, axis=0),
        lambda f, x, y: f(x, "fro", (-1, 0), True),
        lambda f, x, y: f(x, np.inf, (0, 2), keepdims=True),
    ],
    "numpy.linalg.vector_norm": [lambda f, x, y: f(x, ord=3, axis=(0, 1))],
    "numpy.linalg.matrix_power": [lambda f, x, y, n=n: f(x, n) for n in (-2, 0, 1, 5)],
    "numpy.linalg.multi_dot": [lambda f, x, y: f([x, y, x])],
    "numpy.linalg.tensordot": [lambda f, x, y: f(x, y, axes=1)],
    "numpy.fft.fftshift": [lambda f, x, y: f(x, axes=1)],
}


for _name in dir(np):
    if _name.startswith("nan") and _name != "nan":
        ESPECIALLY.setdefault(f"numpy.{_name}", []).extend(
            [
                lambda f, x, y: f(x + HOLES),
                lambda f, x, y: f(x + HOLES, axis=-1),
                lambda f, x, y: f(x + HOLES, axis=0),
                lambda f, x, y: f(x, axis=0, where=MASK),
                lambda f, x, y: f(x + HOLES, axis=-1, keepdims=True, ddof=1),
            ]
        )


def public_functions() -> Iterator[tuple[str, Any]]:
    """Every ufunc, and every function that takes part in ``__array_function__``."""
    seen: set[Any] = set()
    for module in (np, np.linalg, np.fft):
        for name in dir(module):
            function = getattr(module, name)
            dispatched = isinstance(function, np.ufunc) or type(function) is type(np.sum)
            if dispatched and not name.startswith("_") and name != "empty_like" and function not in seen:
                seen.add(function)
                yield f"{module.__name__}.{name}", function


UFUNC_CALLS: list[Call] = [
    *[lambda f, x, y: f(x, x)],
    lambda f, x, y: f.reduce(x),
    lambda f, x, y: f.reduce(x, axis=-1, keepdims=True),
    lambda f, x, y: f.reduce(x, axis=None),
    lambda f, x, y: f.accumulate(x),
    lambda f, x, y: f.accumulate(x, axis=-1),
    lambda f, x, y: f.outer(x, y),
    lambda f, x, y: f.outer(PLAINLY, x),
    lambda f, x, y: f.reduceat(x, [0, 1]),
    lambda f, x, y: f.at(np.ones(x.shape), 0, x),
]
PUBLIC = dict(public_functions())


def calls_of(name: str, function: Any) -> list[Call]:
    alias = next((key for key in ESPECIALLY if PUBLIC.get(key) is function), name)
    return USUAL + (UFUNC_CALLS if isinstance(function, np.ufunc) else []) + ESPECIALLY.get(alias, [])


# ----- what came of it -----


def outcome(call: Call, function: Any, x: Array, y: Array) -> str:
    """No call, refused, plain or recorded; WRONG if a number or a gradient is."""

    def numbers(*xs: Array) -> list[Any]:
        with np.errstate(all="ignore"):
            return list(leaves([call(function, *[a.copy() for a in xs])]))

    try:
        expected = numbers(x, y)
    except Exception:
        return "no call"
    tensors = [Tensor(x), Tensor(y)]
    try:
        found = list(leaves([call(function, *tensors)]))
    except TypeError as refusal:
        return "refused" if REMEDY.search(str(refusal)) else f"WRONG: an error without a remedy, {refusal!r}"
    except Exception as failure:
        return f"WRONG: {failure!r}"
    if len(found) != len(expected):
        return f"WRONG: {len(found)} results, NumPy has {len(expected)}"
    verdicts = [
        verdict(ours, theirs, lambda *xs, i=i: numbers(*xs)[i], tensors)  # type: ignore[misc]
        for i, (ours, theirs) in enumerate(zip(found, expected, strict=True))
    ]
    return max(verdicts, key=lambda text: (text.startswith("WRONG"), text == "recorded"))


def verdict(ours: Any, theirs: Any, result: Callable[..., Any], tensors: list[Tensor]) -> str:
    """Of one result. A plain one is right where nothing changes when the operands do."""
    number = ours.data if isinstance(ours, Tensor) else ours
    if np.asarray(theirs).dtype.kind != "f":
        return "plain" if np.array_equal(number, theirs) else f"WRONG: {ours!r}, NumPy has {theirs!r}"
    if np.shape(number) != np.shape(theirs) or not np.allclose(number, theirs, 1e-10, 1e-12, equal_nan=True):
        return f"WRONG: {ours!r}, NumPy has {theirs!r}"
    if not np.isfinite(theirs).all():
        return "outside the domain"
    upstream = np.random.default_rng(5).uniform(0.5, 1.5, np.shape(theirs))
    slopes = differences(lambda *xs: float(np.sum(result(*xs) * upstream)), [t.data for t in tensors])
    if not isinstance(ours, Tensor):
        return f"WRONG: a plain array with slopes {slopes}" if any(map(np.any, slopes)) else "plain"
    for t in tensors:
        t.grad = None
    if ours.requires_grad:
        ours.backward(upstream)
    gradients = [np.zeros(t.shape) if t.grad is None else t.grad for t in tensors]
    right = all(error(g, slope) < 1e-6 for g, slope in zip(gradients, slopes, strict=True))
    return "recorded" if right else f"WRONG: gradients {gradients}, slopes {slopes}"


def differences(f: Callable[..., float], arrays: list[Array], step: float = 1e-5) -> list[Array]:
    """As `helpers.array_slopes`, with a step so small that it crosses no jump of a floor or a remainder."""
    found = [np.empty(a.shape) for a in arrays]
    for a, slopes in zip(arrays, found, strict=True):
        for index in np.ndindex(a.shape):
            start = a[index]
            a[index] = start + step
            above = f(*arrays)
            a[index] = start - step
            slopes[index] = (above - f(*arrays)) / (2.0 * step)
            a[index] = start
    return found


@cache
def outcomes(name: str) -> dict[str, str]:
    function = PUBLIC[name]
    return {
        f"{name}, call {i} with {kind}": outcome(call, function, x, y)
        for kind, (x, y) in OPERANDS.items()
        for i, call in enumerate(calls_of(name, function))
    }


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", PUBLIC)
def test_a_function_of_numpy_is_right_or_refused(name: str) -> None:
    wrong = {call: text for call, text in outcomes(name).items() if text.startswith("WRONG")}
    assert not wrong


IN_TABLES = {name for name, f in PUBLIC.items() if f in RULES or f in HANDED or (f.__name__, "__call__") in UFUNCS}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", sorted(IN_TABLES))
def test_a_function_of_the_tables_was_tried_and_answered(name: str) -> None:
    assert {"recorded", "plain"} & set(outcomes(name).values())


# ----- leaving the graph -----


def array() -> Array:
    return np.zeros(3)


LEAVING: dict[str, Callable[[Tensor], Any]] = {
    "asarray": np.asarray,
    "array": np.array,
    "array of several": lambda t: np.array([t, t]),
    "array of numbers": lambda t: np.array([t[0], t[1]]),
    "object array": lambda t: np.array(t, dtype=object),
    "into a slice": lambda t: array().__setitem__(slice(None), t),
    "into a mask": lambda t: array().__setitem__(MASK, t[:2]),
    "in place": lambda t: array().__iadd__(t),
    "matrix product in place": lambda t: np.eye(3).__imatmul__(np.outer(t, t)),
    "out": lambda t: np.add(t, 1.0, out=array()),
    "out of a function": lambda t: np.mean(t, axis=0, out=np.empty(())),
    "out into a Tensor": lambda t: np.add(1.0, 2.0, out=t),
    "mask of a ufunc": lambda t: np.exp(t, where=MASK),
    "at": lambda t: np.add.at(array(), [0], t[:1]),
    "reduceat": lambda t: np.add.reduceat(t, [0, 1]),
    "plus a list": lambda t: np.add(np.ones(3), [t[0], t[1], t[2]]),
    "mean of a list": lambda t: np.mean([t, t]),
    "method of an array": lambda t: np.ones(3).dot(t),
    "full": lambda t: np.full(3, t[0]),
    "fft": np.fft.fft,
    "singular values": lambda t: np.linalg.svd(t.reshape(1, 3)),
    "dtype": lambda t: np.sum(t, dtype=np.float32),
    "index": lambda t: np.take(np.arange(9.0), t),
    "vectorize": lambda t: np.vectorize(lambda x: 2.0 * x)(t),
    "ufunc of one's own": lambda t: np.frompyfunc(lambda x: 2.0 * x, 1, 1)(t),
    "random": lambda t: np.random.default_rng(0).normal(t),
    "saved": lambda t: np.save(io.BytesIO(), t),
    "masked": lambda t: np.ma.array([1.0, 2.0, 3.0]) * t,
}
"""Each would give numbers without a gradient."""


@pytest.mark.parametrize("leave", LEAVING.values(), ids=LEAVING)
def test_a_tensor_leaves_the_graph_only_by_a_word_that_says_so(leave: Callable[[Tensor], Any]) -> None:
    for wanting in (Tensor([2.0, 1.0, 0.0]), Tensor([2.0, 1.0, 0.0]) * 1.0):
        with pytest.raises(TypeError, match=r"write x\.detach\(\) or x\.data to mean the plain numbers"):
            leave(wanting)
        assert wanting.data.tolist() == [2.0, 1.0, 0.0]


@pytest.mark.parametrize("name", sorted(LEAVING.keys() - {"out into a Tensor", "index", "mask of a ufunc"}))
def test_what_wants_no_gradient_leaves_freely(name: str) -> None:
    expected = LEAVING[name](np.array([2.0, 1.0, 0.0]))  # type: ignore[arg-type]
    found = LEAVING[name](Tensor([2.0, 1.0, 0.0]).detach())
    with no_grad():
        others = LEAVING[name](Tensor([2.0, 1.0, 0.0]))
    for numbers in (found, others):
        for ours, theirs in zip(leaves(numbers), leaves(expected), strict=True):
            assert np.array_equal(plain(ours), theirs)


def test_the_errors_say_what_came_and_what_to_write() -> None:
    t = Tensor([2.0, 1.0, 0.0])
    for message, call in {
        r"np\.fft\.fft of a Tensor that wants a gradient would cut it off": lambda: np.fft.fft(t),
        r"np\.var of a Tensor that wants a gradient takes \(a, axis, .*\) and no mean": lambda: np.var(t, mean=0.0),
        r"np\.add .* cannot write into an array .*use `B = B \+ x`": lambda: array().__iadd__(t),
        r"np\.cumsum .* cannot write into an array": lambda: np.cumsum(np.ones(3), out=t.detach()),
        r"conversion to an array .*join Tensors with autograd\.stack\(\[a, b\]\)": lambda: np.array([t, t]),
        r"np\.pad of a Tensor has the modes constant, edge": lambda: np.pad(t, 1, mode="mean"),
        r"np\.quantile of a Tensor has method 'linear'": lambda: np.quantile(t, 0.5, method="lower"),
        r"np\.vstack of a Tensor keeps its dtype": lambda: np.vstack([t], dtype=float),
        r"made of singular values, of which no derivative": lambda: np.linalg.norm(t.reshape(1, 3), 2),
    }.items():
        with pytest.raises(TypeError, match=message):
            call()
    for message, call in {
        r"quantiles are from 0 to 1": lambda: np.quantile(t, 1.5),
        r"average: weights of shape \(2,\) fit neither \(3,\)": lambda: np.average(t, weights=[1.0, 2.0]),
        r"extreme with where= needs initial=": lambda: np.max(t, where=MASK),
        r"goes along one of them; give axis": lambda: np.cumulative_sum(t.reshape(1, 3)),
        r"einsum of 'i,i' takes 2 operands, got 1": lambda: np.einsum("i,i", t),
        r"'ij' does not name the 1 axes": lambda: np.einsum("ij", t),
        r"needs the \.\.\. of the operands": lambda: np.einsum("...->", t),
        r"axes \(0,\) and \(0,\) must have equal lengths": lambda: np.tensordot(t, np.ones(2), ([0], [0])),
        r"cross takes vectors of 3 along the axis": lambda: np.linalg.cross(t[:2], t[:2]),
        r"norm is along one axis or two": lambda: np.linalg.norm(t.reshape(1, 1, 3), 2, axis=(0, 1, 2)),
        r"the norm of a vector has ord None, inf, -inf or a number": lambda: np.linalg.norm(t, "fro"),
    }.items():
        with pytest.raises(ValueError, match=message):
            call()


def test_functions_that_leave_nan_out_take_an_axis_by_name() -> None:
    t = Tensor([[1.0, np.nan], [2.0, 3.0]])
    total = np.nansum(t, axis=0)
    total.sum().backward()
    assert total.data.tolist() == [3.0, 3.0]
    assert t.grad.tolist() == [[1.0, 0.0], [1.0, 1.0]]
    assert np.nanmean(t, axis=1, keepdims=True).data.tolist() == [[1.0], [2.5]]


def test_arrays_are_concatenated_along_the_first_axis() -> None:
    t = Tensor([[1.0], [2.0]])
    assert np.concatenate([t, np.array([[3.0]])]).data.tolist() == [[1.0], [2.0], [3.0]]


def test_the_upper_triangles_of_several_matrices() -> None:
    t = Tensor([[[4.0, 2.0], [2.0, 5.0]], [[1.0, 3.0], [3.0, 25.0]]])
    assert np.linalg.cholesky(t, upper=True).data.tolist() == [[[2.0, 1.0], [0.0, 2.0]], [[1.0, 3.0], [0.0, 4.0]]]


def test_singular_matrices() -> None:
    for f in (np.linalg.inv, lambda x: np.linalg.slogdet(x)[1].backward()):
        with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
            f(Tensor(np.ones((2, 2))))
    singular = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.5, -1.0, 1.5]])
    assert gradcheck(np.linalg.det, singular, order=2, show=False)
    assert gradcheck(np.linalg.det, well_apart(-1.0, 1.0, (9, 9)), show=False)  # by the inverse


@pytest.mark.parametrize("name", ["cholesky", "log_det"])
def test_no_complex_step_goes_through_what_has_no_complex_derivative(name: str) -> None:
    with pytest.raises(TypeError, match="the operation is not analytic"):
        ARRAY_OPS[name].forward(np.eye(2) + 1e-20j)


def test_a_row_that_only_numpy_has_wants_numbers() -> None:
    with pytest.raises(TypeError, match="log2 is computed by NumPy alone, of numbers and arrays; got str"):
        ROWS["log2"].forward(SCALARS, "x")


def test_operators_between_arrays_and_tensors() -> None:
    t, a = Tensor([1.0, 2.0, 4.0]), np.array([3.0, 2.0, 1.0])
    for result, expected in [
        (a + t, [4.0, 4.0, 5.0]),
        (a - t, [2.0, 0.0, -3.0]),
        (a * t, [3.0, 4.0, 4.0]),
        (a / t, [3.0, 1.0, 0.25]),
        (a**t, [3.0, 4.0, 1.0]),
        (a % t, [0.0, 0.0, 1.0]),
        (a // t, [3.0, 1.0, 0.0]),
        (a @ t, 11.0),
        (np.float64(2.0) * t, [2.0, 4.0, 8.0]),
        (np.float32(2.0) - t, [1.0, 0.0, -2.0]),
        (np.arange(3) * t, [0.0, 2.0, 8.0]),
    ]:
        assert isinstance(result, Tensor)
        assert result.requires_grad
        assert result.tolist() == expected
    for result in (a == t, a < t, a != t, np.float64(2.0) >= t):
        assert type(result) is np.ndarray
        assert result.dtype == bool
    with pytest.raises(TypeError):
        a + Value(1.0) * t


def test_a_foreign_kind_of_array_answers_for_itself() -> None:
    class Foreign:
        def __array_function__(self, *asked: Any) -> str:
            return "its own"

    assert np.concatenate([Tensor([1.0]), Foreign()]) == "its own"  # type: ignore[list-item]


# ----- NumPy code as it is written -----


def softmax_regression(W: Any, X: Any) -> Any:
    scores = np.dot(X, W)
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    odds = np.exp(shifted)
    probabilities = odds / np.sum(odds, axis=1, keepdims=True)
    return -np.mean(np.log(probabilities[np.arange(4), [0, 1, 1, 0]]))


def two_layers(W1: Any, b1: Any, W2: Any) -> Any:
    X = np.linspace(-1.0, 1.0, 8).reshape(4, 2)
    hidden = np.maximum(np.dot(X, W1) + b1, 0.0)
    return np.mean(np.square(hidden @ W2 - 1.0)) + 0.1 * np.sum(W1**2)


def batch_norm(x: Any, gamma: Any, beta: Any) -> Any:
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    return np.sum(np.tanh(gamma * (x - mean) / np.sqrt(var + 1e-3) + beta))


def gaussian_process(X: Any, y: Any, scale: Any) -> Any:
    squares = np.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=-1)
    K = np.exp(-0.5 * squares / (1.0 + scale**2)) + 0.1 * np.eye(len(X))
    L = np.linalg.cholesky(K)
    alpha = np.linalg.solve(L.T, np.linalg.solve(L, y))
    sign, log_det = np.linalg.slogdet(K)
    return 0.5 * np.dot(y, alpha) + np.sum(np.log(np.diag(L))) + 0.5 * sign * log_det


def attention(q: Any, k: Any, v: Any) -> Any:
    scores = np.einsum("bhqd,bhkd->bhqk", q, k) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    y = np.einsum("bhqk,bhkd->bhqd", weights, v)
    return np.sum(np.concatenate(np.split(np.swapaxes(y, 1, 2), 2, axis=-1), axis=0) ** 2)


def huber(w: Any, x: Any) -> Any:
    error = np.dot(x, w) - 1.0
    losses = np.where(np.abs(error) < 0.7, 0.5 * error**2, 0.7 * (np.abs(error) - 0.35))
    return np.mean(losses) + np.sum(np.clip(w, -0.5, 0.5))


def reconstruction(X: Any, V: Any) -> Any:
    centred = X - np.mean(X, axis=0)
    covariance = np.matmul(centred.T, centred) / (len(X) - 1)
    return np.linalg.norm(centred - centred @ V @ V.T) ** 2 + np.trace(np.linalg.inv(covariance + np.eye(2)))


def recurrent(x: Any, W: Any) -> Any:
    state, states = np.zeros(2), []
    for row in x:
        state = np.tanh(row + state @ W)
        states.append(state)
    return np.sum(np.cumsum(np.stack(states), axis=0) * np.sort(x, axis=0))


PROGRAMS: dict[Callable[..., Any], list[tuple[int, ...]]] = {
    softmax_regression: [(3, 2), (4, 3)],
    two_layers: [(2, 3), (3,), (3,)],
    batch_norm: [(4, 2), (2,), (2,)],
    gaussian_process: [(4, 2), (4,), (1,)],
    attention: [(1, 2, 3, 2), (1, 2, 3, 2), (1, 2, 3, 2)],
    huber: [(3,), (4, 3)],
    reconstruction: [(5, 2), (2, 1)],
    recurrent: [(3, 2), (2, 2)],
}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_numpy_code_runs_as_it_is_written(program: Callable[..., Any]) -> None:
    arrays = [well_apart(-1.3, 1.7, shape) for shape in PROGRAMS[program]]
    expected = differences(lambda *xs: float(program(*xs)), [a.copy() for a in arrays])
    tensors = [Tensor(a) for a in arrays]
    loss = program(*tensors)
    loss.backward()
    assert error(loss.data, program(*arrays)) < 1e-12
    gradient = grad(program, argnums=tuple(range(len(arrays))))
    along = tuple(np.random.default_rng(2).standard_normal(a.shape) for a in arrays)
    above, below = ([a + step * d for a, d in zip(arrays, along, strict=True)] for step in (1e-5, -1e-5))
    curved = [(a - b) / 2e-5 for a, b in zip(gradient(*above), gradient(*below), strict=True)]
    for tensor, slopes, g in zip(tensors, expected, gradient(*arrays), strict=True):
        assert error(tensor.grad, slopes) < 1e-6
        assert error(tensor.grad, g) < 1e-12
    for h, curvature in zip(hvp(program, tuple(arrays), along), curved, strict=True):
        assert error(h, curvature) < 1e-5
    slope = sum(np.sum(g * d) for g, d in zip(gradient(*arrays), along, strict=True))
    assert error(jvp(program, tuple(arrays), along)[1], slope) < 1e-10


def test_cholesky_reads_one_triangle_and_pytorch_both() -> None:
    """On a symmetric matrix the gradients are those of PyTorch, folded into the lower triangle."""
    torch = pytorch()
    A = np.array([[2.0, 0.3], [0.3, 1.0]])
    ours, theirs = Tensor(A), torch.tensor(A, requires_grad=True)
    (np.linalg.cholesky(ours) ** 3).sum().backward()
    (torch.linalg.cholesky(theirs) ** 3).sum().backward()
    g = theirs.grad.numpy()
    assert error(ours.grad, np.tril(g + g.T) - np.diag(np.diag(g))) < 1e-12


@pytest.mark.parametrize("function", [np.sum, np.mean, np.max, np.std, np.median, np.cumsum, np.sort, np.clip])
def test_a_default_that_is_written_out_changes_nothing(function: Any) -> None:
    x, limits = Tensor([3.0, 1.0, 2.0]), (1.5, 2.5) if function is np.clip else ()
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not parameter.empty and name not in ("a_min", "a_max", "min", "max")
    }
    assert defaults
    found, expected = (function(x, *limits, **named) for named in (defaults, {}))
    assert isinstance(found, Tensor) and found.requires_grad
    np.testing.assert_array_equal(found.data, expected.data)


def test_a_running_sum_or_product_passes_over_nan() -> None:
    for function in (np.nancumsum, np.nancumprod):
        numbers = np.array([math.nan, 2.0, math.nan, 3.0])
        np.testing.assert_array_equal(function(Tensor(numbers)).data, function(numbers))


def test_what_is_padded_with_other_numbers_than_0() -> None:
    x = Tensor([1.0, 2.0])
    y = np.pad(x, (1, 2), constant_values=5.0)
    assert y.tolist() == [5.0, 1.0, 2.0, 5.0, 5.0]
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
