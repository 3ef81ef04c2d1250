"""Compiled programs against the eager engine: networks written one scalar at a time, and random graphs."""

import functools
import itertools
import random
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from random_graphs import FUNCTIONS, Record, compare, leaves_of, nodes_of, recorded_tally, seeded

import autograd
import nn
from autograd import Value, compile, logsumexp
from autograd.compiler.backends import BACKENDS
from nn.activations import ACTIVATIONS

Loss = Callable[[], Any]
"""A function without arguments that builds a loss from the parameters around it."""

RNG = np.random.default_rng(0)


def values(*shape: int) -> Any:
    """Nested lists of parameters; of no shape, one."""
    return [values(*shape[1:]) for _ in range(shape[0])] if shape else Value(RNG.normal(scale=0.5))


def numbers(*shape: int) -> Any:
    return RNG.normal(size=shape).tolist()


def matvec(W: Any, x: Any, b: Any = None) -> list[Any]:
    return [sum([w * x_i for w, x_i in zip(row, x, strict=True)], b[i] if b else 0.0) for i, row in enumerate(W)]


# ----- networks -----


def rnn() -> Loss:
    Wx, Wh, b, Wo, X = values(8, 3), values(8, 8), values(8), values(1, 8), numbers(10, 3)

    def loss() -> Any:
        h: Any = [0.0] * 8
        for x in X:
            h = [(p + q).tanh() for p, q in zip(matvec(Wx, x, b), matvec(Wh, h), strict=True)]
        return matvec(Wo, h)[0] ** 2

    return loss


def lstm() -> Loss:
    W, U, B, X = values(4, 6, 4), values(4, 6, 6), values(4, 6), numbers(8, 4)

    def loss() -> Any:
        h, c = [Value(0.0)] * 6, [Value(0.0)] * 6
        for x in X:
            z = [[p + q for p, q in zip(matvec(W[k], x, B[k]), matvec(U[k], h), strict=True)] for k in range(4)]
            i, o, f = ([v.sigmoid() for v in gate] for gate in z[:3])
            g = [v.tanh() for v in z[3]]
            c = [f[k] * c[k] + i[k] * g[k] for k in range(6)]
            h = [o[k] * c[k].tanh() for k in range(6)]
        return sum(x * x for x in h)

    return loss


def convolution() -> Loss:
    images, K, b, K2 = numbers(2, 7, 7), values(3, 3, 3), values(3), values(2, 3, 3, 3)
    window = [(i, j) for i in range(3) for j in range(3)]

    def convolved(image: Any) -> Any:
        maps = [
            [
                [(sum(K[c][i][j] * image[y + i][x + j] for i, j in window) + b[c]).relu() for x in range(5)]
                for y in range(5)
            ]
            for c in range(3)
        ]
        return [
            sum(K2[o][c][i][j] * maps[c][y + i][x + j] for c in range(3) for i, j in window).tanh()
            for o in range(2) for y in range(3) for x in range(3)
        ]  # fmt: skip

    return lambda: sum(v * v for image in images for v in convolved(image)) * 0.1


def attention(T: int, causal: bool) -> Loss:
    heads, size = 2, 4
    d = heads * size
    Wq, Wk, Wv, Wo, X = values(d, d), values(d, d), values(d, d), values(d, d), values(T, d)

    def loss() -> Any:
        q, k, v = ([matvec(W, x) for x in X] for W in (Wq, Wk, Wv))
        total: Any = 0.0
        for t in range(T):
            outs = []
            for part in (slice(0, size), slice(size, d)):
                seen = range(t + 1 if causal else T)
                scores = [sum(a * b for a, b in zip(q[t][part], k[u][part], strict=True)) * size**-0.5 for u in seen]
                top = logsumexp(scores)
                shares = [(s - top).exp() for s in scores]
                outs += [sum(shares[u] * v[u][part][j] for u in seen) for j in range(size)]
            total = total + sum(e * e for e in matvec(Wo, outs))
        return total

    return loss


