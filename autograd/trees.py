"""Trees: a number, array or node, or a list, tuple or dict of trees. Arguments and results have such structures."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

Tree = Any


def parts(tree: Any) -> Iterable[tuple[Any, Tree]]:
    """Key and part, of a list, tuple or dict."""
    return tree.items() if isinstance(tree, dict) else enumerate(tree)


def is_series(x: Any) -> bool:
    """Whether ``x`` can be gone through, one by one: text shall not, and an array without axes cannot."""
    return isinstance(x, Iterable) and not isinstance(x, str) and getattr(x, "shape", None) != ()


def leaves(tree: Tree) -> Iterator[Any]:
    """What is in ``tree``, in order."""
    if isinstance(tree, list | tuple | dict):
        for _, part in parts(tree):
            yield from leaves(part)
    else:
        yield tree


def changed(tree: Tree, change: Callable[[Any, str], Any], path: str = "") -> Tree:
    """The same structure with ``change(leaf, path)`` for every leaf; the path is the way to it, ``path[0]['w']``."""
    if not isinstance(tree, list | tuple | dict):
        return change(tree, path)
    new = {key: changed(part, change, f"{path}[{key!r}]") for key, part in parts(tree)}
    if isinstance(tree, dict):
        return new
    return tree._make(new.values()) if hasattr(tree, "_make") else type(tree)(new.values())


def restored(tree: Tree, numbers: Iterable[Any]) -> Tree:
    """The same structure with ``numbers`` for leaves."""
    following = iter(numbers)
    return changed(tree, lambda leaf, path: next(following))
