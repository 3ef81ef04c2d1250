"""Modes as blocks and decorators: they end in any order, and a suspended generator keeps its own to itself."""

import asyncio
import gc
import pickle
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from itertools import permutations
from typing import Any

import pytest

from autograd import AnomalyError, GraphError, Tensor, Value, detect_anomaly, no_grad, no_names, paused_gc, scope
from autograd.modes import MODE, setting


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = dict(vars(MODE))
    yield
    assert MODE.usual
    assert dict(vars(MODE)) == before


def records() -> bool:
    """Whether an operation on Values, and one on Tensors, has a gradient; and that both agree."""
    x, v = Value(2.0), Tensor([2.0])
    found = {node.requires_grad for node in (x * x, x * 2.0, x.exp(), v * v, v.sum(), -v)}
    assert len(found) == 1
    return found.pop()


def raises() -> bool:
    """Whether an anomaly is noticed."""
    try:
        Value(0.0).log()
    except AnomalyError:
        return True
    return False


def place() -> Any:
    x = Value(2.0)
    y = x * x
    return "no names" if y.code is None else y.scope[1:]


MODES: dict[str, tuple[Callable[..., Any], Callable[[], Any], Any, Any]] = {
    "no_grad": (no_grad, records, False, True),
    "detect_anomaly": (detect_anomaly, raises, True, False),
    "no_names": (no_names, place, "no names", ()),
    "scope": (lambda: scope("inner"), place, ("inner",), ()),
    "setting": (
        lambda: setting(recording=False, anomaly=True),
        lambda: (records(), raises()),
        (False, True),
        (True, False),
    ),
}
each_mode = pytest.mark.parametrize(("mode", "look", "within", "without"), MODES.values(), ids=list(MODES))


# ----- generators -----


@each_mode
def test_a_suspended_generator_keeps_its_mode_to_itself(mode: Any, look: Any, within: Any, without: Any) -> None:
    def block() -> Iterator[Any]:
        with mode():
            yield look()
            yield look()

    def stack() -> Iterator[Any]:
        with ExitStack() as entered:
            entered.enter_context(mode())
            yield look()
            yield look()

    def helper() -> Iterator[Any]:
        with contextmanager(plain)():
            yield look()
            yield look()

    def plain() -> Iterator[None]:
        with mode():
            yield

    def delegating() -> Iterator[Any]:
        yield from block()

    for function in (block, stack, helper, delegating):
        generator = function()
        for _ in range(2):
            assert next(generator) == within
            assert look() == without
        with mode():
            assert look() == within
        generator.close()
        assert look() == without
        next(dropped := function())
        del dropped
        assert look() == without
        assert MODE.usual


@each_mode
def test_a_helper_that_is_itself_a_generator_sets_the_mode_for_its_block(
    mode: Any, look: Any, within: Any, without: Any
) -> None:
    @contextmanager
    def helper() -> Iterator[None]:
        with mode():
            yield

    @contextmanager
    def delegating() -> Iterator[None]:
        yield from helper.__wrapped__()  # type: ignore[attr-defined]

    for used in (helper, delegating):
        with used():
            assert look() == within
        with ExitStack() as stack:
            stack.enter_context(used())
            assert look() == within
        decorated = used()(look)
        assert decorated() == within
        assert look() == without


@pytest.fixture
def _silent() -> Iterator[None]:
    with no_grad():
        yield


@pytest.mark.usefixtures("_silent")
def test_a_fixture_sets_the_mode_for_its_test() -> None:
    assert not records()
    with setting(recording=True):  # for the fixture that looks on
        assert records()


@each_mode
def test_generators_that_take_turns(mode: Any, look: Any, within: Any, without: Any) -> None:
    def switched() -> Iterator[Any]:
        with mode():
            while True:
                yield look()

    def usual() -> Iterator[Any]:
        while True:
            yield look()

    def driver() -> Iterator[Any]:
        with mode():
            for _ in range(2):
                yield next(inner)

    inner = switched()
    one, two, other, outer = switched(), switched(), usual(), driver()
    for _ in range(2):
        assert [next(g) for g in (one, other, two, outer)] == [within, without, within, within]
    assert next(other) == without
    for g in (one, outer, two, inner):
        g.close()
    assert look() == without


