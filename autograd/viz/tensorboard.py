"""Files for TensorBoard: the graph of a result, and the curves of a training.

    export_graph(loss, "runs/moons")
    nn.fit(model, data, …, callbacks=[TensorBoard("runs/moons")])

``tensorboard --logdir runs`` shows them, the curves while they grow.
"""

import os
import time
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

from autograd.graph import Node, topological_order
from autograd.viz.trace import NodeRecord, Trace, records
from autograd.viz.wording import name, number, one_line

SIGNS = str.maketrans({"/": "∕", ":": "∶", "^": "ˆ", '"': "”", "'": "’", "\\": "∖"})  # these it takes for its own
SERIES = {
    "loss": ("train", "loss"),
    "accuracy": ("train", "accuracy"),
    "validation_loss": ("validation", "loss"),
    "validation_accuracy": ("validation", "accuracy"),
}
"""By attribute of a History its run and its tag: TensorBoard has a chart for each tag, with the curves of all runs."""

_files = count()


def export_graph(root: Node, logdir: str | os.PathLike[str]) -> Path:
    """Write the whole graph of ``root`` for TensorBoard's page "Graphs". Returns the file.

    Nodes fold by `scope` and by the modules that made them, ``model/layers.0/neurons.3``. A click on one shows its
    data, its gradient, the local derivative of each operand, all with all their digits, and its source line.

    Errors: ImportError without tensorboard; OSError where ``logdir`` cannot be written to.
    """
    order = topological_order(root)
    found = records(root, order, len(order))
    return _append(_folder(logdir), _file(), graph_def=_graph(found).SerializeToString())


class TensorBoard:
    """A callback of `nn.fit` that writes the curves of a training while it goes on.

    Loss and accuracy after each epoch: of the training in the folder ``logdir``/train, of the validation in
    ``logdir``/validation. A training that goes on from a checkpoint goes on with its curves in the same ``logdir``.

    Errors: ImportError without tensorboard and OSError where ``logdir`` cannot be made, both before the training.
    """

    def __init__(self, logdir: str | os.PathLike[str]) -> None:
        self.logdir = _folder(logdir)
        self._file = _file()

    def __call__(self, epoch: int, model: Any, history: Any) -> None:
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        for series, (run, tag) in SERIES.items():
            if len(values := getattr(history, series)) > epoch:
                folder = self.logdir / run
                folder.mkdir(exist_ok=True)
                _append(folder, self._file, step=epoch + 1, summary=scalar_pb(tag, values[epoch]))


def export_history(history: Any, logdir: str | os.PathLike[str]) -> Path:
    """Write the curves of a training that is over: ``history`` is what `nn.fit` returned. Returns the folder."""
    if not all(hasattr(history, series) for series in SERIES):
        raise TypeError(f"history is what nn.fit returned, with its losses by epoch; got {type(history).__name__}")
    write = TensorBoard(logdir)
    for epoch in range(len(history.loss)):
        write(epoch, None, history)
    return write.logdir


# ----- the graph -----


def _graph(found: Trace) -> Any:
    """A GraphDef, TensorFlow's record of a graph."""
    from tensorboard.compat.proto.graph_pb2 import GraphDef

    graph = GraphDef()
    names = _names(found)
    for node, operands in zip(found.nodes, found.operands(), strict=True):
        op = "Const" if node.kind == "constant" else one_line(node.op) or "leaf"
        drawn = graph.node.add(name=names[node.id], op=op, input=[names[edge.parent] for edge in operands])
        numbers = {"data": node.data, "grad": node.grad, "|grad|": node.norm}
        for edge in operands:
            called = names[edge.parent].rpartition("/")[2]
            numbers[f"∂/∂{called}, operand {edge.argument + 1}"] = edge.derivative
        texts = {what: repr(x) for what, x in numbers.items() if x is not None}
        if node.shape is not None:
            texts["array"] = f"{node.shape} {node.dtype}"
            shape = drawn.attr["_output_shapes"].list.shape.add()  # written on the edges
            for size in node.shape:
                shape.dim.add(size=size)
        if node.line is not None:
            line = found.lines[node.line]
            text = one_line(f"{line.place}: {line.text}")
            drawn.attr["line"].placeholder = text.translate(SIGNS)  # a string; s is for bytes
        if node.health:
            texts["health"] = node.health
        for what, text in texts.items():
            drawn.attr[what].s = text.encode()
    return graph


def _names(found: Trace) -> list[str]:
    """For each node a name that no other has: ``model/layers.0/neurons.3/w.1``, and of equal ones x, x_1, x_2."""
    names: list[str] = []
    taken: set[str] = set()
    uses: Counter[str] = Counter()
    users = {edge.parent: found.nodes[edge.child] for edge in reversed(found.edges)}
    for node in found.nodes:
        is_plain = node.kind == "constant" and node.line is None  # a number that was mixed in belongs to who uses it
        scope = [name(part) for part in (users.get(node.id, node) if is_plain else node).scope.split("/")]
        wanted = unique = "/".join(part.translate(SIGNS) for part in [*scope, _title(node)] if part)
        while unique in taken:
            uses[wanted] += 1
            unique = f"{wanted}_{uses[wanted]}"
        taken.add(unique)
        names.append(unique)
    return names


def _title(node: NodeRecord) -> str:
    """What ``node`` is called where its scope is known: "w.1" for "layers.0.neurons.3.w.1"."""
    way = node.scope.split("/")
    prefixes = [f"{'.'.join(way[i:])}." for i in range(len(way))]
    own = next((node.name.removeprefix(prefix) for prefix in prefixes if node.name.startswith(prefix)), node.name)
    value = number(node.data) if node.kind == "constant" and node.data is not None else ""
    return name(own) or name(node.op) or value or node.kind


# ----- the files -----


def _folder(logdir: str | os.PathLike[str]) -> Path:
    """``logdir``, there and of use: before a training is the time to learn that it cannot be written."""
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'the package tensorboard writes what TensorBoard reads; install it by: pip install "glassgrad[tensorboard]"'
        ) from error
    folder = Path(logdir)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _file() -> str:
    """A name as TensorBoard knows its files, in the order of time, and no other's."""
    return f"events.out.tfevents.{int(time.time()):010d}.{os.getpid()}.{next(_files):06d}"


def _append(folder: Path, file: str, **content: Any) -> Path:
    """Add an event to ``file``, whose first is its version. Closed at once: it may be read meanwhile."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    path = folder / file
    with path.open("ab") as stream:
        write = RecordWriter(stream).write
        if not stream.tell():
            write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
        write(Event(wall_time=time.time(), **content).SerializeToString())
    return path
