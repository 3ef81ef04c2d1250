"""The toy data sets: the geometry their formulas promise, reproducibility, and errors that teach."""

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn.data import TOY, Dataset, blobs, circles, moons, spiral, xor

ALL = pytest.mark.parametrize("name", TOY)


def by_angle(points: Any) -> Any:
    return points[np.argsort(np.arctan2(points[:, 1], points[:, 0]))]


def test_the_table_names_every_generator() -> None:
    assert list(TOY) == ["spiral", "moons", "circles", "xor", "blobs"]
    assert list(TOY.values()) == [spiral, moons, circles, xor, blobs]


@ALL
def test_default_call_unpacks_into_points_and_labels(name: str) -> None:
    data = TOY[name]()
    X, y = data
    assert isinstance(data, Dataset)
    assert X.shape == (len(y), 2) and X.dtype == np.float64
    assert y.ndim == 1 and y.dtype == np.int64
    assert np.isfinite(X).all()
    assert set(y.tolist()) == set(range(3 if name in ("spiral", "blobs") else 2))


@pytest.mark.parametrize(
    ("name", "n"), [("spiral", 300), ("moons", 100), ("circles", 100), ("xor", 200), ("blobs", 300)]
)
def test_default_sizes(name: str, n: int) -> None:
    y = TOY[name]().y
    assert len(y) == n
    assert len(set(Counter(y.tolist()).values())) == 1  # each class the same share


@ALL
def test_one_seed_gives_one_set_of_bits(name: str) -> None:
    make = TOY[name]
    a, b, other = make(seed=7), make(seed=7), make(seed=8)
    assert a.X.tobytes() == b.X.tobytes() and a.y.tobytes() == b.y.tobytes()
    assert a.X.tobytes() != other.X.tobytes()
    assert make().X.tobytes() == make(seed=0).X.tobytes()


@ALL
def test_a_generator_is_a_seed_and_moves_on(name: str) -> None:
    rng = np.random.default_rng(7)
    first, second = TOY[name](seed=rng), TOY[name](seed=rng)
    assert first.X.tobytes() == TOY[name](seed=7).X.tobytes()
    assert second.X.tobytes() != first.X.tobytes()


def test_the_seed_none_is_pythons_own_random_as_it_is_for_a_model() -> None:
    random.seed(1337)
    first, second = spiral(seed=None), spiral(seed=None)
    random.seed(1337)
    assert spiral(seed=None).X.tobytes() == first.X.tobytes() != second.X.tobytes()


@ALL
def test_a_call_leaves_the_global_random_state_alone(name: str) -> None:
    before = np.random.get_state(legacy=False)["state"]["key"].tobytes()
    TOY[name]()
    assert np.random.get_state(legacy=False)["state"]["key"].tobytes() == before


@ALL
@settings(max_examples=25, deadline=None)
@given(n=st.integers(4, 60), noise=st.floats(0, 10), seed=st.integers(0, 2**64))
def test_any_n_is_the_total_and_is_shared_evenly(name: str, n: int, noise: float, seed: int) -> None:
    X, y = TOY[name](n=n, noise=noise, seed=seed)
    assert X.shape == (n, 2) and np.isfinite(X).all()
    counts = Counter(y.tolist()).values()
    # xor shares n among four clusters, two of them a class
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("make", [spiral, blobs])
def test_a_remainder_goes_to_the_first_classes(make: Any) -> None:
    assert Counter(make(n=302, classes=5).y.tolist()) == {0: 61, 1: 61, 2: 60, 3: 60, 4: 60}


