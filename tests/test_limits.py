"""Large graphs, many threads, long trainings: nothing overflows, nothing is shared, nothing piles up."""

import ast
import gc
import subprocess
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn
from autograd import AnomalyError, Tensor, Value, detect_anomaly, dot, no_grad, paused_gc, stack, topological_order

ROOT = Path(__file__).parents[1]
MILLION = 1_000_000

# ----- size -----


def test_a_node_with_a_million_children_and_a_node_with_a_million_operands() -> None:
    x = Value(2.0)
    with paused_gc():
        y = autograd.sum([x * 3.0 for _ in range(MILLION)])
        y.backward()
        assert (y.data, x.grad) == (6e6, 3e6)
        y = autograd.sum([x] * MILLION)
        y.backward()
        assert (y.data, x.grad) == (2e6, 4e6)


def test_a_dot_product_of_a_million_terms() -> None:
    w, x = [Value(0.5) for _ in range(MILLION)], Value(2.0)
    with paused_gc():
        y = dot(w, [x] * MILLION, Value(1.0))
        y.backward()
    assert (y.data, x.grad) == (1e6 + 1.0, 5e5)
    assert {p.grad for p in w} == {2.0}
    u = Tensor(np.full(MILLION, 0.5))
    (u @ u).backward()
    assert u.grad is not None and (u.grad == 1.0).all()


def test_a_stack_of_ten_thousand_tensors() -> None:
    """Found by a backward pass whose time grew with the square of the number of parts."""
    parts = [Tensor(0.5) for _ in range(10_000)]
    (stack(parts) * 3.0).sum().backward()
    assert {float(part.grad) for part in parts} == {3.0}


# ----- freeing deep graphs: in a process of its own, for a C stack that overflows takes all with it -----

DEEP = """
import gc, sys, threading
from autograd import Tensor, Value

depth = int(sys.argv[1])

def chain(leaf, depth):
    node = leaf
    for _ in range(depth):
        node = node * leaf
    return node

def deep():
    gc.disable()
    graphs = [chain(Value(1.0), depth), chain(Tensor(1.0), depth // 5)]
    for root in chain(Value(1.0), depth // 20), chain(Tensor(1.0), depth // 50):
        root.backward(create_graph=True)
        graphs.append(root)
    assert float(graphs[0].data) == 1.0
    return graphs

def in_a_thread(function):
    threading.stack_size(1 << 17)
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()

def drop():
    graphs = deep()
    while graphs:
        graphs.pop()
    gc.collect()

def collect():
    graphs = deep()
    graphs.append(graphs)  # a cycle, which only the collector finds
    del graphs
    assert gc.collect() > depth
"""


