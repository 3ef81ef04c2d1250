"""Derivatives of functions: `grad`, `value_and_grad`, `jacobian`, `hessian`, `jvp`, `vjp`, `hvp`.

    grad(lambda x: x**3)(2.0)                       # 12.0
    grad(grad(lambda x: x**3))(2.0)                 # 12.0
    jacobian(lambda v: [v[0] * v[1], v[0]])([2.0, 3.0])   # [[3.0, 2.0], [1.0, 0.0]]

The function is run once, on fresh nodes made from the arguments, and its graph is walked backwards (`pullback`) or
forwards (`pushforward`), over numbers or over nodes. There is nothing else to it: a derivative within a derivative
is a walk over a part of a larger graph, and because every walk starts from nodes of its own, none can mistake
another's perturbation for its own.

An argument is a number (seen by the function as a `Value`), an array (a `Tensor`), a `Value` or `Tensor`, or a list,
tuple, dict or dataclass of those, or None; a derivative has the structure of what it belongs to. A number beside arrays
is an array without axes to the function, and its derivative a number. What a result does not depend on has the
derivative 0. Plain numbers in, plain numbers out,
unless the function uses a `Value` or `Tensor` that wants a gradient: as an argument, from outside of it, or because
this derivative is taken inside another one. Then `Value`s and `Tensor`s come out, that can be differentiated again:

    (grad(lambda x: (w * x).sin())(1.0) ** 2).backward()  # a penalty; w.grad is right

Where only the number is wanted, take its ``.data``, or differentiate under `no_grad`. In a compiled function a
derivative by numbers and Values is part of the program.
"""

import reprlib
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from numbers import Real
from typing import Any

import numpy as np

from autograd.errors import GraphError, TraceError
from autograd.graph import Node, behind, dependent, plain, pullback, pushforward
from autograd.masked import has_nan, repeated
from autograd.modes import MODE, ieee_arithmetic, setting, user_line
from autograd.tensor import Tensor, as_array, stack
from autograd.trees import Tree, changed, has_parts, leaves, parts, restored
from autograd.value import Value, as_float

Function = Callable[..., Any]
Argnums = int | Sequence[int]


def grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """∂f/∂x, as a function of the same arguments.

    f:       returns one number
    argnums: which argument x is, counted from 0, or from -1 backwards; or several, for a tuple of derivatives
    has_aux: f returns (number, more), and the derivative (∂f/∂x, more)
    """

    argnums = _argnums("grad", argnums)

    def derivative(*args: Any, **named: Any) -> Tree:
        run = _Run(f, args, named, argnums, has_aux)
        return (run.gradient(), run.finished(run.aux)) if has_aux else run.gradient()

    return _named("grad", f, derivative)


def value_and_grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """(f, ∂f/∂x), for the price of the gradient alone; with ``has_aux`` ((number, more), ∂f/∂x), as `grad` has it."""

    argnums = _argnums("value_and_grad", argnums)

    def value_and_derivative(*args: Any, **named: Any) -> tuple[Any, Tree]:
        run = _Run(f, args, named, argnums, has_aux)
        value = run.finished(run.output)
        return ((value, run.finished(run.aux)) if has_aux else value), run.gradient()

    return _named("value_and_grad", f, value_and_derivative)


def jvp(f: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Tree, Tree]:
    """(f, Σ ∂f/∂x_i t_i): how the result moves when the arguments move along ``tangents``. Forward mode: one walk.

    primals:  the arguments of f, as a tuple
    tangents: a tuple of the same structure
    """
    _check_tuple("jvp", "primals", primals)
    _check_tuple("jvp", "tangents", tangents)
    run = _Run(f, primals, {}, tuple(range(len(primals))))
    return run.finished(run.output), run.pushed(tangents)


def vjp(f: Function, *primals: Any) -> tuple[Tree, Callable[[Tree], tuple[Any, ...]]]:
    """(f, pull): ``pull(g)`` is the tuple of Σ g_i ∂f_i/∂x for each argument x. Reverse mode: one walk for each g.

    g: an upstream gradient, with the structure and shapes of the result
    """
    run = _Run(f, primals, {}, tuple(range(len(primals))))
    return run.finished(run.output), run.pulled