@ALL
def test_rows_come_shuffled_so_that_a_slice_holds_every_class(name: str) -> None:
    y = TOY[name]().y
    assert set(y[: len(y) // 3].tolist()) == set(y.tolist())


@ALL
def test_noise_is_a_standard_deviation(name: str) -> None:
    clean, noisy, doubled = (TOY[name](n=4000, noise=noise, seed=3).X for noise in (0, 0.1, 0.2))
    if name == "spiral":  # noise turns the points: the radius stays, the angle moves
        assert np.allclose(np.hypot(*clean.T), np.hypot(*noisy.T))
        turn = np.arctan2(*noisy.T) - np.arctan2(*clean.T)
        moved = (turn + np.pi) % (2 * np.pi) - np.pi
    else:
        moved = noisy - clean
        assert np.allclose(doubled - clean, 2 * moved)
        assert abs(np.corrcoef(moved.T)[0, 1]) < 0.06  # the two axes apart
    assert moved.std() == pytest.approx(0.1, rel=0.05)
    assert abs(moved.mean()) < 0.01


def test_spiral_is_the_three_armed_one_of_cs231n() -> None:
    X, y = spiral(noise=0)
    for j in range(3):
        arm = X[y == j]
        arm = arm[np.argsort(np.hypot(*arm.T))]
        r, t = np.linspace(0, 1, 100), np.linspace(4 * j, 4 * (j + 1), 100)
        assert np.allclose(arm, np.c_[r * np.sin(t), r * np.cos(t)])


def test_moons_are_the_half_circles_of_scikit_learn() -> None:
    X, y = moons(n=100, noise=0)
    t = np.linspace(0, np.pi, 50)
    upper, lower = np.c_[np.cos(t), np.sin(t)], np.c_[1 - np.cos(t), 0.5 - np.sin(t)]
    assert np.allclose(by_angle(X[y == 0]), by_angle(upper))
    assert np.allclose(by_angle(X[y == 1]), by_angle(lower))


def test_circles_have_radius_one_and_factor_and_no_point_twice() -> None:
    X, y = circles(n=40, noise=0, factor=0.3)
    assert np.allclose(np.hypot(*X[y == 0].T), 1) and np.allclose(np.hypot(*X[y == 1].T), 0.3)
    for label in (0, 1):
        angles = np.sort(np.arctan2(*X[y == label].T))
        assert np.allclose(np.diff(angles), 2 * np.pi / 20)


def test_xor_without_noise_is_the_truth_table() -> None:
    X, y = xor(n=8, noise=0)
    rows = Counter((float(a), float(b), int(label)) for (a, b), label in zip(X, y, strict=True))
    assert rows == {(-1, -1, 0): 2, (-1, 1, 1): 2, (1, -1, 1): 2, (1, 1, 0): 2}


def test_no_straight_line_separates_xor() -> None:
    X, y = xor(n=2000)
    design, sides = np.c_[X, np.ones(len(X))], 2 * y - 1
    weights = np.linalg.lstsq(design, sides, rcond=None)[0]
    assert ((design @ weights > 0) == (y == 1)).mean() < 0.8
    assert ((X[:, 0] > 0) ^ (X[:, 1] > 0) == (y == 1)).all()


@pytest.mark.parametrize("classes", [2, 3, 4, 9])
def test_blobs_keep_their_neighbours_six_apart(classes: int) -> None:
    X, y = blobs(n=100 * classes, classes=classes, noise=0)
    centres = np.array([X[y == j][0] for j in range(classes)])
    assert all(np.allclose(X[y == j], centres[j]) for j in range(classes))
    apart = np.hypot(*(centres - np.roll(centres, 1, axis=0)).T)
    assert np.allclose(apart, 6)
    assert np.allclose(centres.mean(axis=0), 0)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("name", "argument", "value", "error", "expected"),
    [
        (name, argument, value, error, expected)
        for name in TOY
        for argument, value, error, expected in [
            ("n", 1, ValueError, "at least"),
            ("n", -5, ValueError, "at least"),
            ("n", 100.0, TypeError, "an integer"),
            ("n", True, TypeError, "an integer"),
            ("n", "100", TypeError, "an integer"),
            ("n", None, TypeError, "an integer"),
            ("noise", -0.1, ValueError, "at least 0 and finite"),
            ("noise", NAN, ValueError, "at least 0 and finite"),
            ("noise", INF, ValueError, "at least 0 and finite"),
            ("noise", True, TypeError, "a number"),
            ("noise", "0.1", TypeError, "a number"),
            ("noise", 1j, TypeError, "a number"),
            ("seed", -1, ValueError, "at least 0"),
            ("seed", 1.0, TypeError, "an integer"),
            ("seed", False, TypeError, "an integer"),
        ]
    ]
    + [
        (name, "classes", value, error, "at least 2" if error is ValueError else "an integer")
        for name in ("spiral", "blobs")
        for value, error in [(1, ValueError), (0, ValueError), (3.0, TypeError), (True, TypeError)]
    ]
    + [
        ("circles", "factor", value, error, "less than 1" if error is ValueError else "a number")
        for value, error in [(1.0, ValueError), (-0.1, ValueError), (NAN, ValueError), ("0.5", TypeError)]
    ],
)
def test_a_wrong_argument_is_named_with_what_came_and_what_must_be(
    name: str, argument: str, value: object, error: type[Exception], expected: str
) -> None:
    with pytest.raises(error) as caught:
        TOY[name](**{argument: value})
    message = str(caught.value)
    assert message.startswith(f"{argument} must be ") and expected in message and repr(value) in message


def test_fewer_points_than_classes_says_how_many_there_must_be() -> None:
    with pytest.raises(ValueError, match="n must be at least 5, got 4"):
        spiral(n=4, classes=5)


def test_numpy_numbers_are_numbers() -> None:
    plain = spiral(n=30, classes=3, noise=0.5, seed=1)
    numpy = TOY["spiral"](n=np.int64(30), classes=np.uint8(3), noise=np.float32(0.5), seed=np.int32(1))
    assert plain.X.tobytes() == numpy.X.tobytes()
