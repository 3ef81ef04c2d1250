"""Trees: a number, array or node, or a list, tuple, dict or dataclass of trees; None is one without leaves.

Arguments and results have such structures. Text in a dataclass, such as a name, is left as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

Tree = Any


def is_record(x: Any) -> bool:
    """Whether ``x`` is an instance of a dataclass."""
    return hasattr(type(x), "__dataclass_fields__")


def parts(tree: Any) -> Iterable[tuple[Any, Tree]]:
    """Key and part, of a list, tuple, dict or dataclass."""
    if is_record(tree):
        return {**{f.name: getattr(tree, f.name) for f in fields(tree)}, **getattr(tree, "__dict__", {})}.items()
    return tree.items() if isinstance(tree, dict) else enumerate(tree)


def made(kind: Any, parts: Mapping[Any, Any]) -> Any:
    """A container of class ``kind`` with these `parts`."""
    if issubclass(kind, dict):
        return dict(parts)
    if is_dataclass(kind):
        record: Any = object.__new__(kind)  # type: ignore[arg-type]
        for name, part in parts.items():  # and not by its __init__, which may look at numbers
            object.__setattr__(record, name, part)
        return record
    return kind._make(parts.values()) if hasattr(kind, "_make") else kind(parts.values())


def is_series(x: Any) -> bool:
    """Whether ``x`` can be gone through, one by one: text shall not, and an array without axes cannot."""
    return isinstance(x, Iterable) and not isinstance(x, str) and getattr(x, "shape", None) != ()


def has_parts(x: Any) -> bool:
    """Whether ``x`` is no leaf."""
    return isinstance(x, list | tuple | dict) or is_record(x)


def leaves(tree: Tree) -> Iterator[Any]:
    """What is in ``tree``, in order."""
    if has_parts(tree):
        for _, part in parts(tree):
            if not (isinstance(part, str) and is_record(tree)):
                yield from leaves(part)
    elif tree is not None:
        yield tree


def changed(tree: Tree, change: Callable[[Any, str], Any], path: str = "") -> Tree:
    """The same structure with ``change(leaf, path)`` for every leaf; the path is the way to it, ``path[0]['w']``."""
    if not has_parts(tree):
        return None if tree is None else change(tree, path)
    name = "{}.{}" if is_record(tree) else "{}[{!r}]"
    return made(
        type(tree),
        {
            key: part if isinstance(part, str) and is_record(tree) else changed(part, change, name.format(path, key))
            for key, part in parts(tree)
        },
    )


def restored(tree: Tree, numbers: Iterable[Any]) -> Tree:
    """The same structure with ``numbers`` for leaves."""
    following = iter(numbers)
    return changed(tree, lambda leaf, path: next(following))
