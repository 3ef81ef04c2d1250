"""What `print(loss.program)` says of array programs: shapes, products, and names that differ only by indices as one."""

from typing import Any

import numpy as np

import autograd
from autograd import Value, compile, take


def listed(function: Any, *rows: Any) -> list[str]:
    loss = compile(function, backend="numpy")
    loss.batch(*rows) if rows else loss()
    return str(loss.program).splitlines()


def values(*shape: int) -> Any:
    return [values(*shape[1:]) for _ in range(shape[0])] if shape else Value(0.5)


def test_a_layer_is_one_product_with_the_shapes_of_its_factors() -> None:
    W, b = values(4, 3), values(4)

    def loss(x: Any) -> Any:
        sums = [sum(w * x_i for w, x_i in zip(row, x, strict=True)) + b_i for row, b_i in zip(W, b, strict=True)]
        return sum(s.tanh() for s in sums) / 4

    assert listed(loss, np.ones((7, 3))) == [
        "v1 [7×4] = x [7×3] @ W [4×3]ᵀ + b",
        "v2 [7×4] = tanh(v1)",
        "v3 [7] = mean of 4 v2",
        "return v3",
    ]


def test_names_are_ranges_of_indices_unless_they_are_all_that_there_are() -> None:
    W = values(5, 3)
    assert listed(lambda: autograd.norm(W[1][:2] + W[2][:2]))[0] == "v1 [1] = norm(4 of W.1…2.0…1)"
    assert listed(lambda: autograd.norm(W[1]) + W[0][0])[0] == "v1 [1] = norm(3 of W.1)"
    assert listed(lambda: autograd.norm([w for row in W for w in row]))[0] == "v1 [1] = norm(15 of W)"


def test_operands_from_several_places_stand_side_by_side() -> None:
    a, b, c, d = values(2), values(2), values(2), Value(0.5)
    assert listed(lambda: autograd.norm([*a, *b, 2.0]))[0] == "v1 [1] = norm(5 of (a | b | 2))"
    assert listed(lambda: autograd.norm([*a, *b, *c, d]))[0] == "v1 [1] = norm(7 of (a | b | c | …))"


def test_an_entry_is_taken_by_an_index_from_so_many() -> None:
    table = values(6)
    assert listed(lambda i: take(table, i), np.array([0, 1, 2])) == ["v1 [3] = take(i, 6 of table)", "return v1"]


def test_what_is_taken_away_comes_last_and_a_square_is_one() -> None:
    x, y, z = Value(1.0, label="x"), Value(2.0, label="y"), Value(3.0, label="z")
    assert listed(lambda: (-2.0 * x + y * z + 0.25).tanh())[0] == "v1 [1] = y·z + 0.25 - 2·x"
    assert listed(lambda: (-x - y).tanh())[0] == "v1 [1] = -sum of 2 (x | y)"
    assert listed(lambda: (x * x - 1.0).tanh())[0] == "v1 [1] = x² - 1"


def test_the_samples_of_a_batch_are_the_first_axis_of_what_depends_on_them() -> None:
    w = values(3)
    lines = listed(lambda x: sum((w_i.exp() * x).tanh() for w_i in w), np.ones(8))
    assert lines == ["v1 [3] = exp(w)", "v2 [8×3] = x·v1", "v3 [8×3] = tanh(v2)", "v4 [8] = sum of 3 v3", "return v4"]


def test_a_chain_of_maxima_is_one_of_all() -> None:
    a, b = values(3), values(3)
    assert listed(lambda: autograd.maximum(autograd.maximum(a[0], a[1]), a[2]))[0] == "v1 [1] = max(3 of a)"
    assert listed(lambda: autograd.minimum(b[0], autograd.minimum(b[1], b[2])).exp())[0] == "v1 [1] = min(3 of b)"