def pooling() -> Loss:
    w, X, equal = values(4), numbers(6, 3), [Value(x) for x in (0.2, 0.5, 0.5, 0.1, 0.5)]

    def loss() -> Any:
        rows = [[(w[i] * x_i).relu() for i, x_i in enumerate(x)] for x in X]
        largest = [autograd.maximum(autograd.maximum(autograd.maximum(a, b), c), w[3] * 0.1) for a, b, c in rows]
        smallest = [autograd.minimum(w[3], autograd.minimum(a, autograd.minimum(b, c))) for a, b, c in rows]
        ends = functools.reduce(autograd.maximum, equal) - functools.reduce(autograd.minimum, [-x for x in equal])
        return sum(a * a + b for a, b in zip(largest, smallest, strict=True)) + autograd.maximum(w[0], w[1]) + ends

    return loss


def softmax() -> Loss:
    W, X, y = values(5, 4), numbers(7, 4), RNG.integers(0, 5, 7).tolist()

    def loss() -> Any:
        total: Any = 0
        for x, label in zip(X, y, strict=True):
            powers = [z.exp() for z in matvec(W, x)]
            total = total - (powers[label] / sum(powers)).log()
        return total / 7

    return loss


def batch_norm() -> Loss:
    W, gain, shift, Wo, X = values(6, 3), values(6), values(6), values(1, 6), numbers(9, 3)

    def loss() -> Any:
        rows = [matvec(W, x) for x in X]
        for j in range(6):
            mean = sum(r[j] for r in rows) / 9
            scale = (sum((r[j] - mean) ** 2 for r in rows) / 9 + 1e-5) ** 0.5
            for r, x in zip(rows, [r[j] for r in rows], strict=True):
                r[j] = (gain[j] * (x - mean) / scale + shift[j]).tanh()
        return sum(matvec(Wo, r)[0] ** 2 for r in rows) / 9

    return loss


def prefix_sums() -> Loss:
    p = values(60)

    def loss() -> Any:
        running: Any = 0
        total: Any = 0
        for x in p:
            running = running + x * x
            total = total + running.sin()
        return total

    return loss


def one_parameter_everywhere() -> Loss:
    w, X = Value(0.3), numbers(50)
    return lambda: sum((w * x + w).tanh() * w for x in X) + w**3


def windows_and_reductions() -> Loss:
    p = values(30)

    def loss() -> Any:
        q = [(x * 2).exp() for x in p]
        overlapping = sum((q[i] * q[i + 1] + q[i + 2]).log() for i in range(28))
        reduced = logsumexp(p[:10]) + autograd.prod(p[3:6]) + autograd.norm(p) + logsumexp([p[0], 0.0, q[2]])
        return overlapping + reduced + autograd.mean(q) + autograd.prod([p[0], q[3]])

    return loss


def constant_filters() -> Loss:
    """Sums with weights that are plain numbers, and constants computed from constants."""
    w, weights = values(40), [0.5, -2.0, 1.5]

    def loss() -> Any:
        half = Value(1.0) / Value(2.0)
        hidden = [x.tanh() for x in w]
        smooth = [sum(k * h for k, h in zip(weights, hidden[i:], strict=False)) for i in range(38)]
        return sum(s * s * half for s in smooth) + autograd.mean([Value(3.0), 1.0]) * w[0]

    return loss


def two_products_at_once() -> Loss:
    """Queries of the first half meet keys of the first half, and those of the second half keys of the second."""
    Wq, Wk, X = values(16, 8), values(16, 8), numbers(12, 8)

    def loss() -> Any:
        queries, keys = ([[v.tanh() for v in matvec(W, x)] for x in X] for W in (Wq, Wk))
        halves = [(q, k) for h in (slice(0, 6), slice(6, 12)) for q in queries[h] for k in keys[h]]
        return sum(sum(a * b for a, b in zip(q, k, strict=True)).tanh() for q, k in halves)

    return loss


