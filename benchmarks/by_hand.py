"""micrograd's demo step with derivatives worked out by hand, or left to another library: the peers of compiled code.

MLP 2-16-16-1 on 100 points of two moons, hinge loss and L2 penalty, gradient descent, in float64, as `benchmarks.moons`
has it. All engines start from the same weights; a step returns the loss that it found before it moved them, as a number
or as what `float` makes one of: JAX goes on while nobody looks at its results.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from nn.data import moons
from nn.init import he_normal

Array = NDArray[Any]
Step = Callable[[], Any]

SIZES = ((2, 16), (16, 16), (16, 1))
LEARNING_RATE, L2 = 0.1, 1e-4


def points(n: int = 100) -> tuple[Array, Array]:
    """The points (n, 2) and their sides, −1 or +1."""
    X, labels = moons(max(2, n), noise=0.1, seed=1337)
    return X[:n], 2.0 * labels[:n] - 1.0


def start() -> list[Array]:
    """The first weights, a matrix (neurons, inputs + 1) for each layer; the last column are the biases."""
    return [np.column_stack([he_normal(nin, nout, seed=0), np.zeros(nout)]) for nin, nout in SIZES]


def numpy(n: int = 100) -> Step:
    """As a good NumPy programmer writes it: rows are points, the derivatives are on paper, no array is made anew."""
    X, y = points(n)
    p = np.concatenate([part.ravel() for W in start() for part in (W[:, :-1].T, W[:, -1])])
    g, square = np.empty_like(p), np.empty_like(p)
    W1, b1, W2, b2, w3, b3 = _vectors(p)
    dW1, db1, dW2, db2, dw3, db3 = _vectors(g)
    h1, h2, d1, d2 = (np.empty((n, 16)) for _ in range(4))
    s, ds, on, wrong = np.empty(n), np.empty(n), np.empty((n, 16), bool), np.empty(n, bool)
    slope = -y / n

    def step() -> float:
        np.matmul(X, W1, out=h1)
        np.add(h1, b1, out=h1)
        np.maximum(h1, 0.0, out=h1)
        np.matmul(h1, W2, out=h2)
        np.add(h2, b2, out=h2)
        np.maximum(h2, 0.0, out=h2)
        np.matmul(h2, w3, out=s)
        np.add(s, b3, out=s)
        np.multiply(s, y, out=s)
        np.subtract(1.0, s, out=s)
        np.maximum(s, 0.0, out=s)
        np.multiply(p, p, out=square)
        loss = np.add.reduce(s) / n + L2 * np.add.reduce(square)

        np.greater(s, 0.0, out=wrong)
        np.multiply(slope, wrong, out=ds)
        np.matmul(h2.T, ds, out=dw3)
        np.add.reduce(ds, keepdims=True, out=db3)
        np.multiply(ds[:, None], w3, out=d2)
        np.greater(h2, 0.0, out=on)
        np.multiply(d2, on, out=d2)
        np.matmul(h1.T, d2, out=dW2)
        np.add.reduce(d2, axis=0, out=db2)
        np.matmul(d2, W2.T, out=d1)
        np.greater(h1, 0.0, out=on)
        np.multiply(d1, on, out=d1)
        np.matmul(X.T, d1, out=dW1)
        np.add.reduce(d1, axis=0, out=db1)

        np.multiply(p, 2.0 * L2, out=square)
        np.add(g, square, out=g)
        np.multiply(g, LEARNING_RATE, out=g)
        np.subtract(p, g, out=p)
        return float(loss)

    return step


def numpy_tuned() -> Step:
    """As one writes it who counts every microsecond.

    A column is a point, so that a row of ones makes the biases part of the products; all numbers lie in buffers made
    once; all parameters are one flat array, so that one line moves them.
    """
    X, y = points()
    n = len(y)
    p = np.concatenate([matrix.ravel() for matrix in start()])
    g, square = np.empty_like(p), np.empty_like(p)
    W1, W2, W3 = _matrices(p)
    dW1, dW2, dW3 = _matrices(g)
    A0, A1, A2 = np.vstack([X.T, np.ones(n)]), np.ones((17, n)), np.ones((17, n))
    a1, a2 = A1[:16], A2[:16]
    A0T, A1T, A2T, W2T, W3T = A0.T.copy(), A1.T, A2.T, W2[:, :16].T, W3[:, :16].T
    d1, d2, on = np.empty((16, n)), np.empty((16, n)), np.empty((16, n), bool)
    s, ds, wrong = np.empty((1, n)), np.empty((1, n)), np.empty((1, n), bool)
    slope = -y[None] / n

    def step() -> float:
        np.matmul(W1, A0, out=a1)
        np.maximum(a1, 0.0, out=a1)
        np.matmul(W2, A1, out=a2)
        np.maximum(a2, 0.0, out=a2)
        np.matmul(W3, A2, out=s)
        np.multiply(s, y, out=s)
        np.subtract(1.0, s, out=s)
        np.maximum(s, 0.0, out=s)
        np.multiply(p, p, out=square)
        loss = np.add.reduce(s, axis=None) / n + L2 * np.add.reduce(square)

        np.greater(s, 0.0, out=wrong)
        np.multiply(slope, wrong, out=ds)
        np.matmul(ds, A2T, out=dW3)
        np.multiply(W3T, ds, out=d2)
        np.greater(a2, 0.0, out=on)
        np.multiply(d2, on, out=d2)
        np.matmul(d2, A1T, out=dW2)
        np.matmul(W2T, d2, out=d1)
        np.greater(a1, 0.0, out=on)
        np.multiply(d1, on, out=d1)
        np.matmul(d1, A0T, out=dW1)

        np.multiply(g, LEARNING_RATE, out=g)
        np.multiply(p, 1.0 - 2.0 * L2 * LEARNING_RATE, out=p)
        np.subtract(p, g, out=p)
        return float(loss)

    return step


def _matrices(flat: Array) -> list[Array]:
    ends = np.cumsum([nout * (nin + 1) for nin, nout in SIZES])
    parts = np.split(flat, ends[:-1])
    return [part.reshape(nout, nin + 1) for part, (nin, nout) in zip(parts, SIZES, strict=True)]


def _vectors(flat: Array) -> list[Array]:
    """Views of W1, b1, W2, b2, w3, b3; matrices are (inputs, neurons)."""
    parts = np.split(flat, np.cumsum([32, 16, 256, 16, 16]))
    return [parts[0].reshape(2, 16), parts[1], parts[2].reshape(16, 16), *parts[3:]]


def jax_on_the_processor() -> Any:
    """The module, which keeps float64 as it is."""
    jax: Any = import_module("jax")
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    return jax


def jax() -> Step:
    """`jit` of the loss, its derivative and the update, as one function."""
    jax = jax_on_the_processor()
    jnp = jax.numpy
    X, y = map(jnp.asarray, points())
    parameters = [jnp.asarray(matrix) for matrix in start()]

    def loss(parameters: Any) -> Any:
        x = X
        for i, W in enumerate(parameters):
            x = x @ W[:, :-1].T + W[:, -1]
            x = jnp.maximum(x, 0.0) if i < len(parameters) - 1 else x
        return jnp.maximum(1.0 - y * x[:, 0], 0.0).mean() + L2 * sum((W * W).sum() for W in parameters)

    @partial(jax.jit, donate_argnums=0)
    def moved(parameters: Any) -> Any:
        total, gradients = jax.value_and_grad(loss)(parameters)
        return total, [W - LEARNING_RATE * g for W, g in zip(parameters, gradients, strict=True)]

    def step() -> Any:
        nonlocal parameters
        total, parameters = moved(parameters)
        return total

    return step


def pytorch() -> Step:
    """PyTorch as it is by default, eager, on one thread."""
    torch: Any = import_module("torch")
    X, y = map(torch.from_numpy, points())
    layers = [(torch.tensor(W[:, :-1]), torch.tensor(W[:, -1])) for W in start()]
    parameters = [p.requires_grad_() for layer in layers for p in layer]
    optimizer = torch.optim.SGD(parameters, lr=LEARNING_RATE)

    def step() -> Any:
        x = X
        for i, (W, b) in enumerate(layers):
            x = torch.nn.functional.linear(x, W, b)
            x = x.relu() if i < len(layers) - 1 else x
        losses = (1.0 - y * x[:, 0]).relu()
        total = losses.mean() + L2 * sum(p.square().sum() for p in parameters)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        return total.item()

    def one_thread() -> Any:
        if torch.get_num_threads() != 1:
            torch.set_num_threads(1)
        return step()

    return one_thread


ENGINES: dict[str, tuple[str, Callable[[], Step]]] = {
    "NumPy by hand": ("numpy", numpy),
    "NumPy by hand, tuned": ("numpy", numpy_tuned),
    "JAX jit": ("jax", jax),
    "PyTorch eager": ("torch", pytorch),
}
"""By name: the package that it needs, and what makes its step."""


def engines() -> dict[str, Step]:
    """Those whose packages are installed; they are held to one another before anybody times them."""
    installed = {name: make for name, (package, make) in ENGINES.items() if find_spec(package)}
    check_agreement({name: make() for name, make in installed.items()})
    return {name: make() for name, make in installed.items()}


def check_agreement(steps: Mapping[str, Step], rounds: int = 20, tolerance: float = 1e-9) -> None:
    """Refuse engines whose losses are not the same for 20 steps, by more than ``tolerance`` times the loss."""
    for i in range(rounds):
        losses = {name: float(step()) for name, step in steps.items()}
        first = next(iter(losses.values()))
        if not all(abs(loss - first) <= tolerance * abs(first) for loss in losses.values()):
            raise AssertionError(f"the engines do not compute the same: losses in step {i + 1} are {losses}")


def in_turn(steps: Mapping[str, Step], rounds: int, repeats: int = 1) -> dict[str, list[float]]:
    """Seconds of a step, the mean of ``repeats`` of them, ``rounds`` times each, taking turns; one BLAS thread."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    with threadpool_limits(limits=1, user_api="blas"):
        for _ in range(rounds):
            for name, step in steps.items():
                step()  # warm again, after the others
                begin = time.perf_counter()
                for _ in range(repeats):
                    last = step()
                float(last)
                seconds[name].append((time.perf_counter() - begin) / repeats)
    return seconds
