"""`compile`: what a user sees. Trace at the first call for each structure of arguments, replay afterwards."""

import pickle
import random
import reprlib
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from functools import partial, update_wrapper
from numbers import Real
from operator import is_
from typing import Any, NoReturn

import numpy as np
from numpy.typing import DTypeLike, NDArray

from autograd.compiler.arguments import Arguments, Same, argument_names
from autograd.compiler.backends import Backends, Built, checked_backend
from autograd.compiler.cells import Call, select
from autograd.compiler.memory import Memory
from autograd.compiler.normal import GRADIENT, Normal
from autograd.compiler.program import Program, run
from autograd.compiler.store import Places, Store, bind
from autograd.compiler.trace import Leaf, Tape, closed_over, names_in, reachable, trace
from autograd.compiler.watch import Watch
from autograd.counted import CHANGES, Counted
from autograd.errors import DrawnError, GraphError, TraceError
from autograd.graph import unrecorded
from autograd.hints import instead
from autograd.modes import MODE, user_line
from autograd.threads import by_one_blas_thread
from autograd.value import Value
from autograd.written import written

Array = NDArray[Any]
Function = Callable[..., Any]
LOCK = threading.RLock()
"""Programs share buffers and parameters: one call at a time, in all of Python's threads."""
TRACES = 3
"""More traces of one function than these are worth a warning."""
ENTRIES = 32
"""So many traces are kept; the oldest one gives way to a new one."""
SAMPLES = 8
"""So many sizes of a batch keep their programs; the one not used for longest gives way to a new one."""


def compile(
    function: Function | None = None,
    *,
    keep: Sequence[str] = (),
    dtype: DTypeLike = float,
    backend: str | None = None,
) -> Any:
    """A function of scalar Values as array operations: traced once, replayed afterwards. Also a decorator.

        @compile
        def loss(x, y):                 # the parameters are the leaf Values that it closes over
            return hinge(model(x), y)

        L = loss.batch(X, Y)            # mean over the rows of X and Y
        L.backward()                    # leaves .grad in the parameters, as ever

    function: returns one Value, the loss. Its arguments may be numbers, Values, arrays, and lists, tuples, dicts and
              dataclasses of those; they are inputs of the program. Anything else, such as True, None or "mean", is part
              of its structure. A derivative taken in it, by `grad` and its likes, is part of the program
    keep:     labels of intermediate results to be found in ``L.kept``: ``score.label = "score"`` in the function
    dtype:    np.float64, or np.float32, which is faster for large products
    backend:  "numpy", whole arrays; "numba", single numbers in machine code (``pip install "glassgrad[fast]"``), for
              irregular and deep programs; "python", for tiny ones. None takes what is estimated to be fastest, and
              ``report()`` says which and why

    Call it with one sample, or its ``batch`` with rows of them; the loss has ``data`` and ``backward()``. The program
    is traced anew for each structure of arguments. What would be frozen into it by accident (`bool()`, `float()`, the
    text of a traced Value) raises `TraceError`, and so does a function that does not do the same twice. ``x.data`` is
    traced too: the number without its gradient. Variables
    around the function may be assigned anew, a model go from ``train()`` to ``eval()``, and a Value take the place of a
    parameter, wherever that is: the function is traced anew. In a program of many thousand parameters this may be
    noticed some calls late, and is a `GraphError` then. Plain numbers in lists, arrays and attributes, and those that
    helper functions read, are read once, when the function is traced.
    In several threads one call waits for the other, and `backward` belongs to the last one.
    """
    if function is None:
        return partial(compile, keep=keep, dtype=dtype, backend=backend)
    return Compiled(function, keep, dtype, backend)


