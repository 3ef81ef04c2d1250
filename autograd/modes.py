"""What a thread is doing besides computing: recording or not, looking for anomalies, sparing the collector."""

import gc
import linecache
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dis import opmap
from functools import update_wrapper, wraps
from inspect import (
    CO_ASYNC_GENERATOR,
    CO_COROUTINE,
    CO_GENERATOR,
    isasyncgenfunction,
    iscoroutinefunction,
    isgeneratorfunction,
)
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from autograd.errors import AnomalyError

Scope = tuple[()] | tuple[Any, Any]
"""What runs around a block or a call of a model, and the name of the block or the model; empty outside of all.

Each run has a tuple of its own, so that two calls of one model can be told apart.
"""


class _Block:
    """One `with` block of a mode, from its entry to its exit.

    before:    for each name that it sets, what holds when the block ends
    generator: the frame of the generator or coroutine that entered the block and takes it along when it is suspended
    """

    __slots__ = ("before", "generator", "settings")

    def __init__(self, settings: dict[str, Any], generator: FrameType | None) -> None:
        self.settings = settings
        self.generator = generator
        self.before: dict[str, Any] = {}


class _Mode(threading.local):
    """The modes in force, each thread with its own.

    A block that a generator entered is in force while that generator runs. Python does not say when a generator is
    suspended, but the frame of one that is has no caller: `settle` looks at that.
    """

    usual: bool
    """Recording, not looking for anomalies, and no generator has a block open: one look decides the common case."""
    quiet: bool
    """NumPy has already been told to follow IEEE 754 without a word."""
    scope: Scope | None
    """The `scope` block or the call of a model that runs. None: nodes do not keep where they were made."""
    differentiating: bool
    """Inside a function whose derivative is taken: derivatives in there are recorded, and no number may slip out."""
    tape: Any
    """Where a function that is being compiled writes down its operations, instead of computing them."""
    origins: dict[int, str]
    """Where each node was made, by its id: an equal node is another one. Kept only inside `detect_anomaly`."""

    def __init__(self) -> None:
        vars(self).update(recording=True, anomaly=False, usual=True, quiet=False, scope=())
        vars(self).update(differentiating=False, tape=None, origins={})
        self._blocks: list[_Block] = []  # those in force, the innermost last
        self._generators: list[_Block] = []  # those that generators entered, in force or suspended

    @property
    def recording(self) -> bool:
        if self._generators:
            self.settle()
        return self.__dict__["recording"]  # type: ignore[no-any-return]

    @property
    def anomaly(self) -> bool:
        if self._generators:
            self.settle()
        return self.__dict__["anomaly"]  # type: ignore[no-any-return]

    def settle(self) -> None:
        """Leave the blocks of suspended generators, and enter those of resumed ones again."""
        state = vars(self)
        for block in [*self._generators]:
            running = block.generator is not None and block.generator.f_back is not None
            if running != (block in self._blocks):
                (_begin if running else _end)(block, state)
            if block.generator is None:  # it has ended
                self._generators.remove(block)
        _look(state)

    def enter(self, block: _Block) -> None:
        state = vars(self)
        if block.generator is not None:
            self._generators.append(block)
        _begin(block, state)
        _look(state)

    def leave(self, block: _Block) -> None:
        state = vars(self)
        if block.generator is None:
            _end(block, state)
            _look(state)
        else:
            block.generator = None
            self.settle()


def _begin(block: _Block, state: dict[str, Any]) -> None:
    block.before = {name: state[name] for name in block.settings}
    state.update(block.settings)
    state["_blocks"].append(block)


def _end(block: _Block, state: dict[str, Any]) -> None:
    """Undo ``block``. If a later one has set a name again, that one goes back to what was before this one."""
    blocks = state["_blocks"]
    if block in blocks:  # and not in another thread
        at = blocks.index(block)
        del blocks[at]
        for later in blocks[at:]:
            for name in later.before.keys() & block.before.keys():
                later.before[name] = block.before.pop(name)
        state.update(block.before)


def _look(state: dict[str, Any]) -> None:
    normal = state["recording"] and not state["anomaly"] and state["tape"] is None
    state["usual"] = normal and not state["_generators"]


MODE = _Mode()


_SUSPENDABLE = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
_MANAGERS = {"contextlib", "_pytest", "pluggy", "pytest_asyncio", "anyio"}
"""Packages in which a generator serves as a context manager: suspended, it sets the mode for who entered it."""


def _generator(frame: FrameType | None) -> FrameType | None:
    """The generator or coroutine, if any, that takes a block entered in ``frame`` along when it is suspended."""
    while frame is not None:
        flags, caller = frame.f_code.co_flags, frame.f_back
        if flags & _SUSPENDABLE:
            delegated = not flags & CO_ASYNC_GENERATOR and _delegates(caller)  # `yield from` and `await`
            if not delegated and _package(caller) not in _MANAGERS:
                return frame
        elif frame.f_globals.get("__name__") != "contextlib":
            return None
        frame = caller
    return None