@pytest.mark.parametrize(
    ("way", "depth"),
    [
        ("drop()", MILLION),
        ("collect()", MILLION),
        ("in_a_thread(drop)", MILLION // 5),
        ("in_a_thread(collect)", MILLION // 5),
        ("graphs = deep()", MILLION // 5),
        ("graphs = deep(); sys.exit()", MILLION // 5),
    ],
)
def test_deep_graphs_are_freed_without_recursion(way: str, depth: int) -> None:
    """A C stack overflows at some ten thousand calls, and one of a thread with 128 KiB at some hundred."""
    done = subprocess.run(
        [sys.executable, "-c", f"{DEEP}\n{way}", str(depth)],
        cwd=Path(autograd.__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


# ----- threads -----


@contextmanager
def switching_often() -> Iterator[None]:
    """Let threads take turns a thousand times as often as they do by themselves."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 1000)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def scalar_training(seed: int) -> list[float]:
    """The weights and their gradients after some steps."""
    model = nn.MLP(2, [4, 1], activation="tanh", seed=seed)
    optimizer = nn.Adam(model, lr=0.1)
    for i in range(15):
        optimizer.zero_grad()
        loss = autograd.mean([(model([0.1 * i, x]) - x * x) ** 2 for x in (-1.0, 0.5, 2.0)])
        loss.backward()
        optimizer.step()
    return [number for p in model.parameters() for number in (p.data, p.grad)]


def array_training(seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    model = nn.vectorized.MLP(5, [8, 3], activation="gelu", seed=seed, dtype=np.float64)
    optimizer = nn.SGD(model, lr=0.1, momentum=0.9)
    X, y = rng.normal(size=(20, 5)), rng.integers(0, 3, 20)
    for _ in range(30):
        optimizer.zero_grad()
        nn.cross_entropy(model(X), y).backward()
        optimizer.step()
    return [number for p in model.parameters() for array in (p.data, p.grad) for number in np.ravel(array).tolist()]


def second_derivatives(seed: int) -> list[float]:
    found = []
    for i in range(40):
        x, w = Value(0.1 * i + seed), Value(2.0)
        ((w * x).sin() * x.exp()).backward(create_graph=True)
        slope, x.grad, w.grad = x.grad, 0.0, 0.0
        slope.backward()
        found += [x.grad, w.grad]
    return found


WORK: tuple[Callable[[int], list[float]], ...] = (scalar_training, array_training, second_derivatives)


def test_threads_get_what_one_after_the_other_gets_to_the_last_bit() -> None:
    """Beside threads that record nothing, or look for anomalies."""
    jobs = [(work, seed) for seed in range(3) for work in WORK]
    alone = [work(seed) for work, seed in jobs]
    start, finished = threading.Barrier(len(jobs) + 2, timeout=60.0), threading.Event()
    rounds = {"quiet": 0, "watchful": 0}

    def job(work: Callable[[int], list[float]], seed: int) -> list[float]:
        start.wait()
        return work(seed)

    def quiet() -> None:
        start.wait()
        while not finished.is_set():
            with no_grad():
                assert not (Value(2.0) * 3.0).requires_grad
            rounds["quiet"] += 1

    def watchful() -> None:
        start.wait()
        while not finished.is_set():
            with pytest.raises(AnomalyError), detect_anomaly():
                Value(0.0).log()
            rounds["watchful"] += 1

    with switching_often(), ThreadPoolExecutor(len(jobs) + 2) as pool:
        beside = [pool.submit(quiet), pool.submit(watchful)]
        try:
            together = [future.result() for future in [pool.submit(job, *each) for each in jobs]]
        finally:
            finished.set()
        for future in beside:
            future.result()
    assert together == alone
    assert min(rounds.values()) > 0


def test_a_thread_that_failed_inside_a_mode_has_left_it() -> None:
    def fail() -> None:
        with no_grad(), detect_anomaly():
            Value(0.0).log()

    def usual() -> bool:
        y = Value(0.0) * 1.0
        return y.requires_grad and y.log().data == -np.inf

    with ThreadPoolExecutor(1) as pool:  # one thread, used again and again
        for _ in range(3):
            with pytest.raises(AnomalyError):
                pool.submit(fail).result()
            assert pool.submit(usual).result()
        with no_grad(), detect_anomaly():  # and a thread does not take over its maker's
            assert pool.submit(usual).result()
            with ThreadPoolExecutor(1) as fresh:
                assert fresh.submit(usual).result()


# ----- long trainings -----


def scalar_steps() -> Callable[[], None]:
    model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
    optimizer = nn.Adam(model, lr=0.01)

    def step() -> None:
        optimizer.zero_grad()
        autograd.sum([(model([x, 0.5]) - 1.0) ** 2 for x in (0.1, 0.3)]).backward()
        optimizer.step()

    return step


def array_steps() -> Callable[[], None]:
    model = nn.vectorized.MLP(8, [16, 3], seed=0)
    optimizer = nn.Adam(model, lr=0.01)
    X, y = np.random.default_rng(0).normal(size=(16, 8)), np.arange(16) % 3

    def step() -> None:
        optimizer.zero_grad()
        nn.cross_entropy(model(X), y).backward()
        optimizer.step()

    return step


def curvature_steps() -> Callable[[], None]:
    """Gradients with graphs, which `grad` keeps in no node."""
    w = Value(2.0)

    def step() -> None:
        w.data -= 0.01 * autograd.grad(autograd.grad(lambda w: (w * w).exp() * w.sin()))(w).data / 1e3

    return step


def penalty_steps() -> Callable[[], None]:
    """Gradients with graphs in the nodes too, which make cycles until they are forgotten there."""
    w = Value(0.5)

    def step() -> None:
        y = (w * w).exp()
        y.backward(create_graph=True)
        for node in topological_order(y):
            node.zero_grad()

    return step


def memory_of(step: Callable[[], None]) -> tuple[tuple[int, int], tuple[int, int]]:
    """What is held after 100 steps and what at most till then; the same after 1,000 steps and in the last 100."""
    for _ in range(300):  # whatever is made once; and counters outgrow the small numbers that Python keeps ready
        step()
    gc.collect()
    early = late = (0, 0)
    tracemalloc.start()
    try:
        for i in range(1, 1_001):
            if i == 901:
                tracemalloc.reset_peak()
            step()
            if i in (50, 100):  # twice, so that one measurement lies in memory during each
                early = tracemalloc.get_traced_memory()
        late = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return early, late


@pytest.mark.parametrize("steps", [scalar_steps, array_steps, curvature_steps, penalty_steps])
def test_a_thousand_steps_take_the_memory_of_a_hundred_without_the_collector(
    steps: Callable[[], Callable[[], None]],
) -> None:
    """In a process of its own: other tests leave Python's free lists of small objects filled in other ways."""
    program = f"from tests.test_limits import *\nwith paused_gc(): print(memory_of({steps.__name__}()))"
    printed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    (held, most), (held_later, most_later) = ast.literal_eval(printed.stdout)
    assert held_later <= 1.01 * held
    assert most_later <= 1.01 * most


def test_gradients_with_graphs_in_the_nodes_wait_for_the_collector_and_are_gone_after_it() -> None:
    """The cycle that `penalty_steps` breaks: a node's gradient is made from the node."""
    w = Value(0.5)
    with paused_gc():
        y = (w * w).exp()
        y.backward(create_graph=True)
        probe = weakref.ref(y)
        w.zero_grad()
        del y
        gc.collect()
        assert probe() is None