def test_the_gradient_outside_of_a_suspended_generator_is_whole() -> None:
    def batches() -> Iterator[float]:
        with no_grad():
            for x in (1.0, 2.0):
                yield (Value(x) * 2.0).data

    w = Value(3.0)
    for x in batches():
        (w * x).backward()
    assert w.grad == 6.0


@each_mode
def test_a_decorated_generator_is_in_its_mode_whenever_it_runs(mode: Any, look: Any, within: Any, without: Any) -> None:
    def echo(start: Any, *, end: Any) -> Any:
        sent = start
        while sent != end:
            sent = yield sent, look()
        return look()

    decorated = mode()(echo)
    assert decorated.__name__ == "echo"
    generator = decorated(1, end=3)
    assert (next(generator), look(), generator.send(2), look()) == ((1, within), without, (2, within), without)
    with pytest.raises(StopIteration) as stopped:
        generator.send(3)
    assert stopped.value.value == within


@pytest.mark.parametrize("mode", [no_grad, detect_anomaly, no_names])
def test_a_mode_decorates_with_and_without_parentheses(mode: Any) -> None:
    look, within = next(row[1:3] for row in MODES.values() if row[0] is mode)
    for decorate in (mode, mode()):

        @decorate
        def f(x: int, *, y: int) -> Any:
            return x, y, look()

        assert f(1, y=2) == f(1, y=2) == (1, 2, within)
        with pytest.raises(TypeError, match="missing 1 required"):
            f(1)
    with pytest.raises(TypeError, match="as a decorator a mode takes a function"):
        mode(3.0)


@pytest.mark.parametrize("mode", [no_grad, no_grad()], ids=["no_grad", "no_grad()"])
@pytest.mark.parametrize(
    "made",
    [
        lambda mode, f: mode(f)(),
        lambda mode, f: mode(partial(lambda g: g(), f))(),
        lambda mode, f: type("C", (), {"m": mode(lambda self: f())})().m(),
        lambda mode, f: type("C", (), {"m": classmethod(mode(lambda cls: f()))}).m(),  # type: ignore[attr-defined]
        lambda mode, f: type("C", (), {"m": mode(classmethod(lambda cls: f()))}).m(),  # type: ignore[attr-defined]
        lambda mode, f: type("C", (), {"m": mode(staticmethod(f))}).m(),  # type: ignore[attr-defined]
        lambda mode, f: type("C", (), {"m": property(mode(lambda self: f()))})().m,
        lambda mode, f: mode(type("C", (), {"__call__": lambda self: f()})())(),
    ],
)
def test_whatever_can_be_called_can_be_decorated(mode: Any, made: Any) -> None:
    x = Value(2.0)
    assert made(mode, lambda: x * x).requires_grad is False
    assert (x * x).requires_grad


@pytest.mark.parametrize("mode", [no_grad, detect_anomaly, no_names, paused_gc])
def test_a_with_statement_without_parentheses_says_so(mode: Any) -> None:
    assert pickle.loads(pickle.dumps(mode)) is mode and mode.__doc__
    with pytest.raises(TypeError, match=rf"lacks the parentheses; write with {mode.__name__}\(\):"), mode:
        pass
    for wrong in (property(lambda self: 1.0), type("C", (), {})):
        with pytest.raises(TypeError, match="above a function or a method, below @property"):
            no_grad(wrong)


def test_a_decorated_function_does_not_keep_where_nodes_were_made() -> None:
    @detect_anomaly
    def f() -> int:
        Value(2.0).exp()
        return len(MODE.origins)

    assert [f(), f()] == [1, 1]


# ----- coroutines -----