def _delegates(frame: FrameType | None) -> bool:
    return frame is not None and frame.f_code.co_code[running_instruction(frame)] == opmap["SEND"]


def running_instruction(frame: FrameType) -> int:
    """The offset in the bytecode of what ``frame`` does now; Python may point at a cache behind the instruction."""
    at, code = frame.f_lasti, frame.f_code.co_code
    while code[at] == opmap["CACHE"]:
        at -= 2
    return at


def _package(frame: FrameType | None) -> str:
    return "" if frame is None else str(frame.f_globals.get("__name__")).partition(".")[0]


class setting:  # noqa: N801 (used as a function is)
    """The modes named, for as long as the block, or the decorated function, lasts.

    In a generator or a coroutine that is also only while it runs: what happens elsewhere while it is suspended is in
    the modes of elsewhere. Blocks may end in any order.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self._entered: list[_Block] = []

    def __enter__(self) -> None:
        block = _Block(self._settings, _generator(sys._getframe(1)))
        self._entered.append(block)
        MODE.enter(block)

    def __exit__(self, *exception: object) -> None:
        MODE.leave(self._entered.pop())

    def __call__(self, function: Any) -> Any:
        if isinstance(function, classmethod):
            return classmethod(self(function.__func__))
        if not callable(function) or isinstance(function, type):
            raise TypeError(
                f"as a decorator a mode takes a function, and in a with statement nothing: write with no_grad(): or "
                f"@no_grad above a function or a method, below @property; got {function!r}"
            )

        def again() -> setting:
            return setting(**{name: copy(setting) for name, setting in self._settings.items()})

        wrapped: Any
        if isgeneratorfunction(function):

            def wrapped(*args: Any, **named: Any) -> Any:
                with again():
                    return (yield from function(*args, **named))

        elif isasyncgenfunction(function):

            async def wrapped(*args: Any, **named: Any) -> Any:
                with again():
                    async for item in function(*args, **named):
                        yield item

        elif iscoroutinefunction(function):

            async def wrapped(*args: Any, **named: Any) -> Any:
                with again():
                    return await function(*args, **named)

        else:

            def wrapped(*args: Any, **named: Any) -> Any:
                with again():
                    return function(*args, **named)

        return wraps(function)(wrapped)


def _mode(function: Any, **settings: Any) -> Any:
    """A mode as ``with mode():``, ``@mode()`` or ``@mode``."""
    return setting(**settings) if function is None else setting(**settings)(function)


class _NeedsParentheses:
    """The function of a mode, such that ``with mode:`` says what is missing."""

    def __init__(self, function: Callable[..., Any]) -> None:
        update_wrapper(self, function)
        self._function = function

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self._function(*args, **named)

    def __enter__(self) -> NoReturn:
        name = self._function.__name__
        raise TypeError(f"with {name}: lacks the parentheses; write with {name}():")

    def __exit__(self, *exception: object) -> None: ...

    def __reduce__(self) -> str:
        return self._function.__name__


@_NeedsParentheses
def no_grad(function: Any = None) -> Any:
    """``with no_grad():`` record nothing; results are constants. For evaluation and parameter updates.

    Also a decorator, ``@no_grad``, of generators and coroutines too. A generator that has the block open records
    nothing while it runs; while it is suspended, others record.
    """
    return _mode(function, recording=False)


@_NeedsParentheses
def detect_anomaly(function: Any = None) -> Any:
    """``with detect_anomaly():`` the first operation that makes a nan or an inf raises `AnomalyError`.

    The error names the operation, its operands and the source line that wrote it. Forward operations are
    checked as they happen; `backward` called inside the block checks every contribution it sends. Also a decorator, as
    `no_grad` is.
    """
    return _mode(function, anomaly=True, origins={})


@contextmanager
def ieee_arithmetic() -> Iterator[None]:
    """Let NumPy answer as IEEE 754 does, without warnings: once for a whole loop, else for each operation."""
    before, MODE.quiet = MODE.quiet, True
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        MODE.quiet = before


@_NeedsParentheses
def no_names(function: Any = None) -> Any:
    """``with no_names():`` nodes do not keep where they were made; for loops that nobody will look into.

    Without it a picture calls a node by the variable it was assigned to, and shows its line; `nn.fit` does without.
    """
    return _mode(function, scope=None)


def scope(name: str) -> Any:
    """``with scope("encoder"):`` pictures say of what is made in the block that it is the encoder's.

    In a large graph it is folded into one card. Scopes nest, and each call of an `nn.Module` is one by itself. A node
    keeps its scope, and with it the model: one that keeps its own last output waits for the garbage collector.
    """
    if not isinstance(name, str) or not name.strip():
        raise TypeError(f'scope takes a name, as in scope("encoder"); got {type(name).__name__} {name!r}')
    return setting(scope=None if MODE.scope is None else (MODE.scope, name))


class _Within(dict[str, bool]):
    """By the name of a source file, whether it lies within some folders; asked often, so it remembers."""

    def __init__(self, *folders: str, root: Path = Path(__file__).parents[1]) -> None:
        self.paths = tuple(f"{root}{os.sep}{folder}" for folder in folders)

    def __missing__(self, file: str) -> bool:
        self[file] = file.startswith(self.paths)
        return self[file]


ENGINE = _Within(f"autograd{os.sep}", f"nn{os.sep}module.py")  # which stands between a layer and its caller
OURS = _Within(f"autograd{os.sep}", f"nn{os.sep}")
NUMPY = _Within("", root=Path(np.__file__).parent)


def remember_place(node: Any, frame: Any, scope: Scope) -> None:
    """Keep with ``node`` its ``scope``, and the innermost instruction from ``frame`` outwards that is not the engine's.

    It may be a layer's: to go on to whoever called that would cost as much as the neuron itself.
    """
    while ENGINE[frame.f_code.co_filename] and frame.f_back:
        frame = frame.f_back
    node.code, node.instruction, node.scope = frame.f_code, frame.f_lasti, scope


def _is_library(file: str) -> bool:
    return OURS[file] or NUMPY[file] or file.startswith("<frozen ")


def user_frame() -> FrameType:
    """The innermost frame that is not glassgrad's own or NumPy's."""
    frame = sys._getframe(1)
    while frame.f_back and _is_library(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def user_line() -> str:
    """Its source line, as ``file:line: text``."""
    return source_line(user_frame())


def source_line(frame: FrameType) -> str:
    """The line that ``frame`` is at, as ``file:line: text``."""
    name, line = frame.f_code.co_filename, frame.f_lineno
    return f"{file_name(name)}:{line}: {linecache.getline(name, line).strip()}"


def ipython_shell() -> Any:
    """The IPython that this runs in, in a terminal or as a notebook's kernel; None without."""
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()


