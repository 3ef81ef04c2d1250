"""`Tensor`: a NumPy array that remembers where it came from. The same engine as `Value`, the same rows."""

import importlib
import math
import reprlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import cache, reduce
from math import isfinite
from operator import add
from types import ModuleType
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import DTypeLike

from autograd import moves
from autograd.array_ops import ARRAY_OPS, ARRAYS, Array, ArrayOp, Axis, Shape, normalized, unbroadcast
from autograd.conversions import MIXED, class_name
from autograd.errors import GraphError, TraceError
from autograd.graph import Node, backward, marked_result, plain
from autograd.masked import Masked, masked_jvp, masked_vjp, squares
from autograd.modes import MODE, check_forward, ieee_arithmetic, remember_place, user_line
from autograd.moves import Moved
from autograd.ops import OPS, Op
from autograd.trees import is_series, leaves
from autograd.written import written


class Tensor(Node):
    """An array in a computation: ``data``, and after `backward()` an array of its derivatives in ``grad``.

    data:  numbers of any shape, which are copied; float32 and float64 are kept, integers and booleans become
           float64
    dtype: float32 or float64, to convert to
    requires_grad: False for a constant, as PyTorch has it from the start

    To assign another array, ``w.data = w.data * 3``, leaves a graph computed before with the array that it has. To
    change the array itself, ``w.data *= 3``, does not: a gradient that needs its old numbers is then a `GraphError`,
    also through views of it. A change without such an assignment, as by ``w.data[0] = 5.0``, ``out=w.data``, or of a
    plain array that was an operand, cannot be seen: make it before the forward pass or after the backward pass.

    >>> w = Tensor([1.0, 2.0, 3.0])
    >>> (w * w).sum().backward()
    >>> w.grad
    array([2., 4., 6.])
    """

    __slots__ = ("_array",)
    is_scalar = False

    def __init__(
        self,
        data: Any,
        label: str = "",
        dtype: DTypeLike | None = None,
        *,
        requires_grad: bool = True,
    ) -> None:
        if not isinstance(label, str):
            raise TypeError(f"label is the name a picture shows, a str; got {type(label).__name__} {label!r}")
        self._array: Array = np.array(as_array(data, dtype))
        self.grad: Any = None
        self.label = label
        self.op = None
        self.parents = ()
        self.saved = None
        self.requires_grad = requires_grad
        self.code = None
        if (scope := MODE.scope) is not None:
            remember_place(self, sys._getframe(1), scope)

    @property
    def data(self) -> Array:
        """The numbers."""
        return self._array

    @data.setter
    def data(self, data: Any) -> None:
        if hasattr(self, "_array") and data is self._array:  # as by `w.data *= 3`: changed in place, and then assigned
            moves.note(data)
        else:
            self._array = as_array(data)

    # ----- what every node provides -----

    @classmethod
    def _constant(cls, data: Any) -> Self:
        return cls._holding(as_array(data))

    @classmethod
    def _holding(cls, array: Array) -> Self:
        """A constant that holds ``array`` itself: nobody will move it."""
        constant = cls.__new__(cls)
        constant._array = array
        constant.grad = None
        constant.label = ""
        constant.op, constant.parents, constant.saved = None, (), None
        constant.requires_grad = False
        constant.code = None
        return constant

    @classmethod
    def _lift(cls, operands: tuple[Any, ...]) -> tuple["Tensor", ...]:
        """Plain numbers and arrays become constants. Only a floating array has a dtype to insist on."""
        for x in operands:
            if x.__class__ is not Tensor:
                break
        else:
            return operands
        dtypes = {x._array.dtype for x in operands if isinstance(x, Tensor)} or {np.dtype(float)}
        dtype = dtypes.pop() if len(dtypes) == 1 else np.result_type(*dtypes)
        return tuple([x if isinstance(x, Tensor) else cls._holding(_operand(x, dtype)) for x in operands])

    @classmethod
    def _apply(cls, op: Op | ArrayOp, *args: Any, **options: Any) -> "Tensor":
        if isinstance(op, ArrayOp):
            return cls._apply_array_op(op.bind(options) if options else op, args)
        parents = Tensor._lift(args if len(args) == op.arity else op.complete(args))
        wanted = tuple([p.requires_grad for p in parents])
        xs = tuple([p._array for p in parents])
        try:
            y = op.forward(ARRAYS, *xs) if MODE.quiet else _quietly(op.forward, ARRAYS, *xs)
        except ValueError as error:
            raise _misfit(op, xs, error) from None

        return _record(op, y, parents, xs, wanted, {})

    @classmethod
    def _apply_array_op(cls, op: ArrayOp, args: tuple[Any, ...]) -> "Tensor":
        parents = Tensor._lift(args)
        wanted = tuple([p.requires_grad for p in parents])
        xs = tuple([p._array for p in parents])
        try:
            y = op.forward(*xs, **op.options) if MODE.quiet else _quietly(op.forward, *xs, **op.options)
        except (ValueError, IndexError) as error:
            raise _misfit(op, xs, error) from None
        options = op.options
        if op.keeps:
            y, kept = y
            options = {**options, "kept": kept}

        return _record(op, y, parents, xs, wanted, options)

    def add_grad(self, g: Any) -> None:
        if self.grad is not None:
            self.grad = self.grad + g
        else:  # a view would let a later in-place change reach somebody else's gradient
            self.grad = np.copy(g) if isinstance(g, np.ndarray) and g.base is not None else g

    def zero_grad(self) -> None:
        self.grad = None

    def __getstate__(self) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        attributes, kept = super().__getstate__()
        if self.saved is not None:
            kept["saved"] = *self._numbers(), moves.clock
        return attributes, kept

    def __setstate__(self, state: tuple[dict[str, Any] | None, dict[str, Any]]) -> None:
        super().__setstate__(state)
        if self.saved is not None:
            self.saved = *self.saved[:-1], moves.clock  # of this process

    def vjp(self, g: Any) -> Any:
        y, xs, wanted, options = self._numbers()
        if g.__class__ is Masked:
            return masked_vjp(self.op, ARRAYS, g, (y, *xs), (y, *xs), wanted, options)
        op = self.op
        if isinstance(op, ArrayOp):
            return [_like(x, op.vjp(i, ARRAYS, g, y, *xs, **options)) if wanted[i] else None for i, x in enumerate(xs)]
        return [
            _like(x, _times(op, d(ARRAYS, y, *xs), g)) if want else None
            for d, x, want in zip(op.partials, xs, wanted, strict=True)
        ]

    def jvp(self, tangents: Sequence[Any]) -> Any:
        """Σ of what each operand's tangent does to the result."""
        y, xs, wanted, options = self._numbers()
        if any(t.__class__ is Masked for t in tangents):
            return masked_jvp(self.op, ARRAYS, tangents, (y, *xs), (y, *xs), wanted, options)
        moving = [(i, t) for i, t in enumerate(tangents) if wanted[i] and t is not None]
        terms = [_moved(self.op, i, ARRAYS, t, y, xs, options) for i, t in moving]
        return np.asarray(np.broadcast_to(reduce(add, terms, 0.0), y.shape), y.dtype)

    def _recorded_vjp(self, g: Any) -> Any:
        from autograd.functions import NODES

        self._check_recorded()
        y, xs, wanted, options = self._numbers()
        if g.__class__ is Masked:
            return masked_vjp(self.op, NODES, g, (self, *self.parents), (y, *xs), wanted, options)
        contributions: list[Tensor | None]
        if isinstance(self.op, ArrayOp):
            contributions = [
                self.op.vjp(i, NODES, g, self, *self.parents, **self.op.options) if want else None
                for i, want in enumerate(wanted)
            ]
        else:
            partials = self.op.node_partials(NODES, self, self.parents, wanted)
            contributions = [
                None if d is None else unbroadcast(NODES, _times(self.op, d, g), p.data.shape)
                for d, p in zip(partials, self.parents, strict=True)
            ]
        return [None if d is None else d.astype(p.data.dtype) for d, p in zip(contributions, self.parents, strict=True)]

    def _recorded_jvp(self, tangents: Sequence[Any]) -> Any:
        from autograd.functions import NODES

        self._check_recorded()
        y, numbers, wanted, saved_options = self._numbers()
        if any(t.__class__ is Masked for t in tangents):
            return masked_jvp(self.op, NODES, tangents, (self, *self.parents), (y, *numbers), wanted, saved_options)
        options, xs = getattr(self.op, "options", {}), self.parents
        moving = [(i, t) for i, t in enumerate(tangents) if wanted[i] and t is not None]
        terms = [_moved(self.op, i, NODES, t, self, xs, options) for i, t in moving]
        total = reduce(add, terms) if terms else 0.0
        tangent: Tensor = NODES.broadcast_to(total, shape=self.shape)
        return tangent.astype(self.dtype)

    def _numbers(self) -> tuple[Any, Sequence[Any], tuple[bool, ...], dict[str, Any]]:
        """What was saved: the result, the operands, which of them want a gradient, and the options of the row."""
        y, xs, wanted, options, clock = self.saved
        if clock != moves.clock:
            y, *xs = self._unmoved()
        return y, xs, wanted, options

    def _unmoved(self) -> list[Any]:
        """The result and the operands that were saved, with a `Moved` for each that was changed in place since."""
        y, xs, _, _, clock = self.saved
        nodes = zip((self, *self.parents), (y, *xs), strict=True)
        return [Moved(node, x, self.op, _IN_PLACE) if moves.since(x, clock) else x for node, x in nodes]

    def _check_recorded(self) -> None:
        """Refuse to compute on nodes a rule that needs numbers which its nodes no longer have."""
        y, xs, wanted, options, _ = self.saved
        nodes = zip((self, *self.parents), (y, *xs), self._unmoved(), strict=True)
        saved = [x if node._array is before else Moved(node, before, self.op) for node, before, x in nodes]
        if any(isinstance(x, Moved) for x in saved):
            probe = Tensor.__new__(Tensor)
            probe.op, probe.saved = self.op, (saved[0], saved[1:], wanted, options, moves.clock)
            probe.vjp(np.ones(y.shape, y.dtype))

    def backward(self, gradient: Any = None, *, create_graph: bool = False, retain_graph: bool | None = None) -> None:
        """Put d(self)/d(node) into ``node.grad`` for every node that this one was made from.

        ``gradient`` is the upstream gradient, shaped like this tensor; only a tensor of one element can do
        without. Otherwise as `Value.backward`.
        """
        if gradient is None and self.data.size != 1:
            raise GraphError(
                f"backward() starts from one number, and this tensor has shape {self.shape}; "
                f"reduce it first, as in loss.sum().backward(), or give backward(gradient) of that shape"
            )
        seed = np.ones(self.shape, self.dtype) if gradient is None else np.array(as_array(gradient, self.dtype))
        if seed.shape != self.shape:
            raise GraphError(f"gradient has shape {seed.shape}; it must have that of the tensor, {self.shape}")
        with nullcontext() if MODE.quiet else ieee_arithmetic():
            backward(self, Tensor._constant(seed) if create_graph else seed, create_graph)

    # ----- an array among arrays -----

    @property
    def shape(self) -> Shape:
        return self._array.shape

    @property
    def ndim(self) -> int:
        return self._array.ndim

    @property
    def size(self) -> int:
        return _Size(self._array.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._array.dtype

    def item(self) -> float:
        if self.data.size != 1:
            first = ", ".join("0" * self.ndim)
            raise ValueError(
                f"item() is for one element, this tensor has shape {self.shape}; take one of them, as in "
                f"x[{first}].item(), or all by x.tolist()"
            )
        return float(self.data.item())

    def numpy(self) -> Array:
        """The plain array; it is the tensor's own, so copy it before you change it."""
        return self.data

    def tolist(self) -> Any:
        """The numbers, in nested lists."""
        return self.data.tolist()

    # ----- NumPy's protocols -----

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return _protocol().call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        return _protocol().call_function(function, types, args, named)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        if self.requires_grad and MODE.recording:
            raise TypeError(
                "a conversion to an array would cut a Tensor that wants a gradient off; join Tensors with "
                "autograd.stack([a, b]), and write x.detach() or x.data to mean the plain numbers"
            )
        return np.array(self.data, dtype, copy=copy)

    def __bool__(self) -> bool:
        if self.data.size != 1:
            raise ValueError(f"the truth of a tensor of shape {self.shape} is ambiguous; use .data.any() or .all()")
        return bool(self.data)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a tensor of shape () has no length")
        return len(self.data)

    def __iter__(self) -> Iterator["Tensor"]:
        return (self[i] for i in range(len(self)))

    @classmethod
    def _plain(cls, other: Any) -> Array:
        return other.data if isinstance(other, Tensor) else as_array(other)

    def __repr__(self) -> str:
        numbers = np.array2string(self.data, separator=", ", prefix="Tensor(", threshold=100)
        dtype = "" if self.dtype == float else f", dtype={self.dtype}"
        label = f", label={self.label!r}" if self.label else ""
        return written(f"Tensor({numbers}{dtype}{label})")

    # ----- operations that only arrays have -----

    def sum(self, axis: Axis = None, keepdims: bool = False) -> "Tensor":
        """Σ over ``axis`` (all axes if None)."""
        return self._over("sum", axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> "Tensor":
        """Σ / n over ``axis``."""
        return self.sum(axis, keepdims) / self._count(axis, "mean")

    def var(self, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> "Tensor":
        """Σ (x − mean)² / (n − ddof) over ``axis``; ddof=0 as in NumPy (PyTorch has 1)."""
        n = self._count_free("var", axis, ddof)
        deviation = self - self.mean(axis, keepdims=True)
        return (deviation * deviation).sum(axis, keepdims) / n

    def std(self, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> "Tensor":
        """√var over ``axis``; where every deviation is 0 the gradient is 0."""
        n = self._count_free("std", axis, ddof)
        return (self - self.mean(axis, keepdims=True)).norm(axis=axis, keepdims=keepdims) / math.sqrt(n)

    def prod(self, axis: Axis = None, keepdims: bool = False) -> "Tensor":
        """Π over ``axis``, by halves and not by dividing: a zero leaves the others their gradients."""
        gone = self._axes(axis)
        kept = tuple(a for a in range(self.ndim) if a not in gone)
        n = int(np.prod([self.shape[a] for a in gone]))
        x = self.transpose(kept + gone).reshape(*[self.shape[a] for a in kept], n)
        while n > 1:
            half = n // 2
            x = concatenate([x[..., :half] * x[..., half : 2 * half], x[..., 2 * half :]], axis=-1)
            n -= half
        x = x if n else x.sum(-1) + 1.0
        return x.reshape(*[1 if a in gone else m for a, m in enumerate(self.shape) if keepdims or a in kept])

    def cumsum(self, axis: int | None = None) -> "Tensor":
        """The sum up to each element along ``axis``, or of all in a row."""
        x, along = (self.reshape(-1), 0) if axis is None else (self, self._one_axis(axis))
        return x._apply(ARRAY_OPS["cumsum"], x, axis=along)

    def norm(self, p: Any = 2, axis: Axis = None, keepdims: bool = False) -> "Tensor":
        """(Σ|x|ᵖ)^(1/p) over ``axis``, as in PyTorch; for p = 2, where every x is 0, the gradient is 0."""
        if p not in (2, None, "fro"):
            from autograd.linear_algebra import vector_norm

            return vector_norm(self, axis, keepdims, p)
        return self._over("norm", axis, keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> "Tensor":
        """The largest element over ``axis``; its gradient is shared evenly among equals."""
        self._count(axis, "max")
        return self._over("max", axis, keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> "Tensor":
        """The smallest element over ``axis``; its gradient is shared evenly among equals."""
        return -(-self).max(axis, keepdims)

    def argmax(self, axis: int | None = None) -> Any:
        """The index of the largest element: a plain integer array, for it has no derivative."""
        if isinstance(axis, tuple):
            raise ValueError(f"argmax() goes along one axis, or None for all; got {axis!r}")
        self._count(axis, "argmax")
        return self.data.argmax(axis)

    def logsumexp(self, axis: Axis = None, keepdims: bool = False) -> "Tensor":
        """ln Σ eˣ over ``axis``, without overflow."""
        self._count(axis, "logsumexp")
        return self._over("logsumexp", axis, keepdims)

    def log_softmax(self, axis: int = -1) -> "Tensor":
        """x − ln Σ eˣ along ``axis``."""
        return self - self.logsumexp(axis, keepdims=True)

    def softmax(self, axis: int = -1) -> "Tensor":
        """eˣ / Σ eˣ along ``axis``, without overflow."""
        return self.log_softmax(axis).exp()

    def sort(self, axis: int = -1) -> "Tensor":
        """The elements along ``axis``, smallest first; a new Tensor."""
        axis = self._one_axis(axis)
        order = np.indices(self.shape, sparse=True)
        return self[(*order[:axis], self.data.argsort(axis), *order[axis + 1 :])]

    def dot(self, other: Any) -> "Tensor":
        """As `numpy.dot`."""
        product: Any = np.dot(self, other)
        return product  # type: ignore[no-any-return]

    def matmul(self, other: Any) -> "Tensor":
        """self @ other, with NumPy's rules for vectors and stacks of matrices."""
        return self._apply(ARRAY_OPS["matmul"], self, other)

    def __matmul__(self, other: Any) -> "Tensor":
        return self.matmul(other)

    def __rmatmul__(self, other: Any) -> "Tensor":  # other @ self
        return self._apply(ARRAY_OPS["matmul"], other, self)

    def reshape(self, *shape: Any) -> "Tensor":
        """The same elements in another shape: ``reshape(2, 3)`` or ``reshape((2, -1))``."""
        return self._apply(ARRAY_OPS["reshape"], self, shape=_integers("shape", shape))

    def transpose(self, *axes: Any) -> "Tensor":
        """Axes in the order given, or reversed if none is."""
        order = self._axes(_integers("axes", axes)) if axes else tuple(reversed(range(self.ndim)))
        return self._apply(ARRAY_OPS["transpose"], self, axes=order)

    def ravel(self) -> "Tensor":
        """All elements along one axis."""
        return self.reshape(-1)

    flatten = ravel

    def swapaxes(self, axis1: int, axis2: int) -> "Tensor":
        """With two axes exchanged."""
        order = list(range(self.ndim))
        a, b = self._one_axis(axis1), self._one_axis(axis2)
        order[a], order[b] = b, a
        return self.transpose(order)

    def astype(self, dtype: DTypeLike) -> "Tensor":
        """The same numbers in another floating dtype; the gradient comes back in this one's."""
        wanted = _floating(dtype)
        return self if wanted == self.dtype else self._apply(ARRAY_OPS["astype"], self, dtype=wanted)

    @property
    def T(self) -> "Tensor":  # noqa: N802 (NumPy's name)
        """The transpose."""
        return self.transpose()

    def squeeze(self, axis: Axis = None) -> "Tensor":
        """Without the axes of length 1, or without those in ``axis``, which must have length 1."""
        gone = [a for a, n in enumerate(self.shape) if n == 1] if axis is None else self._axes(axis)
        if any(self.shape[a] != 1 for a in gone):
            raise ValueError(f"squeeze() takes away axes of length 1; axis {axis!r} of shape {self.shape} is longer")
        return self.reshape(tuple(n for a, n in enumerate(self.shape) if a not in gone))

    def expand_dims(self, axis: int | tuple[int, ...]) -> "Tensor":
        """With axes of length 1 inserted so that they stand at ``axis`` of the result."""
        new = _axes(axis, self.ndim + (len(axis) if isinstance(axis, tuple) else 1), "the result of expand_dims()")
        return self.reshape(np.expand_dims(self.data, new).shape)

    def __getitem__(self, index: Any) -> "Tensor":
        parts = tuple(_index(part) for part in index) if isinstance(index, tuple) else _index(index)
        return self._apply(ARRAY_OPS["getitem"], self, index=parts)

    def __setitem__(self, index: Any, item: Any) -> None:
        raise TypeError(
            "a Tensor cannot be assigned into, for the graph would not know; "
            "choose with where(condition, a, b), or change .data before you compute with it"
        )

    def take(self, indices: Any, axis: int | None = None) -> "Tensor":
        """Elements (or, with ``axis``, slices) at integer ``indices``."""
        indices = np.asarray(_index(indices))
        if axis is None:
            return self.reshape(-1)[indices]
        axis = self._one_axis(axis)
        return self[(slice(None),) * axis + (indices,)]

    def pad(self, widths: Any) -> "Tensor":
        """Zeros around: ``widths`` is n, (before, after), or one such pair for each axis."""
        given = np.asarray(widths)
        if given.dtype.kind not in "iu" or (given < 0).any() or given.shape not in [(), (2,), (self.ndim, 2)]:
            raise ValueError(
                f"pad widths are n, (before, after), or one such pair for each of the {self.ndim} axes, "
                f"all integers of at least 0; got {widths!r}"
            )
        if not self.ndim:
            return self
        pairs = np.broadcast_to(given, (self.ndim, 2))
        return self._apply(ARRAY_OPS["pad"], self, widths=tuple((int(a), int(b)) for a, b in pairs))

    # ----- axes -----

    def _over(self, name: str, axis: Axis, keepdims: bool) -> "Tensor":
        axes = self._axes(axis)
        if not isinstance(keepdims, bool | np.bool_):
            raise TypeError(
                f"keepdims is True or False, got {keepdims!r}; several axes are a tuple, as in {name}((0, 1))"
            )
        return self._apply(ARRAY_OPS[name], self, axis=axes, keepdims=keepdims)

    def _axes(self, axis: Axis) -> tuple[int, ...]:
        return _axes(axis, self.ndim, f"a tensor of shape {self.shape}")

    def _one_axis(self, axis: int) -> int:
        axes = self._axes(axis)
        if not isinstance(axis, int | np.integer):
            raise TypeError(f"axis is one integer here, got {axis!r}")
        return axes[0]

    def _count_free(self, name: str, axis: Axis, ddof: int) -> int:
        """n − ddof."""
        n = self._count(axis, name)
        if not isinstance(ddof, int) or not 0 <= ddof < n:
            raise ValueError(f"ddof must be an integer from 0 to {n - 1}, for {n} elements in each group; got {ddof!r}")
        return n - ddof

    def _count(self, axis: Axis, name: str) -> int:
        n = int(np.prod([self.shape[a] for a in self._axes(axis)]))
        if n == 0:
            raise ValueError(f"{name}() of no elements: shape {self.shape}, axis {axis}")
        return n


class _Size(int):
    def __call__(self, *dim: Any) -> NoReturn:
        raise TypeError("size is the number of elements, as in NumPy; write x.shape, or x.shape[0] for x.size(0)")


@cache
def _protocol() -> Any:
    """What NumPy's functions mean on Tensors; loaded with the first of them, for it needs all the rest."""
    return importlib.import_module("autograd.numpy_protocol")


def _axes(axis: Axis, ndim: int, where: str) -> tuple[int, ...]:
    """``axis`` as a tuple of axes that exist among ``ndim``, each once."""
    given = () if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if not all(isinstance(a, int | np.integer) and not isinstance(a, bool) for a in given):
        raise TypeError(f"axis is None, an integer or a tuple of integers such as (0, 1); got {axis!r}")
    if not all(-ndim <= a < ndim for a in given):
        raise ValueError(f"axis {axis!r} does not exist in {where}, which has {ndim} axes")
    axes = normalized(axis, ndim)
    if len(set(axes)) < len(axes):
        raise ValueError(f"axis {axis!r} names an axis twice")
    return axes


_IN_PLACE = "; to assign another array, as in w.data = w.data * 3, changes no graph that is there already"


def _quietly(forward: Callable[..., Any], *args: Any, **options: Any) -> Any:
    with np.errstate(all="ignore"):
        return forward(*args, **options)


_FITTING = {
    "matmul": "the last axis of the first and the last but one of the second must be equal; is a .T missing?",
    "reshape": "the number of elements must stay the same",
    "concatenate": "the shapes must be equal but for the axis along which they are joined",
}


def _misfit(op: Op | ArrayOp, xs: tuple[Array, ...], error: Exception) -> Exception:
    """What to raise where NumPy refused the shapes."""
    shapes = " and ".join(str(x.shape) for x in xs)
    options = "".join(f", {name} = {option!r}" for name, option in getattr(op, "options", {}).items())
    broadcast = "axis by axis, from the last, the sizes must be equal or one of them 1"
    rule = _FITTING.get(op.name, broadcast if isinstance(op, Op) else str(error))
    kind = next(kind for kind in (np.linalg.LinAlgError, IndexError, ValueError) if isinstance(error, kind))
    return kind(f"{op.name} of {shapes}{options}: {rule}")


def _record(
    op: Op | ArrayOp,
    y: Any,
    parents: tuple[Tensor, ...],
    xs: tuple[Array, ...],
    wanted: tuple[bool, ...],
    options: dict[str, Any],
) -> Tensor:
    """The new node ``y``, with its history if a gradient can ever be asked for."""
    out = Tensor.__new__(Tensor)
    array = out._array = y if y.__class__ is np.ndarray else np.asarray(y)  # NumPy makes scalars of shape ()
    out.grad = None
    out.label = ""
    usual = MODE.usual
    out.requires_grad = (usual or MODE.recording) and True in wanted
    out.code = None
    if (scope := MODE.scope) is not None:
        remember_place(out, sys._getframe(3), scope)
    if out.requires_grad:
        out.op, out.parents, out.saved = op, parents, (array, xs, wanted, options, moves.clock)
    else:
        out.op, out.parents, out.saved = None, (), None
        marked_result(out)
    if not usual and MODE.anomaly:
        check_forward(out, op, parents)
    return out


def _moved(op: Op | ArrayOp, i: int, m: Any, t: Any, y: Any, xs: Sequence[Any], options: dict[str, Any]) -> Any:
    """What the tangent ``t`` of operand ``i`` does to the result, over namespace ``m``, but for broadcasting."""
    if isinstance(op, ArrayOp):
        return op.jvp(i, m, t, y, *xs, **options)
    return _times(op, op.partials[i](m, y, *xs), t)


def _times(op: Op, d: Any, g: Any) -> Any:
    """``g`` times the partial ``d``, both arrays or both nodes; 0 for what a row that selects did not select."""
    product = g * d
    if op.selects and not isfinite(squares(plain(product))):
        selected = plain(d) != 0.0
        if isinstance(product, Node):
            return Tensor._apply(OPS["where"], selected, g, 0.0) * d
        return np.where(selected, product, 0.0)
    return product


def _like(x: Array, g: Any) -> Array:
    """A contribution in the shape and dtype of its operand."""
    if g.__class__ is np.ndarray and g.shape == x.shape and g.dtype == x.dtype:
        return g
    return np.asarray(unbroadcast(ARRAYS, g, x.shape), x.dtype)


def _integers(name: str, given: tuple[Any, ...]) -> tuple[int, ...]:
    """``(2, 3)`` and ``((2, 3),)`` alike."""
    found = tuple(given[0]) if len(given) == 1 and is_series(given[0]) else given
    if not all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in found):
        raise TypeError(f"{name} is integers, or one tuple of them; got {given[0] if len(given) == 1 else given!r}")
    return found


def _index(part: Any) -> Any:
    if isinstance(part, Tensor):
        raise TypeError(
            "a Tensor holds real numbers and cannot be an index; use an integer or boolean NumPy array, "
            "x[i.data.astype(int)] or x[mask.data != 0.0]"
        )
    if isinstance(part, list):
        return np.asarray(part, None if part else int)
    return part


def _operand(x: Any, dtype: np.dtype[Any]) -> Array:
    """A plain operand as an array: a floating array keeps its dtype, everything else takes ``dtype``."""
    if isinstance(x, np.ndarray) and x.ndim and x.dtype.kind == "f":
        return as_array(x)
    return as_array(x, dtype)


def _floating(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        wanted = np.dtype(dtype)
    except (TypeError, ValueError):
        raise TypeError(f"dtype is float32 or float64, got {reprlib.repr(dtype)}") from None
    if wanted.char not in _KEPT:
        raise TypeError(
            f"a Tensor has a floating dtype, got {wanted}; use float32 or float64, as by x.astype(np.float64)"
        )
    return wanted


_KEPT = np.dtype(np.float32).char + np.dtype(np.float64).char
"""Sums of float16 overflow at 65504, and of what is longer than float64 derivatives would lose the digits."""


_OF_NODES = (
    "a Tensor made from a {} of nodes would not remember them; join Tensors with stack(), and from Values take "
    "[value.data for value in values]"
)


def as_array(data: Any, dtype: DTypeLike | None = None) -> Array:
    """``data`` as a floating array, or a `TypeError` that says what to write instead."""
    if data.__class__ is np.ndarray and data.dtype.char in _KEPT and (dtype is None or data.dtype == dtype):
        return data
    if MODE.tape is not None and any(isinstance(x, Node) for x in np.asarray(data, object).flat):
        raise TraceError(
            f"a Tensor of traced values: a compiled function is of single Values\n  at {user_line()}\nCompute with the "
            f"Values, in lists or in numpy.array(xs); or call the function itself, which is compiled.function: Tensors "
            f"are computed by array operations as they are"
        )
    if isinstance(data, Node):
        raise TypeError(f"expected plain numbers, got a {class_name(data)}; {MIXED}")
    if isinstance(data, list | tuple) and any(isinstance(x, Node) for x in data):
        raise TypeError(_OF_NODES.format(type(data).__name__))
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise TypeError(f"a Tensor needs rows of equal length: {error}") from None
    if array.dtype.kind == "O" and isinstance(data, list | tuple) and any(isinstance(x, Node) for x in leaves(data)):
        raise TypeError(_OF_NODES.format(type(data).__name__))
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"a Tensor holds real numbers, got {type(data).__name__} of dtype {array.dtype}; "
            f"give numbers, or rows of numbers of equal length"
        )
    wanted = _floating(dtype if dtype is not None else array.dtype if array.dtype.kind == "f" else float)
    with np.errstate(over="ignore"):  # too large for float32 is inf
        return array.astype(wanted, copy=False)


def _parts(name: str, tensors: Any) -> tuple[Tensor, ...]:
    if not is_series(tensors):
        raise TypeError(f"{name}() takes a list of Tensors or arrays, got {reprlib.repr(tensors)}")
    return Tensor._lift(tuple(map(_whole, tensors)))


def _whole(part: Any) -> Any:
    """Tensors in nested lists, as in ``stack([[a, b], [c, d]])``, as one."""
    nested = isinstance(part, list | tuple) and any(isinstance(x, Tensor) for x in leaves(part))
    return stack(part) if nested else part


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """The tensors one after the other along an existing ``axis``."""
    parts = _parts("concatenate", tensors)
    if not parts:
        raise ValueError("concatenate() of no tensors; give it at least one")
    return Tensor._apply(ARRAY_OPS["concatenate"], *parts, axis=parts[0]._one_axis(axis))


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new ``axis``."""
    parts = _parts("stack", tensors)
    if len({part.shape for part in parts}) != 1:
        shapes = [part.shape for part in parts]
        raise ValueError(f"stack() needs at least one tensor, and one shape for all; got shapes {shapes}")
    return concatenate([part.expand_dims(axis) for part in parts], axis)


class _Constructor(ModuleType):
    """``autograd.tensor([1.0, 2.0])``: this module's name is PyTorch's word for making a Tensor."""

    def __call__(self, data: Any, **options: Any) -> Tensor:
        return Tensor(data, **options)


sys.modules[__name__].__class__ = _Constructor