def jacobian(f: Function, argnums: Argnums = 0) -> Function:
    """Every ∂f_i/∂x_j: for each number of the result, a derivative in the structure of x.

    Of a list by a list it is a list of rows; of an array by an array it has the shape of the result followed by that
    of the argument. It takes as many walks as there are numbers in the argument (forwards) or in the result
    (backwards), whichever is less.
    """

    argnums = _argnums("jacobian", argnums)

    def derivative(*args: Any, **named: Any) -> Tree:
        return _Run(f, args, named, argnums).jacobian()

    return _named("jacobian", f, derivative)


def hessian(f: Function, argnums: Argnums = 0) -> Function:
    """Every ∂²f/∂x_i∂x_j of a function that returns one number, as the Jacobian of its gradient."""
    argnums = _argnums("hessian", argnums)
    return _named("hessian", f, jacobian(grad(f, argnums), argnums))


def hvp(f: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, ...]:
    """Σ_j ∂²f/∂x_i∂x_j t_j, the Hessian times a vector, without the Hessian: forward over reverse.

    One product for each argument, as a tuple; ``primals`` and ``tangents`` as in `jvp`.
    """
    _check_tuple("hvp", "primals", primals)
    product: tuple[Any, ...] = jvp(grad(f, tuple(range(len(primals)))), primals, tangents)[1]
    return product