class Compiled:
    """A compiled function; see `compile`."""

    def __init__(self, function: Function, keep: Sequence[str], dtype: DTypeLike, backend: str | None = None) -> None:
        if not callable(function):
            raise TypeError(f"compile() takes the function that makes the loss, got {reprlib.repr(function)}; "
                            f"write compile(f), and not compile(f(x))")  # fmt: skip
        if isinstance(keep, str) or not all(isinstance(label, str) for label in keep):
            raise TypeError(f'keep is a list of labels, such as keep=["score"]; got {keep!r}')
        if np.dtype(dtype) not in (np.float64, np.float32):
            raise TypeError(f"dtype is float64 or float32, got {np.dtype(dtype)}")
        self.backend = checked_backend(backend)
        self.function, self.keep, self.dtype = function, tuple(keep), np.dtype(dtype)
        self._names = argument_names(function)
        self._nothing = self._given = Arguments([], (), {})
        self._around = _surroundings(function)
        self._entries: dict[Any, _Entry] = {}
        self._modules: dict[int, Any] = {}
        self._last: tuple[_Entry, int] | None = None
        self._replaced = 0
        update_wrapper(self, function, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The loss of one sample. In another function that is compiled or differentiated it is a part of that."""
        if MODE.tape is not None or MODE.differentiating:
            return self.function(*args, **kwargs)
        return self._evaluated(Arguments(self._names, args, kwargs) if args or kwargs else self._nothing, 0)

    def batch(self, *args: Any, **kwargs: Any) -> "Loss":
        """The mean loss of samples: the rows of each array or list."""
        if not args and not kwargs:
            raise TypeError(f"batch() of no samples; write {self._name()}.batch(X, y), whose rows are the samples")
        with LOCK:
            if kwargs or not self._given.replaced(args):  # to take them apart would take longer than a small product
                self._given = Arguments(self._names, args, kwargs, rows=True)
            loss = self._evaluated(self._given, *self._given.samples)
            self._given.forget()
            return loss

    def value_and_grad(self, *args: Any, **kwargs: Any) -> tuple[float, Array]:
        """The loss of one sample and its gradient, one number for each of ``parameters``; ``grad`` stays as it is."""
        with LOCK:
            loss = self._evaluated(Arguments(self._names, args, kwargs), 0)
            return loss.value_and_grad()

    def __reduce__(self) -> Any:
        """A copy traces for itself; under ``@compile`` above a function of a module, it is that function's name."""
        name = getattr(self, "__qualname__", "")
        if getattr(sys.modules.get(getattr(self, "__module__", "")), name, None) is self:
            return name
        return Compiled, (self.function, self.keep, self.dtype, self.backend)

    def __get__(self, instance: object, owner: type) -> NoReturn:
        name = getattr(self.function, "__name__", "loss").strip("_")
        own = "self.__call__" if name == "call" else f"self._{name}"
        raise TypeError(
            f"@compile above a method would compile it once for all instances; write self.{name} = "
            f"autograd.compile({own}) in __init__"
        )

    @property
    def parameters(self) -> list[Value]:
        """The leaf Values that the function was found to use."""
        return [leaf.value for leaf in self._replayed().entry.leaves if leaf.value is not None]

    @property
    def program(self) -> Program:
        """The array program of the last call; print it."""
        return self._replayed().program

    def report(self) -> str:
        """How much became of how little, and what did not lift."""
        return written(self._replayed().built.report())

    def _replayed(self) -> "_Replay":
        if self._last is None:
            raise GraphError("nothing has been traced so far: call the function once")
        entry, samples = self._last
        return entry.replay(samples)

    def _evaluated(self, given: Arguments, samples: int) -> "Loss":
        if not MODE.usual:
            _check_modes("batch() or value_and_grad()")
        with LOCK:
            self._last = self._entry(given), samples
            return self._replayed().evaluated(given)

    def _entry(self, given: Arguments) -> "_Entry":
        around = self._around()
        entry = None if self._last is None else self._last[0]
        if entry is None or not entry.fits(given, around):
            entry = self._entries.get(self._key(given, around))
        if entry is not None and entry.current():
            return entry
        if entry is not None and entry.replaced:
            self._note_replaced(entry, self._key(given, around))
        return self._traced(given, around)

    def _note_replaced(self, entry: "_Entry", key: Any) -> None:
        """Some Value has taken the place of a parameter: an error if that may have been some calls ago."""
        remedy = "assign to the parameter's .data instead, as in p.data = 0.5"
        if entry.watch.by_turns:
            del self._entries[key]
            self._last = None
            raise GraphError(
                f"another Value has taken the place of a parameter of {self._name()}, at most "
                f"{len(entry.watch.groups) - 1} calls ago, and the losses since then are those of the old one; "
                f"{remedy}, or call the function again, which traces it anew"
            )
        self._replaced += 1
        if self._replaced == TRACES + 1:
            warnings.warn(
                f"{self._name()} is traced anew each time another Value takes the place of a parameter, now for the "
                f"{TRACES + 1}th time; {remedy}",
                stacklevel=5,
            )

    def _key(self, given: Arguments, around: Sequence[Any]) -> Any:
        """What programs are told apart by."""
        modes = tuple([module.training for module in self._modules.values()])
        return given.structure, tuple(map(Same, around)), modes

    def _name(self) -> str:
        return getattr(self.function, "__name__", "the function")

    def _traced(self, given: Arguments, around: Sequence[Any]) -> "_Entry":
        reached = list(reachable(self.function))
        self._modules |= {
            id(item): item for _, _, item in reached if isinstance(item, Counted) and hasattr(item, "training")
        }
        key = self._key(given, around)
        if len(self._entries) == TRACES and key not in self._entries:
            warnings.warn(
                f"{self._name()} is traced for the {TRACES + 1}th time, for "
                f"arguments of another structure or other variables around it; arrays of one shape are traced once, so "
                f"pad what differs in length",
                stacklevel=5,
            )
        leaves = [Leaf(name, None, p, p.requires_grad) for name, p in closed_over(reached).items()]
        known = {id(leaf.value) for leaf in leaves}
        for _, _, node in given.nodes:
            if id(node) in known:
                raise TraceError(f"{node!r} is an argument and closed over as well; pass it or use it, and not both")
        drawn = _random_states(reached)
        tape = trace(self.function, given.rebuilt, leaves + given.leaves(), self.keep)
        if drawn != _random_states(reached):
            raise DrawnError(
                f"{self._name()} draws random numbers, and a program would have those of today for ever\n"
                f"Draw them before the call, and pass them as arguments"
            )
        functions, _ = _innermost(self.function)
        watch = Watch(reached, next(iter(functions), None), tape.leaves)
        entry = _Entry(tape, watch, self.dtype, self.backend, given.structure, around, [*self._modules.values()])
        if len(self._entries) == ENTRIES and key not in self._entries:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = entry
        return entry


def _check_modes(what: str) -> None:
    if MODE.anomaly:
        raise GraphError(
            "detect_anomaly() looks at one operation after another, and a compiled program has none; inside of it "
            "call the function itself, which is compiled.function"
        )
    if MODE.tape is not None:
        raise TraceError(
            f"{what} of a compiled function within another one: its numbers today would be frozen into the program\n"
            f"  at {user_line()}\nCall the inner function itself, once for each sample: it becomes a part of this one"
        )


instead(
    Compiled,
    {"backward grad": "write loss = compiled(x), and then loss.backward()"},
)


class _Entry:
    """The programs of one structure of arguments, and of the same variables around the function."""

    def __init__(
        self,
        tape: Tape,
        watch: Watch,
        dtype: np.dtype[Any],
        backend: str | None,
        structure: Any,
        around: Sequence[Any],
        modules: Sequence[Any],
    ) -> None:
        normal = Normal(tape)
        self.differentiable = bool(normal.flags[tape.root] & GRADIENT)
        self.backends = Backends(normal, backend)
        self.structure, self.around = structure, around
        self.modes, self.attributes = [(module, module.training) for module in modules], CHANGES[0]
        self.dtype = dtype
        self.leaves, self.kept, self.watch = tape.leaves, tape.kept, watch
        self.leaves_reached, self.lookups = tape.reached()
        self.store: Store | None = None
        self.changes = 0
        self.replaced = False
        self.programs: dict[int, _Replay] = {}

    def fits(self, given: Arguments, around: Sequence[Any]) -> bool:
        """Whether the function would be traced for these as it was."""
        if self.structure != given.structure or not all(map(is_, self.around, around)):
            return False
        if self.attributes != CHANGES[0]:  # of some module
            if any(module.training is not mode for module, mode in self.modes):
                return False
            self.attributes = CHANGES[0]
        return True

    def current(self) -> bool:
        """Whether each parameter still wants its gradient, or still wants none, and no other has taken its place."""
        if self.store is not None and self.store.current:
            if self.store.changes != self.changes:
                return False
            self.replaced = not self.watch.unchanged()
        else:
            if any(leaf.value is not None and leaf.wanted != leaf.value.requires_grad for leaf in self.leaves):
                return False
            self.replaced = not self.watch.unchanged_exactly()
        return not self.replaced

    def replay(self, samples: int) -> "_Replay":
        if self.store is None or not self.store.current:
            self.programs.clear()
            self._bind(samples)
        found = self.programs.pop(samples, None)
        if found is None:
            if len(self.programs) == SAMPLES:
                del self.programs[next(iter(self.programs))]
            assert self.store is not None
            memory = Memory(self.store.data, self.store.buffer)
            built = self.backends.build(memory, self.positions, samples, self.dtype)
            found = _Replay(built, self, samples)
        self.programs[samples] = found
        return found

    def _bind(self, samples: int) -> None:
        leaves = self.leaves
        of_parameters = [i for i in self.backends.parameter_order(samples) if leaves[i].value is not None]
        values = [leaves[i].value for i in of_parameters]
        self.store, where = bind(values, self.dtype)  # type: ignore[arg-type]
        self.changes = self.store.changes
        self.positions = np.zeros(len(leaves), np.int64)
        self.positions[of_parameters] = where
        self.always = self.store.places(self.positions[self.leaves_reached])
        self.tables: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        parameter = np.array([leaf.value is not None for leaf in leaves] + [False])  # the last stands for constants
        for n in {len(entries) for _, entries in self.lookups}:
            index, entries = zip(*[each for each in self.lookups if len(each[1]) == n], strict=True)
            table = np.maximum(np.array(entries), -1)
            places = np.where(parameter[table], np.append(self.positions, 0)[table], -1)
            self.tables.append((np.array(index), places))

    def reached(self, program: Program, samples: int) -> Places:
        """Where the gradients lie that a backward pass of ``program`` leaves, after its forward pass."""
        if not self.tables:
            return self.always
        rows, chosen = np.arange(max(1, samples)), []
        for index, places in self.tables:
            lies = program.places[index][:, None] + rows * program.steps[index][:, None]
            entry = program.memory.data[lies].astype(np.int64)
            chosen.append(np.take_along_axis(places, entry, axis=1).ravel())
        found = np.concatenate([self.positions[self.leaves_reached], *chosen])
        return found[found >= 0]


class _Replay:
    """A program and the buffers that it was built on."""

    def __init__(self, built: Built, entry: _Entry, samples: int) -> None:
        self.built, self.program = built, built.program
        self.entry, self.samples = entry, samples
        self.runs = 0
        # a context in which NumPy keeps quiet: to tell it so every time would take longer than a small product
        self._context = copy_context()
        self._context.run(np.seterr, all="ignore")
        self._alone = built.by_one_thread()
        self.inputs = [(i, view.data) for i, view in self.program.inputs.items()]
        self.loss = self.program.loss
        self._backward = [(np.multiply if f is select else f, args) for f, args in self.program.backward]
        self._selects = any(f is select for f, _ in self.program.backward)
        wanted = {leaf.argument for leaf in entry.leaves if leaf.argument is not None and leaf.wanted}
        assert entry.store is not None
        self.store = entry.store
        self._buffer, self._input_gradients = self.store.buffer, [self.program.inputs[i].grad for i in wanted]

    def evaluated(self, given: Arguments) -> "Loss":
        for i, block in self.inputs:
            given.fill(i, block)
        self.runs += 1
        self._run(self.program.forward)
        loss = self.loss
        total = loss.item() if len(loss) == 1 else float(np.add.reduce(loss)) / len(loss)
        return Loss(total, self, given.nodes)

    def backward(self) -> None:
        self._run(self._backward)
        if self._selects and self._context.run(self._found_nan):
            self._run(self.program.backward)  # 0 times an infinite gradient is 0 where a row selects

    def reached(self) -> Places:
        return self.entry.reached(self.program, self.samples)

    def _found_nan(self) -> bool:
        square = self._buffer.dot(self._buffer)
        return bool(square != square or any(np.isnan(grad).any() for grad in self._input_gradients))

    def _run(self, calls: list[Call]) -> None:
        if self._alone:
            by_one_blas_thread(self._context.run, run, calls)
        else:
            self._context.run(run, calls)


class Loss:
    """What a compiled function returned: a number, with a `backward` that leaves gradients in the parameters.

    data: the loss, or the mean loss of a batch
    kept: the intermediate results that were asked for, by label: numbers, or arrays with an axis for samples
    requires_grad: whether it has a gradient, as it has outside of `no_grad` if something in it asks for one
    """

    __slots__ = ("_moves", "_nodes", "_replay", "_run", "data", "kept", "requires_grad")

    _replay: Any
    """The `_Replay` that made it; None of a copy."""

    def __init__(self, data: float, replay: _Replay, nodes: Sequence[Any]) -> None:
        self.data = data
        self._replay, self._run, self._nodes = replay, replay.runs, nodes
        self._moves = replay.store.moves
        self.requires_grad = replay.entry.differentiable and (MODE.usual or MODE.recording)
        self.kept = {label: self._results(ids) for label, ids in replay.entry.kept.items()}

    def backward(self, *, create_graph: bool = False, retain_graph: bool | None = None) -> None:
        """Add d(loss)/d(p) to ``p.grad`` of every parameter, and of every Value that was an argument.

        retain_graph: PyTorch's word; a program is always kept
        """
        if create_graph:
            raise GraphError(
                "a compiled program has gradients that are numbers; for derivatives of derivatives call the function "
                "itself, which is compiled.function"
            )
        if not self.requires_grad:
            raise unrecorded(self)
        with LOCK:
            self._check_current()
            replay = self._replay
            replay.store.accumulate(replay.backward, replay.reached)
        for argument, offset, node in self._nodes:
            if node.requires_grad and argument in self._replay.program.inputs:
                node.add_grad(self._replay.program.inputs[argument].grad.item(offset))

    def value_and_grad(self) -> tuple[float, Array]:
        """(loss, gradient): one number for each parameter; the ``grad`` of the parameters stays as it is."""
        with LOCK:
            self._check_current()
            store, entry = self._replay.store, self._replay.entry
            before = store.grad.copy()
            try:
                self._replay.backward()
                places = [entry.positions[i] for i, leaf in enumerate(entry.leaves) if leaf.value is not None]
                return self.data, store.buffer[places]
            finally:
                store.buffer[:] = before

    def item(self) -> float:
        return self.data

    def __reduce__(self) -> Any:
        """A copy has the numbers, and no program."""
        return _copied, (self.data, self.kept, self.requires_grad)

    def _refused(self, *others: Any) -> NoReturn:
        raise TypeError(
            "what a compiled function returns is a finished loss; compute with it inside of the function, or with its "
            "number, float(loss)"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refused
    __lt__ = __le__ = __gt__ = __ge__ = __neg__ = __pow__ = __rpow__ = __abs__ = __mod__ = __floordiv__ = _refused

    def __float__(self) -> float:
        return self.data

    def __int__(self) -> int:
        return int(self.data)

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.data, digits)

    def __bool__(self) -> bool:
        return self.data != 0.0

    def __eq__(self, other: object) -> bool:
        """As a `Value` does: whether it is this loss, or a plain number equal to it."""
        return self.data == other if isinstance(other, Real) else self is other

    __hash__ = object.__hash__

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        return f"Loss(data={self.data!r})"

    def _check_current(self) -> None:
        if not MODE.usual:
            _check_modes("the gradient")
        replay = self._replay
        if replay is None:
            raise GraphError(
                "backward() of a copy of a compiled loss, which has its numbers only; call backward() on the loss "
                "itself, or call the compiled function again"
            )
        store = replay.store
        if store.moves != self._moves:
            raise GraphError(
                "backward() of a loss whose parameters have moved since it was computed: its gradients would be a "
                "mixture; call backward() before the step, or the compiled function again"
            )
        if replay.runs != self._run or not store.current:
            raise GraphError(
                "backward() of a loss whose numbers were overwritten by a later call of the compiled function; "
                "call backward() before the next call"
            )

    def _results(self, ids: Sequence[int]) -> Any:
        program = self._replay.program
        rows = np.arange(max(1, self._replay.samples))
        found = np.array([program.memory.data[program.places[i] + rows * program.steps[i]] for i in ids])
        found = found[0] if len(ids) == 1 else found.T
        return found if self._replay.samples else found.tolist()[0]


def _copied(data: float, kept: dict[str, Any], requires_grad: bool) -> Loss:
    loss = Loss.__new__(Loss)
    loss.data, loss.kept, loss.requires_grad = data, kept, requires_grad
    loss._replay = None
    return loss


def _innermost(function: Any) -> tuple[list[types.FunctionType], list[Any]]:
    """The functions of Python's that ``function`` is made of, as a method, partial or wrapper; and whose they are."""
    functions: list[types.FunctionType] = []
    owners: list[Any] = []
    stack = [function]
    while stack:
        f = stack.pop()
        if isinstance(f, types.FunctionType):
            functions.append(f)
        elif isinstance(f, types.MethodType):
            owners.append(f.__self__)
            stack.append(f.__func__)
        elif isinstance(f, partial):
            stack.append(f.func)
        elif isinstance(call := getattr(type(f), "__call__", None), types.FunctionType):  # noqa: B004
            owners.append(f)
            stack.append(call)
        stack += [wrapped] if (wrapped := getattr(f, "__dict__", {}).get("__wrapped__")) is not None else []
    return functions, owners


def _surroundings(function: Any) -> Callable[[], tuple[Any, ...]]:
    """What reads the variables around ``function``: whose method it is, the cells of its closure, and global ones."""
    functions, owners = _innermost(function)
    empty = types.CellType()
    cells = [cell for f in functions for cell in f.__closure__ or ()]
    ours = [f.__globals__.get("__name__", "").partition(".")[0] in ("autograd", "nn") for f in functions]
    names = [
        (f.__globals__, name)
        for f, is_ours in zip(functions, ours, strict=True)
        if not is_ours
        for name in dict.fromkeys(names_in(f.__code__))
    ]
    return lambda: (
        *owners,
        *[cell.cell_contents for cell in cells if cell != empty],
        *[world.get(name) for world, name in names],
    )


def _random_states(reached: Iterable[tuple[str, Any, Any]]) -> list[bytes]:
    """Of Python's random numbers, of NumPy's, and of the generators that a function can reach."""
    found = [item for _, _, item in reached if isinstance(item, GENERATORS)]
    return [pickle.dumps(generator) for generator in (*global_generators(), *found)]


def global_generators() -> list[Any]:
    """Those of Python's and of NumPy's functions for random numbers."""
    return [random.seed.__self__, np.random.mtrand._rand]  # type: ignore[attr-defined]


GENERATORS = (random.Random, np.random.Generator, np.random.RandomState)
