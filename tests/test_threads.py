"""One BLAS thread for small products, and as many as there were afterwards."""

from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import autograd
from autograd import Value, compile
from autograd.ops import Reduction
from autograd.threads import one_blas_thread


def threads() -> set[int]:
    """Of the library that NumPy multiplies by; others, such as SciPy's, may come later."""
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return {library["num_threads"] for library in libraries if "numpy" in library["filepath"]}


def test_as_many_threads_as_before_even_after_an_error() -> None:
    def failing() -> None:
        with one_blas_thread():
            assert threads() == {1}
            raise ZeroDivisionError

    with threadpool_limits(limits=2, user_api="blas"):
        before = threads()
        with pytest.raises(ZeroDivisionError):
            failing()
        assert threads() == before


@pytest.mark.parametrize(("width", "expected"), [(200, {1}), (2, None)])
def test_a_compiled_program_makes_products_of_middling_size_by_one_thread(width: int, expected: Any) -> None:
    seen: list[set[int]] = []

    def watched(xs: Any) -> float:
        seen.append(threads())
        return float(sum(xs))

    watching = autograd.operation(Reduction("watching", "w", watched, lambda m, y, xs: [1.0] * len(xs), "x"))
    W = [[Value(0.01 * (i - j)) for j in range(width)] for i in range(8)]
    loss = compile(lambda x: watching([autograd.sum([w * x_i for w, x_i in zip(row, x, strict=True)]) for row in W]))
    with threadpool_limits(limits=2, user_api="blas"):
        before = threads()
        loss.batch(np.ones((300, width)))
        assert set.union(*seen) == (expected or before)
        assert threads() == before
