"""What a thread is doing besides computing: recording or not, looking for anomalies, sparing the collector."""

import gc
import linecache
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from autograd.errors import AnomalyError

Scope = tuple[()] | tuple[Any, Any]
"""What runs around a block or a call of a model, and the name of the block or the model; empty outside of all.

Each run has a tuple of its own, so that two calls of one model can be told apart.
"""


class _Mode(threading.local):
    """The modes in force, each thread with its own."""

    recording: bool = True
    anomaly: bool = False
    usual: bool = True
    """Recording and not looking for anomalies: one look decides the common case."""
    quiet: bool = False
    """NumPy has already been told to follow IEEE 754 without a word."""
    scope: Scope | None = ()
    """The `scope` block or the call of a model that runs. None: nodes do not keep where they were made."""
    differentiating: bool = False
    """Inside a function whose derivative is taken: derivatives in there are recorded, and no number may slip out."""
    tape: Any = None
    """Where a function that is being compiled writes down its operations, instead of computing them."""

    def __init__(self) -> None:
        self.origins: dict[int, str] = {}
        """Where each node was made, by its id: an equal node is another one. Kept only inside `detect_anomaly`."""


MODE = _Mode()


@contextmanager
def setting(**settings: Any) -> Iterator[None]:
    """The modes named, for as long as the block lasts."""
    before = {name: getattr(MODE, name) for name in settings}
    try:
        _set_mode(settings)
        yield
    finally:
        _set_mode(before)


def _set_mode(settings: dict[str, Any]) -> None:
    for name, setting in settings.items():
        setattr(MODE, name, setting)
    MODE.usual = MODE.recording and not MODE.anomaly and MODE.tape is None


def no_grad() -> Any:
    """``with no_grad():`` record nothing; results are constants. For evaluation and parameter updates."""
    return setting(recording=False)


def detect_anomaly() -> Any:
    """``with detect_anomaly():`` the first operation that makes a nan or an inf raises `AnomalyError`.

    The error names the operation, its operands and the source line that wrote it. Forward operations are
    checked as they happen; `backward` called inside the block checks every contribution it sends.
    """
    return setting(anomaly=True, origins={})


@contextmanager
def ieee_arithmetic() -> Iterator[None]:
    """Let NumPy answer as IEEE 754 does, without warnings: once for a whole loop, else for each operation."""
    with np.errstate(all="ignore"), setting(quiet=True):
        yield


def no_names() -> Any:
    """``with no_names():`` nodes do not keep where they were made; for loops that nobody will look into.

    Without it a picture calls a node by the variable it was assigned to, and shows its line; `nn.fit` does without.
    """
    return setting(scope=None)


def scope(name: str) -> Any:
    """``with scope("encoder"):`` pictures say of what is made in the block that it is the encoder's.

    In a large graph it is folded into one card. Scopes nest, and each call of an `nn.Module` is one by itself. A node
    keeps its scope, and with it the model: one that keeps its own last output waits for the garbage collector.
    """
    if not isinstance(name, str) or not name.strip():
        raise TypeError(f'scope takes a name, as in scope("encoder"); got {type(name).__name__} {name!r}')
    return setting(scope=None if MODE.scope is None else (MODE.scope, name))


class _Within(dict[str, bool]):
    """By the name of a source file, whether it lies within some parts of glassgrad; asked often, so it remembers."""

    def __init__(self, *parts: str) -> None:
        self.paths = tuple(f"{Path(__file__).parents[1]}{os.sep}{part}" for part in parts)

    def __missing__(self, file: str) -> bool:
        self[file] = file.startswith(self.paths)
        return self[file]


ENGINE = _Within(f"autograd{os.sep}", f"nn{os.sep}module.py")  # which stands between a layer and its caller
OURS = _Within(f"autograd{os.sep}", f"nn{os.sep}")


def remember_place(node: Any, frame: Any, scope: Scope) -> None:
    """Keep with ``node`` its ``scope``, and the innermost instruction from ``frame`` outwards that is not the engine's.

    It may be a layer's: to go on to whoever called that would cost as much as the neuron itself.
    """
    while ENGINE[frame.f_code.co_filename] and frame.f_back:
        frame = frame.f_back
    node.code, node.instruction, node.scope = frame.f_code, frame.f_lasti, scope


def user_line() -> str:
    """The innermost source line that is not glassgrad's own, as ``file:line: text``."""
    frame = sys._getframe(1)
    while frame.f_back and (OURS[frame.f_code.co_filename] or frame.f_code.co_filename.startswith("<frozen ")):
        frame = frame.f_back
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


@contextmanager
def paused_gc() -> Iterator[None]:
    """Keep the cyclic collector from searching graphs, which have no cycles; for loops that build many."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