def test_a_suspended_coroutine_keeps_its_mode_to_itself() -> None:
    async def look() -> bool:
        await asyncio.sleep(0)
        return records()

    async def silent() -> tuple[bool, bool, bool]:
        with no_grad():
            before = records()
            await asyncio.sleep(0)
            return before, await look(), records()

    @no_grad
    async def decorated() -> bool:
        return await look()

    @no_grad
    async def numbers() -> AsyncIterator[bool]:
        yield records()

    async def silent_numbers() -> AsyncIterator[bool]:
        with no_grad():
            yield records()

    @asynccontextmanager
    async def helper() -> AsyncIterator[None]:
        with no_grad():
            yield

    async def helped() -> list[bool]:
        async with helper():
            await asyncio.sleep(0)
            return [records(), await look()]

    async def main() -> Any:
        assert not any([found async for found in numbers()])
        async for found in silent_numbers():
            assert not found
            assert records()
        return await asyncio.gather(silent(), look(), helped(), decorated(), look())

    assert asyncio.run(main()) == [(False, False, False), True, [False, False], False, True]


# ----- the order in which blocks end -----


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_blocks_end_in_any_order(order: tuple[int, ...]) -> None:
    blocks = [no_grad(), detect_anomaly(), no_grad(), setting(recording=True, scope=None)]
    for block in blocks:
        block.__enter__()
    alive = [0, 1, 2, 3]
    for i in order:
        blocks[i].__exit__(None, None, None)
        alive.remove(i)
        recording = [False, None, False, True]
        said = [recording[j] for j in alive if recording[j] is not None]
        assert MODE.recording == (said[-1] if said else True)
        assert MODE.anomaly == (1 in alive)
        assert MODE.scope == (None if 3 in alive else ())


def test_one_block_can_be_entered_again_and_within_itself() -> None:
    block = no_grad()
    for _ in range(2):
        with block:
            with block:
                assert not records()
            assert not records()
        assert records()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_collector_runs_again_when_the_last_pause_has_ended(order: tuple[int, ...]) -> None:
    pauses = [paused_gc() for _ in range(3)]
    assert gc.isenabled()
    for pause in pauses:
        pause.__enter__()
    for i in order:
        assert not gc.isenabled()
        pauses[i].__exit__(None, None, None)
    assert gc.isenabled()


def test_a_generator_that_another_thread_closes_leaves_nothing_behind() -> None:
    def silent() -> Iterator[bool]:
        with no_grad():
            yield records()

    generator = silent()
    assert next(generator) is False
    thread = threading.Thread(target=generator.close)
    thread.start()
    thread.join()
    assert records()


@pytest.mark.parametrize("make", [Value, lambda x: Tensor([x])], ids=["Value", "Tensor"])
def test_a_parameter_that_is_moved_as_in_pytorch_is_not_left_where_it_is(make: Any) -> None:
    p = make(2.0)
    (p * p).sum().backward() if isinstance(p, Tensor) else (p * p).backward()
    with no_grad():
        with pytest.raises(GraphError, match=r"write p\.data -= … to move it, or q = p - … for a new"):
            p -= 0.1 * p.grad
        with pytest.raises(GraphError, match=r"write p\.data \+= … to move it"):
            p += -0.1 * p.grad
        p.data -= 0.1 * p.grad
        total = make(0.0)
        total += p * 1.0  # has no gradient: a sum as any other
        total -= 1.0
    assert float(p.item()) == pytest.approx(1.6) and float(total.item()) == pytest.approx(0.6)
    p += 1.0  # a new node of the graph
    p.sum().backward() if isinstance(p, Tensor) else p.backward()


def test_a_leaf_is_frozen_as_in_pytorch() -> None:
    x = Value(2.0).requires_grad_(False)
    y = x * Value(3.0).requires_grad_()
    y.backward()
    assert x.requires_grad is False and y.parents[1].grad == 2.0
    with pytest.raises(GraphError, match=r"write x = x\.detach\(\)"):
        y.requires_grad_(False)
    assert y.detach().requires_grad is False
