"""Threads of BLAS, the library in which NumPy multiplies matrices."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

LARGE = 2e8
"""Multiplications in a step above which more threads pay. Below, they gain little on an idle machine, and on a busy one
lose much, waiting for each other (`python -m benchmarks blas_threads`)."""


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """``with one_blas_thread():`` products are made by one thread, here and in every other thread of Python."""
    before = [(library, library.get_num_threads()) for library in _libraries()]
    several = [(library, n) for library, n in before if n != 1]
    try:
        for library, _ in several:
            library.set_num_threads(1)
        yield
    finally:
        for library, n in several:
            library.set_num_threads(n)


def by_one_blas_thread(function: Callable[..., Any], *args: Any) -> None:
    """``function(*args)`` inside of `one_blas_thread`, which takes a while, where BLAS has more of them now."""
    if all(library.get_num_threads() == 1 for library in _libraries()):
        function(*args)
    else:
        with one_blas_thread():
            function(*args)


@cache
def _libraries() -> list[Any]:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas").lib_controllers  # type: ignore[no-any-return]