def choices() -> Loss:
    p = values(12)

    def loss() -> Any:
        total: Any = 0
        for a, b in itertools.pairwise(p):
            total = total + autograd.where(a > b, a * b, autograd.maximum(a, -b)) + autograd.where(a, b, 1.0)
            total = total + autograd.clip(a, b - 1.0, 2.0) * autograd.where(a != b, a, 0.0)
        return total

    return loss


def shared_constant_and_dead_code() -> Loss:
    p, q = values(4), values(4)
    frozen = Value(3.0)
    frozen.requires_grad = False

    def loss() -> Any:
        shared = p[0] * p[1] + 1.0
        dead = [x.exp() * q[0] for x in p]
        del dead
        stopped = (q[1] * p[2]).detach()
        with autograd.no_grad():
            silent = p[3] * q[2] + p[0].exp()
        shared = shared + p[0].exp()
        return shared * shared + shared.exp() + frozen * p[2] + stopped * p[2] + silent * p[3] + (p[0] - p[0])

    return loss


NETWORKS: dict[str, Callable[[], Loss]] = {
    "rnn": rnn, "lstm": lstm, "convolution": convolution, "softmax": softmax, "pooling": pooling,
    "batch norm": batch_norm, "causal attention": lambda: attention(6, True), "attention": lambda: attention(5, False),
    "prefix sums": prefix_sums, "one parameter everywhere": one_parameter_everywhere,
    "windows and reductions": windows_and_reductions, "choices": choices, "constant filters": constant_filters,
    "two products at once": two_products_at_once,
    "shared, constant and dead code": shared_constant_and_dead_code,
}  # fmt: skip


# ----- micrograd's demo, written in many ways -----

WAYS = [
    "twice",
    "bias last",
    "bias first",
    "x*w",
    "half",
    "tree",
    "terms",
    "parameters",
    "samples",
    "layers",
    "one by one",
]


def moons(way: str, n: int = 12) -> Loss:
    """Two layers of 16 on moons, hinge loss, L2 penalty; ``way`` says how the sums are written and in which order."""
    rng = random.Random(1)
    flat = values(2 * 16 + 16 + 16 * 16 + 16 + 16 + 1)
    if way == "parameters":
        rng.shuffle(flat)
    remaining = iter(flat)
    shapes = [(16, 2), (16, 16), (1, 16)]
    layers = [[([next(remaining) for _ in range(k)], next(remaining)) for _ in range(m)] for m, k in shapes]
    orders = {id(b): rng.sample(range(len(w)), len(w)) for layer in layers for w, b in layer}
    X, labels = nn.data.moons(n, noise=0.1, seed=1)
    data = list(zip(X.tolist(), (2 * labels - 1).tolist(), strict=True))
    if way == "twice":
        data += data
    if way == "samples":
        rng.shuffle(data)

    def neuron(w: Any, b: Any, x: Any) -> Any:
        terms = [x_i * w_i if way == "x*w" else w_i * x_i for w_i, x_i in zip(w, x, strict=True)]
        if way == "half":
            terms = [t * 0.5 for t in terms]
        if way == "terms":
            terms = [terms[i] for i in orders[id(b)]]
        if way == "bias first":
            return sum(terms, b)
        if way == "tree":
            terms.append(b)
            while len(terms) > 1:
                terms = [sum(terms[i + 1 : i + 2], terms[i]) for i in range(0, len(terms), 2)]
            return terms[0]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total + b

    def outputs() -> Any:
        rows: Any = [x for x, _ in data]
        for i, layer in enumerate(layers):
            last = i == 2
            if way == "layers":  # neuron after neuron, each over all samples
                columns = [[neuron(w, b, x) for x in rows] for w, b in layer]
                rows = [list(row) for row in zip(*columns, strict=True)]
            else:
                rows = [[neuron(w, b, x) for w, b in layer] for x in rows]
            rows = rows if last else [[v.relu() for v in row] for row in rows]
        return [row[0] for row in rows]

    def loss() -> Any:
        margins = [(1 + -y * s).relu() for s, (_, y) in zip(outputs(), data, strict=True)]
        if way == "one by one":
            total: Any = 0.0
            for margin in margins:
                total = total + margin / len(margins)
            return total
        return sum(margins) * (1.0 / len(margins)) + 1e-4 * sum(p * p for p in flat)

    return loss