class _Run:
    """One run of a function on fresh inputs, and the nodes by which its output depends on them."""

    def __init__(
        self, f: Function, args: tuple[Any, ...], named: dict[str, Any], argnums: Argnums, has_aux: bool = False
    ) -> None:
        _check_function(f)
        chosen = _checked_argnums(f, args, argnums)
        self.f = f
        inside = MODE.differentiating
        outside = inside or _has_variables((args, named))
        recording = MODE.recording

        def run(inputs: dict[int, Tree]) -> tuple[Tree, Tree]:
            with setting(recording=True, differentiating=True):
                result = f(*[inputs.get(i, arg) for i, arg in enumerate(args)], **named)
            return _with_aux(f, result) if has_aux else (result, None)

        start = _inner_input if inside else fresh_input
        given = _of_one_kind({i: args[i] for i in chosen}, (args, named))
        with setting(recording=True, differentiating=True):
            fresh = {i: changed(x, start, f"argument {i}") for i, x in given.items()}
        output, self.aux = run(fresh)
        if output is None:
            checked_output(f, output)
        if (constants := _constants(output)) and MODE.tape is None:
            elsewhere, _ = run({i: changed(x, _moved) for i, x in fresh.items()})
            if not all(_equal(one, other) for one, other in zip_longest(constants, _constants(elsewhere))):
                checked_output(f, constants[0])  # no constants, but numbers that left the graph
        self.output = changed(output, lambda y, path: checked_output(f, _as_constant(y)))
        self.input: Tree = fresh[chosen[0]] if isinstance(argnums, int) else tuple(fresh[i] for i in chosen)
        self.inputs: list[Any] = list(leaves(self.input))
        numbers = [not isinstance(x, Node | np.ndarray) for i in chosen for x in leaves(args[i])]
        self.numbers = {node for node, is_number in zip(self.inputs, numbers, strict=True) if is_number}
        self.outputs = list(leaves(self.output))
        self.tape = MODE.tape
        if self.tape is None:
            nodes = behind(self.inputs, self.outputs)
            self.order = dependent(self.inputs, nodes)
            self.recorded = recording and (outside or any(node.requires_grad and not node.parents for node in nodes))
        else:  # of a function that is being compiled: what it computes has no numbers yet
            self.outputs, self.order = self.tape.between(self.inputs, self.outputs)
            self.recorded, self.inside = True, inside

    def finished(self, output: Tree) -> Tree:
        """``output`` as the caller gets it."""
        if self.tape is not None:
            return changed(output, lambda y, path: self.tape.finished(y, self.inside))
        return changed(output, lambda y, path: y if self.recorded else _result(y))

    def gradient(self) -> Tree:
        y = self.output
        if not isinstance(y, Node) or _size(y) != 1:
            came = f"shape {y.data.shape}" if isinstance(y, Node) else f"a {type(y).__name__} of {len(self.outputs)}"
            raise GraphError(
                f"a gradient is of one number, and {_name(self.f)} returned {came}; "
                f"reduce it, as in y.sum(), or take jacobian()"
            )
        return restored(self.input, self._pull([np.ones_like(y.data) if isinstance(y, Tensor) else 1.0]))

    def pulled(self, g: Tree) -> tuple[Any, ...]:
        """What `vjp` returns: reverse mode."""
        seeds = _matching(g, self.output, "the upstream gradient")
        found: tuple[Any, ...] = restored(self.input, self._pull(seeds, _has_variables(g)))
        return found

    def pushed(self, tangents: tuple[Any, ...]) -> Tree:
        """What `jvp` returns, but for the value: forward mode."""
        seeds = _matching(tangents, self.input, "tangents")
        return restored(self.output, self._push(seeds, _has_variables(tangents)))

    def jacobian(self) -> Tree:
        """For each output a tree of blocks, one for each input."""
        size_in, size_out = (sum(map(_size, nodes)) for nodes in (self.inputs, self.outputs))
        if size_in <= size_out:
            columns = [[self._push(seeds) for seeds in walks] for walks in _one_hot(self.inputs)]
            blocks = [
                [_block([walk[i] for walk in column], x, y, -1) for x, column in zip(self.inputs, columns, strict=True)]
                for i, y in enumerate(self.outputs)
            ]
        else:
            rows = [[self._pull(seeds) for seeds in walks] for walks in _one_hot(self.outputs)]
            blocks = [
                [_block([walk[j] for walk in row], y, x, 0) for j, x in enumerate(self.inputs)]
                for y, row in zip(self.outputs, rows, strict=True)
            ]
        return restored(self.output, [restored(self.input, row) for row in blocks])

    # ----- walks: lists of one seed for each node in, lists of one derivative for each node out -----

    def _pull(self, seeds: Sequence[Any], recorded: bool = False) -> list[Any]:
        return self._walk(pullback, self.outputs, seeds, self.inputs, recorded)

    def _push(self, seeds: Sequence[Any], recorded: bool = False) -> list[Any]:
        return self._walk(pushforward, self.inputs, seeds, self.outputs, recorded)

    def _walk(self, walk: Any, starts: list[Any], seeds: Sequence[Any], ends: list[Any], recorded: bool) -> list[Any]:
        recorded = self.recorded or (recorded and MODE.recording)
        begun: dict[Node, Any] = {}
        for node, seed in zip(starts, seeds, strict=True):
            if seed is not None and not _is_nothing(seed):
                start = _like(node, seed, recorded)
                begun[node] = begun[node] + start if node in begun else start
        with ieee_arithmetic():
            found = walk(self.order, begun, recorded)
            if has_nan(found.get(node) for node in ends):
                found = repeated(walk, self.order, begun, recorded)
        ended = [found[node] if node in found else _like(node, _zero(node), recorded) for node in ends]
        if self.tape is not None:
            return [self.tape.finished(number, self.inside) for number in ended]
        if recorded:
            return ended
        return [float(g) if node in self.numbers else _number(g) for node, g in zip(ends, ended, strict=True)]


# ----- arguments and results -----


def _check_function(f: Any) -> None:
    if not callable(f):
        raise TypeError(
            f"the first argument is the function to differentiate, got {reprlib.repr(f)}; "
            f"write grad(f)(x), and not grad(f(x))"
        )


def _argnums(derivative: str, argnums: Any) -> Any:
    """``argnums`` as an int or a tuple of ints; looked at where the derivative is made, for f is called later."""
    argnums = tuple(argnums) if isinstance(argnums, list) else argnums
    chosen = argnums if isinstance(argnums, tuple) else (argnums,)
    if not all(isinstance(i, int) and not isinstance(i, bool) for i in chosen):
        raise TypeError(
            f"argnums is the number of an argument, or a tuple of such, got {reprlib.repr(argnums)}; for the "
            f"derivative at x write {derivative}(f)(x)"
        )
    return argnums