def file_name(file: str) -> str:
    """What to call a source file: a notebook's cell is in one with a meaningless name, and is called ``In[3]``."""
    cell = getattr(getattr(ipython_shell(), "compile", None), "format_code_name", lambda file: None)(file)
    return str(cell[1]) if cell else file


def _short(data: Any) -> str:
    with np.printoptions(threshold=20, edgeitems=2):
        return repr(data)


def shown_operands(nodes: Sequence[Any]) -> str:
    """Name and number of the first few, for a message."""
    shown = [f"{_name(node)} = {_short(node.data)}" for node in nodes[:4]]
    return ", ".join(shown + ["…"] * (len(nodes) > 4))


def _name(node: Any) -> str:
    """The label without what a terminal would obey."""
    text = printable(str(node.label or "argument"))
    return text if len(text) <= 40 else f"{text[:20]}…{text[-19:]}"


def printable(text: str) -> str:
    """``text`` with a blank for each control character: a terminal obeys them, and XML has no way to write them."""
    return "".join(c if c.isprintable() else " " for c in text)


def check_forward(node: Any, op: Any, operands: Sequence[Any]) -> None:
    """Raise if ``node``, just made inside `detect_anomaly`, is nan or inf; else remember where it was made."""
    line = user_line()
    if not np.all(np.isfinite(node.data)):
        finite = all(np.all(np.isfinite(operand.data)) for operand in operands)
        remedy = (
            f"Keep the operands inside the domain of {op.name} there, for example by clip() or a small constant."
            if finite
            else "An operand was nan or inf already: look at where that came from."
        )
        raise AnomalyError(f"{op.name} made {_short(node.data)} from {shown_operands(operands)}\n  at {line}\n{remedy}")
    MODE.origins[id(node)] = line


def check_derivative(node: Any, name: str, source: str, given: Any, made: Sequence[Any]) -> None:
    """Raise if a gradient that ``node`` sends, or the tangent that it gets, is nan or inf inside `detect_anomaly`."""
    for d in made:
        if d is not None and not np.all(np.isfinite(d)):
            outside = "a line outside detect_anomaly(): put the forward pass inside to see it here"
            line = MODE.origins.get(id(node), outside)
            raise AnomalyError(
                f"the {name} of {node.op.name} made {_short(d)} from {source} {_short(given)} "
                f"and {shown_operands(node.parents)}\n  at {line}"
            )


@_NeedsParentheses
@contextmanager
def paused_gc() -> Iterator[None]:
    """Keep the cyclic collector from searching graphs, which have no cycles; for loops that build many.

    The collector is the process's: it rests until the last of these blocks has ended, in whatever order they do.
    """
    _WAS_ENABLED.append(gc.isenabled())
    gc.disable()
    try:
        yield
    finally:
        if _WAS_ENABLED.pop():  # true of the first block only, the last to be popped
            gc.enable()


_WAS_ENABLED: list[bool] = []