# ----- agreement -----


def leaf_values(loss: Any) -> list[Value]:
    return list(dict.fromkeys(x for x in autograd.topological_order(loss) if not x.parents and x.requires_grad))  # type: ignore[misc]


INSTALLED = [name for name in BACKENDS if name != "numba" or find_spec("numba")]


def hold(loss: Loss, tolerance: float = 1e-12) -> dict[str, Any]:
    """Whoever computes the compiled ``loss``, it has the number and the gradients of the eager one.

    Gradients are compared relative to the largest. Returns the compiled functions by backend.
    """
    eager = loss()
    eager.backward()
    expected = {id(p): p.grad for p in leaf_values(eager)}
    largest = max(map(abs, expected.values()))
    made: dict[str, Any] = {}
    for backend in INSTALLED:
        compiled = made[backend] = compile(loss, backend=backend)
        found = compiled()
        parameters = compiled.parameters
        for p in parameters:
            p.grad = 0.0
        found.backward()
        worst = max(abs(p.grad - expected.get(id(p), 0.0)) for p in parameters)
        assert {id(p) for p in parameters if p.grad} <= expected.keys(), backend
        assert abs(found.data - eager.data) <= tolerance * max(1.0, abs(eager.data)), backend
        assert worst <= tolerance * largest, backend
    return made


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_written_by_scalars_has_the_eager_gradients(name: str) -> None:
    hold(NETWORKS[name]())


@pytest.mark.parametrize("way", WAYS)
def test_however_the_sums_are_written_each_layer_is_one_matrix_product(way: str) -> None:
    compiled = hold(moons(way))["numpy"]
    if way not in ("terms", "parameters"):  # whose first layer, constants in no order of their own, may be several
        assert "3 matrix products" in compiled.report()


@pytest.mark.parametrize("loss", ["mse", "mae", "hinge", "bce_with_logits", "cross_entropy"])
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_every_loss_and_every_activation(loss: str, activation: str) -> None:
    several = loss == "cross_entropy"
    model = nn.MLP(2, [4, 3 if several else 1], activation=activation, seed=3)
    for p in model.parameters():
        p.data = float(RNG.uniform(0.15, 0.35))
    X = RNG.uniform(0.3, 0.9, size=(6, 2)).tolist()
    targets = {"hinge": [1.0, -1.0] * 3, "cross_entropy": [0, 1, 2, 0, 1, 2]}.get(loss, [0.0, 1.0] * 3)
    hold(lambda: getattr(nn, loss)([model(x) for x in X], targets) + nn.l2_penalty(model.parameters(), 0.01))


def compare_compiled(graphs: Iterable[Any], backend: str, record_property: Record) -> None:
    tally = recorded_tally(record_property)
    for graph in graphs:
        nodes = nodes_of(graph, leaves_of(graph, Value), FUNCTIONS[Value])
        nodes[-1].backward()
        leaves = leaves_of(graph, Value)
        loss = compile(functools.partial(result_of, graph, leaves), backend=backend)()
        loss.backward()
        found, expected = (
            [root.data, *[x.grad for x in xs]] for root, xs in ((loss, leaves), (nodes[-1], nodes[: len(leaves)]))
        )
        compare(tally, f"compiled, {backend}", graph, found, expected)


def result_of(graph: Any, leaves: list[Value]) -> Any:
    return nodes_of(graph, leaves, FUNCTIONS[Value])[-1]


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("first", range(0, 1000, 250))
def test_random_graphs(first: int, backend: str, record_property: Record) -> None:
    compare_compiled(seeded(first, 250), backend, record_property)


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_large_random_graph(backend: str, record_property: Record) -> None:
    compare_compiled(seeded(7, 3, largest=2000), backend, record_property)