def _checked_argnums(f: Any, args: tuple[Any, ...], argnums: Any) -> tuple[int, ...]:
    chosen = argnums if isinstance(argnums, tuple) else (argnums,)
    chosen = tuple([i + len(args) if i < 0 else i for i in chosen])  # -1 is the last
    if not all(0 <= i < len(args) for i in chosen) or len(set(chosen)) < len(chosen):
        raise ValueError(
            f"argnums = {argnums!r} must name different arguments of {_name(f)} by number; it was called with "
            f"{len(args)} in order, counted from 0"
        )
    return chosen


def _of_one_kind(given: dict[int, Tree], beside: Tree) -> dict[int, Tree]:
    """The arguments with arrays without axes for numbers, if there are arrays among them or Tensors ``beside`` them."""
    arrays = [x for x in leaves(list(given.values())) if isinstance(x, Tensor | np.ndarray)]
    arrays += [x for x in leaves(beside) if isinstance(x, Tensor)]
    if not arrays:
        return given
    floating = [x.dtype for x in arrays if x.dtype.kind == "f"]
    dtype = np.result_type(*floating) if floating else np.float64

    def as_array(x: Any, path: str) -> Any:
        return np.array(as_float(x), dtype) if isinstance(x, Real) and not isinstance(x, Node) else x

    return {i: changed(x, as_array) for i, x in given.items()}


