"""Threads of BLAS, the library in which NumPy multiplies matrices."""

from collections.abc import Iterator
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


@cache
def _libraries() -> list[Any]:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas").lib_controllers  # type: ignore[no-any-return]
