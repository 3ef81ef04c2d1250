"""PyTorch and JAX, where they are installed, as engines for the graphs of `reference`; both in float64."""

import importlib
from collections.abc import Callable, Sequence
from functools import cache, reduce
from typing import Any

import pytest
from random_graphs import Functions, nodes_of
from reference import Graph


def _peer(name: str) -> Any:
    return pytest.importorskip(name, reason=f'no {name} here; it comes with: pip install "glassgrad[peers]"')


@cache
def pytorch() -> Any:
    """The module `torch`, imported when a test asks for it: that takes seconds. Without it the test is skipped."""
    torch = _peer("torch")
    torch.set_num_threads(1)
    return torch


@cache
def jax() -> Any:
    """The module `jax`, in the same way."""
    module = _peer("jax")
    module.config.update("jax_platforms", "cpu")
    module.config.update("jax_enable_x64", True)
    return module


NAMES = """
    add sub mul div neg clone abs sign exp log log1p expm1 sqrt sin cos tan sinh cosh tanh asin acos atan
    maximum minimum remainder
""".split()  # noqa: SIM905
"""What PyTorch, and with few exceptions JAX, calls as the table does."""

# ----- PyTorch -----


class Torch:
    """Derivatives by `torch.autograd.grad`."""

    def __init__(self) -> None:
        self.torch = pytorch()
        self.functions = {name: self.of_tensors(function) for name, function in self.rows().items()}

    def of_tensors(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *xs: function(*[x if isinstance(x, self.torch.Tensor) else self.constant(x) for x in xs])

    def constant(self, x: float) -> Any:
        return self.torch.tensor(x, dtype=self.torch.float64)

    def rows(self) -> Functions:
        torch = self.torch

        def many(function: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *xs: function(torch.stack(xs))

        def dot(*xs: Any) -> Any:
            n = len(xs) // 2
            return torch.stack(xs[:n]) @ torch.stack(xs[n : 2 * n]) + sum(xs[2 * n :])

        return {
            **{name: getattr(torch, name) for name in NAMES},
            "detach": torch.detach,
            "floor_divide": lambda a, b: torch.div(a, b, rounding_mode="floor"),
            "power": torch.pow,
            "monomial": lambda c, a, p: c * torch.pow(a, p),
            "sech2": lambda x: 1.0 / torch.cosh(x) ** 2,
            "arc_slope": lambda x: torch.rsqrt(1.0 - x * x),
            "erf": torch.erf,
            "erfc": torch.erfc,
            "sigmoid": torch.sigmoid,
            "relu": torch.relu,
            "leaky_relu": lambda x, slope: torch.where(x > 0.0, x, slope * x),
            "elu": lambda x, alpha: torch.where(x > 0.0, x, alpha * torch.expm1(x)),
            "gelu": torch.nn.functional.gelu,
            "silu": torch.nn.functional.silu,
            "softplus": torch.nn.functional.softplus,
            "clip": torch.clamp,
            "where": lambda condition, a, b: torch.where(condition > 0.0, a, b),
            "sum": many(torch.sum),
            "mean": many(torch.mean),
            "prod": many(torch.prod),
            "logsumexp": many(lambda xs: torch.logsumexp(xs, 0)),
            "norm": many(torch.linalg.vector_norm),
            "dot": dot,
        }

    def nodes(self, graph: Graph) -> list[Any]:
        return nodes_of(graph, [self.constant(x).requires_grad_() for x in graph.leaves], self.functions)

    def grad(self, y: Any, xs: Sequence[Any], **options: Any) -> list[Any]:
        """∂y/∂x for each of ``xs``; 0 for constants."""
        wanted = [x for x in xs if x.requires_grad]
        found = iter(self.torch.autograd.grad(y, wanted, materialize_grads=True, **options))
        return [next(found) if x.requires_grad else self.constant(0.0) for x in xs]

    def gradients(self, graph: Graph) -> list[float]:
        """Of every entry."""
        nodes = self.nodes(graph)
        return [float(g) for g in self.grad(nodes[-1], nodes)]

    def hessian_vector(self, graph: Graph, along: Sequence[float]) -> list[float]:
        nodes = self.nodes(graph)
        leaves = nodes[: len(graph.leaves)]
        slopes = self.grad(nodes[-1], leaves, create_graph=True)
        total = sum([g * v for g, v in zip(slopes, along, strict=True)], sum(leaves) * 0.0)
        return [float(g) for g in self.grad(total, leaves)]


# ----- JAX -----


class Jax:
    """Derivatives by `jax.grad`, operation by operation: to compile each graph would take longer."""

    def __init__(self) -> None:
        self.jax = jax()
        self.functions = self.rows()

    def rows(self) -> Functions:
        jax, jnp = self.jax, importlib.import_module("jax.numpy")

        def folded(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
            return lambda *xs: reduce(function, xs)  # over an array, each length would have to be compiled anew

        def dot(*xs: Any) -> Any:
            n = len(xs) // 2
            return sum(map(jnp.multiply, xs, xs[n : 2 * n]), sum(xs[2 * n :]))

        names = {"sub": "subtract", "mul": "multiply", "div": "divide", "neg": "negative", "clone": "positive"}
        return {
            **{name: getattr(jnp, names.get(name, name)) for name in NAMES},
            "detach": jax.lax.stop_gradient,
            "floor_divide": jnp.floor_divide,
            "power": jnp.power,
            "monomial": lambda c, a, p: c * jnp.power(a, p),
            "sech2": lambda x: 1.0 / jnp.cosh(x) ** 2,
            "arc_slope": lambda x: jax.lax.rsqrt(1.0 - x * x),
            "erf": jax.lax.erf,
            "erfc": jax.lax.erfc,
            "sigmoid": jax.nn.sigmoid,
            "relu": jax.nn.relu,
            "leaky_relu": jax.nn.leaky_relu,
            "elu": jax.nn.elu,
            "gelu": lambda x: jax.nn.gelu(x, approximate=False),
            "silu": jax.nn.silu,
            "softplus": jax.nn.softplus,
            "clip": lambda x, low, high: jnp.minimum(jnp.maximum(x, low), high),
            "where": lambda condition, a, b: jnp.where(condition > 0.0, a, b),
            "sum": folded(jnp.add),
            "mean": lambda *xs: reduce(jnp.add, xs) / len(xs),
            "prod": folded(jnp.multiply),
            "logsumexp": folded(jnp.logaddexp),
            "norm": folded(jnp.hypot),
            "dot": dot,
        }

    def result(self, graph: Graph) -> Callable[[Sequence[Any]], Any]:
        return lambda leaves: nodes_of(graph, leaves, self.functions)[-1]

    def gradients(self, graph: Graph) -> list[float]:
        """Of the leaves."""
        return [float(g) for g in self.jax.grad(self.result(graph))(list(graph.leaves))]

    def hessian_vector(self, graph: Graph, along: Sequence[float]) -> list[float]:
        slopes = self.jax.grad(self.result(graph))
        return [float(g) for g in self.jax.jvp(slopes, (list(graph.leaves),), (list(along),))[1]]


PEERS: dict[str, Callable[[], Any]] = {"PyTorch": cache(Torch), "JAX": cache(Jax)}