def _with_aux(f: Function, result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(
            f"with has_aux=True {_name(f)} returns a pair, the number to differentiate and more; got "
            f"{type(result).__name__} {reprlib.repr(result)}: write return loss, more"
        )
    return result


def _constants(output: Tree) -> list[Any]:
    """What of a result is plain."""
    return [y for y in leaves(output) if not isinstance(y, Node)]


def _moved(node: Any, path: str) -> Node:
    """Another input of the same kind, at another point."""
    return type(node)(node.data + 1e-3 * (1.0 + abs(node.data)))  # type: ignore[no-any-return]


def _equal(one: Any, other: Any) -> bool:
    numbers = all(isinstance(x, Real | np.ndarray) for x in (one, other))
    return np.array_equal(one, other, equal_nan=True) if numbers else one is other


def _as_constant(y: Any) -> Any:
    """A result that is a plain number or array, which depends on nothing, as a node."""
    if isinstance(y, np.ndarray) and y.dtype.kind in "fiu":
        return Tensor._constant(y)
    if isinstance(y, Real) and not isinstance(y, bool | Node):
        return Value._constant(y) if MODE.tape is None else MODE.tape.entry(MODE.tape.constant(as_float(y)))
    return y


def fresh_input(x: Any, path: str) -> Node:
    """A fresh node for an argument, or for a part of one: a leaf, or a copy that knows where it came from."""
    if MODE.tape is not None:
        if isinstance(x, Tensor | np.ndarray):
            raise TraceError(
                f"{path}: a derivative by an array cannot be compiled\n  at {user_line()}\n"
                f"A compiled function is of single Values: write a list, as in x.tolist()"
            )
        return MODE.tape.value(x)  # type: ignore[no-any-return]
    if _is_variable(x):
        return x.clone()  # type: ignore[no-any-return]
    try:
        return Tensor(plain(x)) if isinstance(x, Tensor | np.ndarray) else Value(plain(x))
    except TypeError as error:
        raise TypeError(f"{path}: {error}") from None


def _inner_input(x: Any, path: str) -> Node:
    """The same inside another derivative, which must not take it for a leaf that wants a gradient."""
    fresh = fresh_input(x, path)
    if MODE.tape is not None or fresh.parents:
        return fresh
    copy = fresh.clone()
    fresh.requires_grad = False
    return copy


def checked_output(f: Function, y: Any) -> Any:
    if not isinstance(y, Node):
        raise TypeError(
            f"{_name(f)} must return Values or Tensors computed from its arguments, got {type(y).__name__} "
            f"{reprlib.repr(y)}; is a return missing, or did a number leave the graph by .data, .item() or math.sin? "
            f"Write autograd.sin(x), and Value(2.0) for a constant"
        )
    return y


def _matching(given: Tree, like: Tree, path: str) -> list[Any]:
    """The leaves of ``given``, which must have the structure and the shapes of ``like``, a tree of nodes."""
    if isinstance(like, Node):
        try:
            if isinstance(like, Value):
                return [given if isinstance(given, Value) else as_float(given)]
            number = as_array(plain(given) if isinstance(given, Tensor) else given, like.data.dtype)
        except TypeError as error:
            raise TypeError(f"{path}: {error}") from None
        if np.shape(number) != np.shape(like.data):
            raise ValueError(f"{path} must have shape {np.shape(like.data)}, got {np.shape(number)}")
        return [given if isinstance(given, Tensor) else number]
    if like is None or isinstance(like, str):  # has no leaves
        return []
    expected, found = dict(parts(like)), dict(parts(given) if has_parts(given) else ())
    if isinstance(like, dict) != isinstance(given, dict) or expected.keys() != found.keys():
        raise ValueError(
            f"{path} must be a {type(like).__name__} of {len(expected)}, as the function has it; "
            f"got {reprlib.repr(given)}"
        )
    return [leaf for key, part in expected.items() for leaf in _matching(found[key], part, f"{path}[{key!r}]")]


def _check_tuple(name: str, what: str, given: Any) -> None:
    if not isinstance(given, tuple):
        raise TypeError(
            f"{what} must be a tuple with one entry for each argument of the function, got {reprlib.repr(given)}; "
            f"for a function of one argument write {name}(f, (x,), (t,))"
        )


def _like(node: Node, number: Any, recorded: bool) -> Any:
    """``number`` as a derivative that belongs to ``node``."""
    if not recorded:
        return plain(number)
    return number if isinstance(number, Node) else node._constant(number)


def _is_nothing(seed: Any) -> bool:
    """Whether nothing moves there: 0 times an infinite derivative would be nan."""
    return not isinstance(seed, Node) and not np.any(seed)


def _size(node: Node) -> int:
    return node.data.size if isinstance(node, Tensor) else 1


def _zero(node: Node) -> Any:
    return 0.0 if isinstance(node, Value) else np.zeros_like(node.data)


def _number(x: Any) -> Any:
    """A plain number; an array is the caller's own."""
    x = plain(x)
    return np.array(x) if isinstance(x, np.ndarray) else x


def _result(x: Any) -> Any:
    """The same of what the function returned: as in NumPy, an array without axes is a number."""
    x = _number(x)
    return x[()] if isinstance(x, np.ndarray) else x


def _is_variable(x: Any) -> bool:
    return isinstance(x, Node) and x.requires_grad


def _has_variables(tree: Tree) -> bool:
    return any(map(_is_variable, leaves(tree)))


def _one_hot(nodes: Sequence[Node]) -> Iterator[list[list[Any]]]:
    """For each node a list of seeds for all of them, one for each of its elements: 1 there, nothing elsewhere."""
    for node in nodes:
        size = _size(node)
        units = np.eye(size, dtype=node.data.dtype).reshape(size, *node.shape) if isinstance(node, Tensor) else [1.0]
        yield [[unit if other is node else None for other in nodes] for unit in units]


def _block(walks: list[Any], walked: Node, other: Node, axis: int) -> Any:
    """What belongs to a pair of nodes, from one walk for each element of ``walked``: their shapes joined."""
    if isinstance(walked, Value):
        return walks[0]
    inner, outer = np.shape(other.data), walked.data.shape
    shape = outer + inner if axis == 0 else inner + outer
    if any(isinstance(part, Tensor) for part in walks):
        return stack(walks, axis).reshape(shape)
    block = np.stack([plain(part) for part in walks], axis).reshape(shape) if walks else np.zeros(shape)
    return Tensor._constant(block) if any(isinstance(part, Node) for part in walks) else block


def _name(f: Function) -> str:
    return getattr(f, "__name__", repr(f))


def _named(derivative: str, f: Any, function: Function) -> Function:
    _check_function(f)
    function.__name__ = function.__qualname__ = f"{derivative}({_name(f)})"
    return function
