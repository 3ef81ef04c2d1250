"""The last pass: from groups to a list of NumPy calls on arrays that are allocated once, forwards and backwards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd.compiler import kernels
from autograd.compiler.cells import Call, Cell, Cells, fill
from autograd.compiler.lift import Group, Lifted, Product, Terms
from autograd.compiler.listing import listing
from autograd.compiler.memory import (
    MOST_AXES,
    Array,
    Axes,
    Ids,
    Memory,
    Place,
    View,
    complexity,
    merged,
    nested,
    regular,
)
from autograd.compiler.normal import GRADIENT
from autograd.compiler.take import TAKE
from autograd.compiler.trace import inputs_by_argument
from autograd.namespaces import Rule
from autograd.ops import Op, Reduction
from autograd.written import written

MANY = 50
"""With more copied operands than these all gradients are cleared at once."""


@dataclass(repr=False)
class Program:
    """Calls in order, on buffers of its own; ``run(calls)`` is all that a replay does.

    inputs: for each argument where its numbers are to be written
    loss:   where the result is, for each sample
    places: where the number of each node lies in ``memory``, and ``steps`` how far from it that of the next sample
    text:   makes the program for people to read; ``notes``: what did not lift, and why
    """

    forward: list[Call]
    backward: list[Call]
    memory: Memory
    inputs: dict[int, View]
    loss: Array
    places: Ids
    steps: Ids
    text: Callable[[], str]
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return written(self.text())


def run(calls: list[Call]) -> None:
    for function, args in calls:
        function(*args)


def build(lifted: Lifted, parameters: Memory, positions: Ids, batch: int, dtype: DTypeLike) -> Program:
    """The program of ``lifted`` for ``batch`` samples (0: no such axis).

    parameters: the memory of parameters; ``positions[leaf]`` is where each lies
    """
    return _Builder(lifted, parameters, positions, batch, np.dtype(dtype)).built()


class _Builder:
    def __init__(self, lifted: Lifted, parameters: Memory, positions: Ids, batch: int, dtype: np.dtype[Any]) -> None:
        self.lifted, self.parameters, self.positions = lifted, parameters, positions
        self.batch, self.dtype = batch, dtype
        self.cells = Cells(dtype)
        self.notes: list[str] = []
        parameters.written[:] = False
        total = lifted.first_mirror + len(lifted.leaves)
        self.base, self.step = np.zeros(total, np.int64), np.zeros(total, np.int64)
        self.size = 0
        constants = np.arange(lifted.first_constant, lifted.first_mirror)
        self._allocate(constants, batched=False)
        self.inputs = inputs_by_argument(lifted.leaves)
        for leaves in self.inputs.values():
            self._allocate(leaves, batched=True)
        products = [p for group in lifted.groups for terms in group.terms for p in terms.products if p.ones]
        rooms = {int(p.inner[0, 0]): len(p.inner) for p in products}
        ones = []
        for group in lifted.groups:
            self._allocate(group.nodes, group.batched)
            room = rooms.get(int(group.nodes[0]), 0)
            ones.append(slice(self.size, self.size + room))
            self.size += room
        self.memory = Memory(np.zeros(self.size, dtype), np.zeros(self.size, dtype))
        for row in ones:
            self.memory.data[row] = 1.0
        self.memory.data[self.base[constants]] = lifted.constants
        self.is_parameter = np.zeros(total, bool)
        self.is_parameter[: len(lifted.leaves)] = [leaf.argument is None for leaf in lifted.leaves]
        self.wanted = np.zeros(total, bool)
        self.wanted[: len(lifted.leaves)] = [leaf.wanted for leaf in lifted.leaves]
        for group in lifted.groups:
            self.wanted[group.nodes] = bool(group.flags & GRADIENT)
        self.copies = 0

    def _allocate(self, nodes: Ids, batched: bool) -> None:
        """A block for ``nodes``, sample after sample."""
        samples = self.batch if batched and self.batch else 1
        self.base[nodes] = self.size + np.arange(len(nodes))
        self.step[nodes] = len(nodes) if samples > 1 else 0
        self.size += len(nodes) * samples

    def built(self) -> Program:
        backward: list[Callable[[], None]] = []
        for group in self.lifted.groups:
            self.cells.forget()
            backward.append(self._sums(group) if group.row is None else self._row(group))
        forward = self.cells.taken()
        root = self.lifted.root
        last_group = next(group for group in self.lifted.groups if (group.nodes == root).any())
        samples = self._samples(last_group)
        last = View(
            Place(self.memory, np.zeros(0, np.int64)), int(self.base[root]), (samples,), (int(self.step[root]),)
        )
        if last_group.flags & GRADIENT:
            if self.copies > MANY:  # each would clear some of the gradients that it adds to
                for memory in (self.memory, self.parameters):
                    assert memory.grad is not None
                    self.cells.emit(fill, (0.0,), self.cells.known(memory.grad))
                    memory.written[:] = True
                self.cells.emit(fill, (1.0 / samples,), self.cells.known(last.grad))
            last.grad.fill(1.0 / samples)  # once: nothing else is ever written there
            last.of(self.memory.written)[:] = last.of(self.memory.fixed)[:] = True
            for group, send in zip(reversed(self.lifted.groups), reversed(backward), strict=True):
                if group.flags & GRADIENT:
                    self.cells.forget()
                    send()
        unwritten = np.flatnonzero(~self.parameters.written)
        if len(unwritten):  # by this program; the gradients of these are 0
            self._clear(self.parameters, unwritten)
        inputs = {i: self._input(nodes) for i, nodes in self.inputs.items()}
        return Program(
            forward, self.cells.taken(), self.memory, inputs, last.data, self.base, self.step,
            partial(listing, self.lifted, self.batch), self.notes,
        )  # fmt: skip

    def _samples(self, group: Group) -> int:
        return self.batch if group.batched and self.batch else 1

    def _input(self, leaves: Ids) -> View:
        """Where the numbers of an argument are written, (samples, numbers)."""
        place = Place(self.memory, self.base[leaves], len(leaves))
        return View(place, int(self.base[leaves[0]]), (self.batch or 1, len(leaves)), (len(leaves), 1))

    # ----- operands -----

    def _place(self, ids: Ids) -> Place:
        """Where the nodes ``ids`` lie; a copy, if they are not all of one step."""
        if self.is_parameter[ids.flat[0]]:
            return Place(self.parameters, self.positions[ids])
        steps = self.step[ids]
        step = int(steps.flat[0])
        if (steps == step).all():
            return Place(self.memory, self.base[ids], step)
        index = self.base[ids] + np.arange(self.batch).reshape(-1, *[1] * ids.ndim) * steps
        return self._copy(self.memory, index, ids.shape)

    def _out(self, group: Group) -> Place:
        """Where the nodes of ``group`` lie."""
        return Place(self.memory, self.base[group.nodes], int(self.step[group.nodes[0]]))

    def _copied(self, place: Place) -> Place:
        """A copy of what lies at ``place``, one element after another."""
        index = place.base
        if place.step:
            index = index + np.arange(self.batch).reshape(-1, *[1] * index.ndim) * place.step
        if place.source is not None:
            assert place.index is not None
            return self._copy(place.source, place.index[index], place.base.shape)
        return self._copy(place.memory, index, place.base.shape)

    def _copy(self, source: Memory, index: Ids, shape: tuple[int, ...]) -> Place:
        self.copies += 1
        index = np.ascontiguousarray(index).ravel()
        copy = Memory(np.empty(len(index), self.dtype), None)
        self.cells.emit(kernels.take_elements, (source.data, index), self.cells.known(copy.data))
        base = np.arange(int(np.prod(shape))).reshape(shape)
        return Place(copy, base, base.size if len(index) > base.size else 0, source, index)

    def _temporary(self, cell: Cell, n: int) -> Place:
        """The place of a result that was just computed, ``n`` numbers for each sample."""
        flat = cell.array.reshape(-1)
        return Place(Memory(flat), np.arange(n), n if len(flat) > n else 0)

    def _views(self, places: list[Place], samples: int) -> list[View]:
        """Views of ``places`` that run along the same axes; what does not fit is copied."""
        while True:
            axes = nested(np.stack([place.base for place in places], axis=1))
            if axes is not None and len(axes) <= MOST_AXES:
                break
            worst = max(range(len(places)), key=lambda i: complexity(places[i].base))
            places[worst] = self._copied(places[worst])
        if samples > 1:
            axes.insert(0, (samples, np.array([place.step for place in places])))
        return _along(merged(axes), places)

    def _matrix_views(self, places: list[Place], samples: int) -> list[View]:
        """As `_views`, for places of K operands each: the last axis runs along these."""
        for i, place in enumerate(places):
            if not regular(place.base)[1]:
                places[i] = self._copied(place)
        firsts = [place.column(0) for place in places]
        while (axes := nested(np.stack([place.base for place in firsts], axis=1))) is None or len(axes) > MOST_AXES:
            worst = max(range(len(places)), key=lambda i: complexity(firsts[i].base))
            places[worst] = self._copied(places[worst])
            firsts = [place.column(0) for place in places]
        if samples > 1:
            axes.insert(0, (samples, np.array([place.step for place in places])))
        last = (places[0].base.shape[1], np.array([regular(place.base)[0] for place in places]))
        return _along([*merged(axes), last], places)

    # ----- gradients -----

    def _grad(self, view: View, shape: tuple[int, ...] | None = None) -> Cell:
        fixed = bool(view.of(view.place.memory.fixed).all())
        return self.cells.known(view.grad.reshape(view.shape if shape is None else shape), fixed)

    def _send(self, view: View, g: Cell) -> None:
        """Add ``g`` to the gradient of the operand that ``view`` shows."""
        g = self.cells.broadcast(g, view.shape)
        if shared := view.shared():
            view = view.without(shared)
            g = self.cells.summed(g, shared, view.shape)
        place = view.place
        if place.source is not None:
            assert place.index is not None
            self._scatter(place.source, place.index, g)
        elif not view.distinct():
            self._scatter(place.memory, view.addresses().ravel(), g)
        else:
            written = view.of(place.memory.written)
            if not written.any() and g.fixed and place.memory is self.memory:
                view.grad[...] = g.array
                view.of(place.memory.fixed)[...] = True
            elif not written.any():
                self.cells.finish(g, view.grad)
            else:
                self._prepare(place.memory, view.addresses().ravel())
                self.cells.emit(np.add, (self._grad(view), g), self._grad(view))
            written[...] = True

    def _send_factors(self, ids: list[Ids], views: list[View], datas: list[Cell], g: Cell, k: Any) -> None:
        """Send the gradient of k·a or of k·a·b to ``ids``, which are a, or a and b."""
        square = len(ids) == 2 and np.array_equal(ids[0], ids[1])
        if len(ids) == 2 and not square:
            g, k = self.cells.product([g], k), 1.0
        for i, each in enumerate(ids[:1] if square else ids):
            if self._wanted(each):
                others = datas[: len(ids)][:i] + datas[: len(ids)][i + 1 :]
                self._send(views[i], self.cells.product([g, *others], self.cells.scaled(k, 2.0) if square else k))

    def _scatter(self, memory: Memory, index: Ids, g: Cell, chosen: Ids | None = None) -> None:
        """Add ``g`` to the gradients of the elements ``index``, of which one may come up many times.

        chosen: if they differ from replay to replay, the elements, each one of ``index``, counted from the first of it
        """
        assert memory.grad is not None
        self._prepare(memory, np.unique(index))
        memory.written[index] = True
        first, last = int(index.min()), int(index.max())  # no more than that, for of what overlaps NumPy makes a copy
        out = self.cells.known(memory.grad[first : last + 1])
        self.cells.emit(kernels.add_at, (index - first if chosen is None else chosen, self.cells.flat(g)), out)

    def _prepare(self, memory: Memory, index: Ids) -> None:
        """Let gradients be there, in every replay, to which something will be added."""
        assert memory.grad is not None
        self._clear(memory, index[~memory.written[index]])
        fixed = index[memory.fixed[index]]
        if len(fixed):
            self.cells.emit(kernels.put, (fixed, memory.grad[fixed]), self.cells.known(memory.grad))
            memory.fixed[fixed] = False

    def _clear(self, memory: Memory, index: Ids) -> None:
        assert memory.grad is not None
        if len(index) and index[-1] - index[0] == len(index) - 1 and (np.diff(index) == 1).all():
            self.cells.emit(fill, (0.0,), self.cells.known(memory.grad[index[0] : index[-1] + 1]))
        elif len(index):
            self.cells.emit(kernels.put, (index, 0.0), self.cells.known(memory.grad))

    def _wanted(self, ids: Ids) -> bool:
        """Whether any of the nodes has a gradient that somebody wants."""
        return bool(self.wanted[ids].any())

    # ----- sums of products -----

    def _sums(self, group: Group) -> Callable[[], None]:
        """Emit y = c + Σ k·a·b; returns what emits its backward pass."""
        samples, n = self._samples(group), len(group.nodes)
        out = self._out(group)
        senders: list[Callable[[], None]] = []
        summands: list[tuple[list[Place], Any, list[Ids]]] = []  # factors, k, and whose gradients are wanted
        into_out = False
        for terms in sorted(group.terms, key=lambda t: not t.products):
            if terms.products:
                senders += [self._product(group, start, product, terms.k if terms.b is not None else 1.0)
                            for start, product in _starts(terms.products)]  # fmt: skip
                into_out = True
                continue
            if terms.starts is None and terms.a.shape[1] == 1:
                ids = [terms.a[:, 0]] if terms.b is None else [terms.a[:, 0], terms.b[:, 0]]
                k = terms.k if isinstance(terms.k, float) else terms.k[:, 0]
                summands.append(([self._place(i) for i in ids], k, ids))
                continue
            total, send = self._reduced(terms, samples, out.block(samples))
            senders.append(send)
            summands.append(([self._temporary(total, n)], 1.0, []))
        if len(summands) == 1 and not summands[0][2] and not into_out and group.constant is None:
            self.cells.finish(total, out.block(samples).data.reshape(total.shape))
        elif summands or group.constant is not None:
            senders.append(self._added(group, out, summands, into_out))

        def backward() -> None:
            for send in senders:
                send()

        return backward

    def _added(self, group: Group, out: Place, summands: Any, into_out: bool) -> Callable[[], None]:
        """Emit the sum of what is one term for each node; ``into_out``: and of what is there already."""
        places = [out]
        numbers: list[Any] = []
        for factors, k, _ in summands:
            places += factors
            numbers.append(k if isinstance(k, float) else len(places))
            if not isinstance(k, float):
                places.append(self._constants(k))
        constant = group.constant
        uniform = constant is None or bool((constant == constant[0]).all())
        if not uniform:
            places.append(self._constants(constant))
        views = self._views(places, self._samples(group))
        cells = self.cells
        y, *xs = [cells.known(view.data) for view in views]
        total: Any = y if into_out else None
        position = 1
        plan = []
        for (factors, _, ids), k in zip(summands, numbers, strict=True):
            operands = views[position : position + len(factors)]
            factor = k if isinstance(k, float) else cells.known(views[k].data)
            position += len(factors) + (not isinstance(k, float))
            less = total is not None and k == -1.0 and len(factors) == 1
            term = cells.product([cells.known(view.data) for view in operands], 1.0 if less else factor)
            total = term if total is None else cells.call(np.subtract if less else np.add, total, term)
            plan.append((operands, factor, ids))
        if constant is not None:
            c = float(constant[0]) if uniform else xs[-1]
            total = c if total is None else cells.call(np.add, total, c)
        cells.finish(total, y.array)

        def backward() -> None:
            g = self._grad(views[0])
            for operands, factor, ids in plan:
                datas = [cells.known(view.data) for view in operands]
                self._send_factors(ids, operands, datas, g, factor)

        return backward

    def _constants(self, numbers: Any) -> Place:
        return Place(
            Memory(np.ascontiguousarray(numbers, self.dtype).ravel()), np.arange(numbers.size).reshape(numbers.shape)
        )

    def _reduced(self, terms: Terms, samples: int, out: View) -> tuple[Cell, Callable[[], None]]:
        """Emit Σ over several terms for each node, into an array of its own."""
        if terms.starts is not None:
            return self._ragged(terms, samples, out)
        cells = self.cells
        a, b, k = terms.a, terms.b, terms.k
        place = self._place(a)
        if isinstance(k, float):  # the order within a node is free
            order = np.argsort(place.base, axis=1, kind="stable")
            a = np.take_along_axis(a, order, 1)
            b = None if b is None else np.take_along_axis(b, order, 1)
            place = self._place(a)
        places = [place] + ([] if b is None else [self._place(b)])
        if not isinstance(k, float):
            places.append(self._constants(k))
        views = self._matrix_views(places, samples)
        datas = [cells.known(view.data) for view in views]
        shape = views[0].shape[:-1]
        if len(views) == 1:
            total = cells.summed(datas[0], (len(shape),), shape, float(k))
        else:
            left = datas[0] if len(views) == 2 else cells.call(np.multiply, datas[0], datas[1])
            total = cells.call(np.vecdot, left, datas[-1], shape=shape)
            if isinstance(k, float):
                total = cells.product([total], k)

        def backward() -> None:
            g = self._grad(out, (*shape, 1))
            factor = k if isinstance(k, float) else datas[-1]
            self._send_factors([a] if b is None else [a, b], views, datas, g, factor)

        return total, backward

    def _ragged(self, terms: Terms, samples: int, out: View) -> tuple[Cell, Callable[[], None]]:
        """The same where the numbers of terms differ."""
        cells = self.cells
        assert terms.starts is not None
        starts, n = terms.starts, len(terms.starts)
        ids = [terms.a] if terms.b is None else [terms.a, terms.b]
        places = [self._place(i) for i in ids]
        if not isinstance(terms.k, float):
            places.append(self._constants(terms.k))
        places = [place if complexity(place.base) <= 1 else self._copied(place) for place in places]
        axes = [(len(terms.a), np.array([regular(place.base[None, :])[0] for place in places]))]
        if samples > 1:
            axes.insert(0, (samples, np.array([place.step for place in places])))
        views = _along(axes, places)
        shape = (samples, len(terms.a)) if samples > 1 else (len(terms.a),)
        datas = [cells.known(view.data) for view in views]
        factor: Any = terms.k if isinstance(terms.k, float) else datas[-1]
        each = cells.broadcast(cells.product(datas[: len(ids)], factor), shape)
        reduced = (samples, n) if samples > 1 else (n,)
        total = cells.call(kernels.AddReduceat(starts), each, shape=reduced)
        owner = np.repeat(np.arange(n), np.diff(np.append(starts, len(terms.a))))

        def backward() -> None:
            g = cells.call(kernels.Spread(owner), self._grad(out, reduced), shape=shape)
            self._send_factors(ids, views, datas, g, factor)

        return total, backward

    def _product(self, group: Group, start: int, product: Product, k: Any) -> Callable[[], None]:
        """Emit one matrix product, straight into the nodes of ``group`` from ``start`` on."""
        cells = self.cells
        samples, n = self._samples(group), len(group.nodes)
        rows, columns = len(product.outer), len(product.inner)
        outer, inner = self._matrix(product.outer, samples), self._matrix(product.inner, samples, product.ones)
        place = Place(self.memory, self.base[group.nodes], n)
        y = View(place, int(self.base[group.nodes[start]]), (samples, rows, columns), (n, columns, 1))
        joined = not inner.strides[0] and (rows == 1 or n == rows * columns)
        if joined and samples > 1 and not (rows == 1 or outer.strides[0] == rows * outer.strides[1]):
            outer = self._matrix_copy(product.outer, samples)
        if joined:
            outer, y = (_joined(view) for view in (outer, y))
            inner = View(inner.place, inner.start, inner.shape[1:], inner.strides[1:])
        factor = k if isinstance(k, float) else 1.0
        left, right = cells.known(outer.data), cells.known(inner.turned().data)
        cells.emit(np.matmul, (left, right), cells.known(y.data))
        if factor != 1.0:
            cells.emit(np.multiply, (cells.known(y.data), cells.scalar(factor, y.shape)), cells.known(y.data))

        def backward() -> None:
            g = cells.product([self._grad(y)], factor)
            if _are_nodes(product.outer) and self._wanted(product.outer):
                shape = *y.shape[:-1], inner.shape[-1]
                self._send(outer, cells.call(np.matmul, g, cells.known(inner.data), shape=shape))
            if _are_nodes(product.inner) and self._wanted(product.inner):
                shape = *y.shape[:-2], columns, outer.shape[-1]
                self._send(inner, cells.call(np.matmul, cells.turned(g), cells.known(outer.data), shape=shape))

        return backward

    def _matrix(self, rows: Any, samples: int, ones: bool = False) -> View:
        """A view (samples, rows, K) of ids, or of constants, that BLAS takes as it is; ``ones``: the last of K."""
        if not _are_nodes(rows):
            place = self._constants(rows)
        else:
            place = self._place(rows)
            if ones:
                place.base[:, -1] = 2 * place.base[:, -2] - place.base[:, -3]
            stride, is_regular = regular(place.base)
            apart, is_affine = regular(place.base[:, :1].T)
            if not (is_regular and is_affine and min(stride, apart) > 0 and 1 in (stride, apart)):
                place = self._copied(place)
        stride, apart = regular(place.base)[0], regular(place.base[:, :1].T)[0]
        shape = (samples, *place.base.shape)
        return View(place, int(place.base[0, 0]), shape, (place.step if samples > 1 else 0, apart, stride))

    def _matrix_copy(self, rows: Ids, samples: int) -> View:
        place = self._copied(self._place(rows))
        return View(place, 0, (samples, *rows.shape), (place.step, rows.shape[1], 1))

    # ----- rows of the table -----

    def _row(self, group: Group) -> Callable[[], None]:
        """Emit a row of the table by evaluating its rule on cells, which record what is done to them."""
        assert group.row is not None
        if isinstance(group.row, Op):
            return self._elementwise(group, group.row)
        return self._taken(group) if group.row is TAKE else self._reduction(group, group.row)

    def _elementwise(self, group: Group, row: Op) -> Callable[[], None]:
        samples = self._samples(group)
        places = [self._out(group)]
        operands: list[Any] = []
        for ids in group.operands.T:
            if self._is_constant(ids) and (ids == ids[0]).all():
                operands.append(self.lifted.constants[ids[0] - self.lifted.first_constant])  # NumPy's: 1 / 0 is inf
            else:
                operands.append(len(places))
                places.append(self._place(ids))
        views = self._views(places, samples)
        cells = self.cells
        y = cells.known(views[0].data)
        xs = [x if isinstance(x, float) else cells.known(views[x].data) for x in operands]
        cells.finish(self._computed(row, row.forward, *xs), y.array)
        memo = cells.memo

        def backward() -> None:
            cells.memo = memo
            g = self._grad(views[0])
            for ids, x, d in zip(group.operands.T, operands, row.partials, strict=True):
                if isinstance(x, int) and self._wanted(ids):
                    slope = self._computed(row, d, y, *xs)
                    if row.selects:
                        slopes = (
                            slope if isinstance(slope, Cell) else cells.known(cells.equal(slope, g.shape), fixed=True)
                        )
                        self._send(views[x], cells.selected(g, slopes))
                    else:
                        self._send(views[x], cells.product([g], slope))

        return backward

    def _computed(self, row: Op, rule: Rule, *args: Any) -> Any:
        """What a rule of ``row`` makes of cells; if it cannot, of one number after another."""
        cells = self.cells
        calls, memo = len(cells.calls), dict(cells.memo)
        try:
            with np.errstate(all="ignore"):
                found = rule(cells.namespace, *args)
            if isinstance(found, Cell | Real | np.bool_):
                return found
        except Exception:  # whatever a function of numbers says of what is none; of numbers it will say the same again
            pass
        del cells.calls[calls:]
        cells.memo = memo
        self.notes.append(f"{row.name} has no array form: computed one by one")
        return cells.call(kernels.Each(rule), *args)

    def _is_constant(self, ids: Ids) -> bool:
        return bool(((ids >= self.lifted.first_constant) & (ids < self.lifted.first_mirror)).all())

    def _taken(self, group: Group) -> Callable[[], None]:
        """Emit entries by an index."""
        samples, entries = self._samples(group), group.operands[:, 1:]
        index = np.repeat(group.operands[:, :1], entries.shape[1], axis=1)
        x, which = self._matrix_views([self._place(entries), self._place(index)], samples)
        place, starts = x.place, np.ascontiguousarray(x.addresses()[..., :1])
        source, candidates = place.source or place.memory, x.addresses().ravel() if place.index is None else place.index
        first, last = int(candidates.min()), int(candidates.max())
        if place.index is None:
            starts -= first
        chosen = np.empty(starts.shape, np.int64)
        look_up = None if place.index is None else place.index - first
        take = kernels.Take(chosen, starts, x.strides[-1], x.shape[-1], look_up)
        out = self._out(group).block(samples)
        args = source.data[first : last + 1], which.data[..., :1]
        self.cells.emit(take, args, self.cells.known(out.data.reshape(starts.shape)))

        def backward() -> None:
            self._scatter(source, candidates, self._grad(out), chosen.ravel())

        return backward

    def _reduction(self, group: Group, row: Reduction) -> Callable[[], None]:
        """Emit an operation of many numbers to one."""
        samples, cells = self._samples(group), self.cells
        (x,) = self._matrix_views([self._place(group.operands)], samples)
        shape = x.shape[:-1]
        out = self._out(group).block(samples)
        X = cells.known(x.data)
        y = cells.known(out.data.reshape(shape))
        kernel = kernels.KERNELS.get(row)
        if kernel is not None:
            cells.finish(kernel[0](cells, X), y.array)
        else:
            self.notes.append(f"{row.name} of {x.shape[-1]} numbers has no array form: computed one by one")
            cells.emit(kernels.EachForward(row), (X,), y)
        memo = cells.memo

        def backward() -> None:
            cells.memo = memo
            g = self._grad(out, (*shape, 1))
            if kernel is not None:
                self._send(x, kernel[1](cells, X, cells.known_view(y), g))
            else:
                self._send(x, cells.product([g], cells.call(kernels.EachPartials(row), X, y, shape=x.shape)))

        return backward


def _along(axes: Axes, places: list[Place]) -> list[View]:
    shape = tuple(n for n, _ in axes)
    return [
        View(place, int(place.base.flat[0]), shape, tuple(int(steps[i]) for _, steps in axes))
        for i, place in enumerate(places)
    ]


def _joined(view: View) -> View:
    """(samples, rows, K) as (samples · rows, K)."""
    (samples, rows, k), (step, apart, stride) = view.shape, view.strides
    return View(view.place, view.start, (samples * rows, k), (apart if samples == 1 or rows > 1 else step, stride))


def _starts(products: Sequence[Product]) -> list[tuple[int, Product]]:
    found, start = [], 0
    for product in products:
        found.append((start, product))
        start += len(product.outer) * len(product.inner)
    return found


def _are_nodes(rows: Any) -> bool:
    return bool(rows.dtype == np.int64)
