"""A `Trace` as JSON, and back."""

import json
import math
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from autograd.viz.trace import Trace


def to_json(trace: Trace) -> str:
    """``trace`` as JSON: an object with the fields of `Trace`, and so on downwards, each record on a line.

        {"nodes": [{"id": 0, "kind": "leaf", "name": "a", "op": "", "data": 2.0, "grad": 6.0, …}, …],
         "edges": [{"parent": 0, "child": 2, "argument": 0, "derivative": -3.0}, …],
         "total": 7, …}

    An edge's parent and child are places in "nodes", a node's line is one in "lines". What each field means is said
    at `Trace`, `NodeRecord`, `EdgeRecord` and `StepRecord`. nan and the infinities, which JSON does not know, are the
    strings "NaN", "Infinity" and "-Infinity": JavaScript's ``Number`` reads them, and Python's ``float``.
    """
    members = []
    for name, value in _plain(trace).items():
        rows = "[\n" + ",\n".join(map(json.dumps, value)) + "\n]" if isinstance(value, list) else json.dumps(value)
        members.append(f'"{name}": {rows}')
    return "{\n" + ",\n".join(members) + "\n}\n"


def from_json(text: str | bytes) -> Trace:
    """The trace that `to_json` wrote; `ValueError` for anything else."""
    try:
        found: Trace = _record(Trace, json.loads(text))
        _check_places(found)
    except (ValueError, TypeError) as error:
        raise ValueError(f'this is no trace as draw(L).save("L.json") writes it: {error}') from error
    return found


def in_words(x: float) -> str:
    """nan and the infinities as JavaScript's ``Number`` and Python's ``float`` read them."""
    return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def _plain(x: Any) -> Any:
    if is_dataclass(x):
        return {field.name: _plain(getattr(x, field.name)) for field in fields(x)}
    if hasattr(x, "_asdict"):
        return {name: _plain(value) for name, value in x._asdict().items()}
    if isinstance(x, tuple):
        return [_plain(item) for item in x]
    if isinstance(x, np.generic):  # of a p.data that was assigned to
        x = x.item()
    return in_words(x) if isinstance(x, float) and not math.isfinite(x) else x


def _record(hint: Any, x: Any) -> Any:
    """``x``, read from JSON, as a value of type ``hint``."""
    kind, options = get_origin(hint), get_args(hint)
    if kind is UnionType:
        (other,) = [option for option in options if option is not type(None)]
        return None if x is None else _record(other, x)
    if isinstance(x, dict) and (is_dataclass(hint) or hasattr(hint, "_fields")):
        hints = get_type_hints(hint)
        if stray := x.keys() - hints.keys():
            raise ValueError(f"a {hint.__name__} has no {min(stray)!r}")
        return hint(**{name: _record(hints[name], value) for name, value in x.items()})
    if isinstance(x, list) and kind is tuple:
        kinds = options[:1] * len(x) if options[-1] is Ellipsis else options
        return tuple(_record(each, item) for each, item in zip(kinds, x, strict=True))
    if hint is float and (x in ("NaN", "Infinity", "-Infinity") or type(x) in (int, float)):
        return float(x)
    if x in options if kind is Literal else type(x) is hint:
        return x
    raise ValueError(f"expected {hint if kind else hint.__name__}, found {x!r:.60}")


def _check_places(found: Trace) -> None:
    """Every number of a node, an edge or a line must be one that there is."""
    nodes, edges, lines = len(found.nodes), len(found.edges), len(found.lines)
    places = [(node.line, lines) for node in found.nodes if node.line is not None]
    places += [(place, nodes) for edge in found.edges for place in (edge.parent, edge.child)]
    places += [(step.node, nodes) for step in found.steps]
    places += [(send.edge, edges) for step in found.steps for send in step.sends]
    places += [(arrival.node, nodes) for step in found.steps for arrival in step.arrivals]
    if not nodes or [node.id for node in found.nodes] != list(range(nodes)):
        raise ValueError('the "id" of each node must be its place, from 0')
    if wrong := [place for place, count in places if not 0 <= place < count]:
        raise ValueError(f"there is no node, edge or line {wrong[0]}")
