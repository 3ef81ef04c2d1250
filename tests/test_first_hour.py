"""Ordinary mistakes of a first hour: calls that do not fit, words of other libraries, numbers that are none."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, Value, compile, take
from autograd.compiler.compiled import Compiled
from autograd.hints import usage
from autograd.viz import animate, draw, explain, step, tree
from autograd.viz.picture import Picture
from autograd.words import Missing
from nn.optim import Optimizer

X, Y = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0.0, 1.0, 1.0])


def model() -> Any:
    return nn.MLP(2, [3, 1], seed=0)


def train(**words: Any) -> Any:
    trained = model()
    usual: dict[str, Any] = {"loss": "mse", "optimizer": nn.SGD(trained), "progress": False, "epochs": 1}
    return nn.fit(trained, (X, Y), **usual | words)


def names(folder: Path) -> dict[str, Any]:
    """What the remedies speak of."""
    parameter = Value(2.0, label="w")
    loss = parameter * parameter
    trained = model()
    compiled = compile(lambda x: trained(x) ** 2)
    history = nn.fit(
        trained, (X, Y), loss="mse", optimizer=nn.SGD(trained), epochs=2, progress=False, validation=(X, Y)
    )
    here = {
        "nn": nn, "np": np, "X": X, "y": Y, "x": X[0].tolist(), "model": trained,
        "optimizer": nn.Adam(trained), "history": history, "loss": loss, "parameter": parameter, "compiled": compiled,
        "draw": draw, "tree": tree, "step": step, "animate": animate, "explain": explain, "picture": draw(loss),
    }  # fmt: skip
    nn.save(folder / "model.safetensors", trained)
    nn.save(folder / "run.safetensors", trained, here["optimizer"])
    return here


# ----- calls that do not fit -----

CALLS: list[tuple[Callable[..., Any], Any]] = [
    (nn.MLP, (2,)), (nn.MLP, ()), (nn.MLP, ([2, 3, 1],)), (nn.Neuron, ()), (nn.Layer, (2,)), (nn.Linear, (2,)),
    (nn.vectorized.MLP, (2,)), (nn.Activation, ()), (nn.SGD, ()), (nn.RMSProp, ()), (nn.Adam, ()), (nn.AdamW, ()),
    (nn.fit, ()), (nn.fit, (1,)), (nn.fit, (1, X, Y)), (nn.evaluate, (1,)), (nn.predict, (1,)), (nn.save, ()),
    (nn.load, ("model.safetensors",)), (draw, ()), (tree, ()), (animate, ()), (explain, (1,)),
]  # fmt: skip


@pytest.mark.parametrize(("function", "args"), CALLS, ids=lambda part: getattr(part, "__qualname__", None))
def test_a_call_that_does_not_fit_shows_one_that_does(
    function: Any, args: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TypeError, match=r"argument.*; write ") as found:
        function(*args)
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'lrr'.*; write |missing .*; write "):
        function(*args, lrr=0.1)
    code = str(found.value).partition("; write ")[2]
    exec(code, names(tmp_path))


def test_an_error_inside_of_a_function_is_left_alone() -> None:
    @usage("f(1)")
    def f(x: Any) -> Any:
        return x + "a"

    with pytest.raises(TypeError) as found:
        f(1)
    assert "write" not in str(found.value)
    assert f.__name__ == "f"
    with pytest.raises(TypeError, match=re.escape("'x'; write f(1)")):
        f()


class TakesTwo(nn.Module):
    def __call__(self, x: Any, scale: Any) -> Any:  # type: ignore[override]
        return len(x) * scale


@pytest.mark.parametrize("args", [(), (1.0, 2.0)])
@pytest.mark.parametrize(
    "made", [model, lambda: nn.vectorized.MLP(2, [1]), lambda: nn.Neuron(2), lambda: nn.Layer(2, 2), nn.ReLU]
)
def test_a_model_says_what_it_is_called_with(made: Any, args: Any) -> None:
    with pytest.raises(TypeError, match=r"positional argument.*; write model\(x\), where x is all that goes in"):
        made()(*args)
    with autograd.no_names(), pytest.raises(TypeError, match=r"; write model\(x\)"):
        made()(*args)


def test_a_model_of_ones_own_is_called_as_it_says() -> None:
    assert TakesTwo()([1.0], 3.0) == 3.0
    with pytest.raises(
        TypeError, match=r"missing 1 required .*'scale'; .* or else what the __call__ of TakesTwo takes"
    ):
        TakesTwo()([1.0])  # type: ignore[call-arg]
    with pytest.raises(TypeError) as found:
        TakesTwo()(3.0, 3.0)  # it began to run
    assert "write" not in str(found.value)


def test_losses_and_callbacks_that_take_something_else() -> None:
    with pytest.raises(TypeError, match="write a loss as a function of predictions and targets"):
        train(loss=lambda p: p)
    with pytest.raises(TypeError, match=r"write a callback as a function of \(epoch, model, history\)"):
        train(callbacks=[lambda: None])
    with pytest.raises(ZeroDivisionError):
        train(callbacks=[lambda epoch, model, history: 1 / 0])


def test_a_batch_of_nothing() -> None:
    compiled = compile(lambda x: x * x)
    with pytest.raises(TypeError, match=r"batch\(\) of no samples; write .*batch\(X, y\), whose rows are the samples"):
        compiled.batch()


def test_an_error_from_inside_is_left_as_it_is() -> None:
    def callback(epoch: int, model: nn.Module, history: nn.History) -> None:
        raise TypeError("a callback's own")

    with pytest.raises(TypeError, match=r"^a callback's own$"):
        train(callbacks=[callback])


@pytest.mark.parametrize(("word", "said"), [("sigmiod", "did you mean sigmoid"), ("qqq", "what there is, dir() tells")])
def test_a_word_that_nobody_has(word: str, said: str) -> None:
    with pytest.raises(AttributeError, match=f"has no attribute {word!r}; {re.escape(said)}"):
        getattr(autograd, word)


# ----- words of other libraries -----

KINDS: list[tuple[type, str]] = [
    (nn.Module, "model"), (Optimizer, "optimizer"), (nn.History, "history"), (Picture, "picture"),
    (Compiled, "compiled"),
]  # fmt: skip
WORDS = [(kind, name, word) for kind, name in KINDS for word, part in vars(kind).items() if isinstance(part, Missing)]


@pytest.mark.parametrize(("kind", "name", "word"), WORDS, ids=lambda part: part if isinstance(part, str) else "")
def test_a_word_of_another_library_names_ours(
    kind: type, name: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = names(tmp_path)
    assert isinstance(here[name], kind) and not hasattr(here[name], word)
    with pytest.raises(AttributeError, match=f"has no attribute {word!r}; ") as found:
        getattr(here[name], word)
    if "write " in str(found.value):
        code = re.sub(r"( for its numbers)?, (or|and then) .*", "", str(found.value).partition("write ")[2])
        exec(code, here | ({"y": 1.0} if "mse(model(x)" in code else {}))


def test_all_words_are_there() -> None:
    assert len(WORDS) > 40
    assert {kind for kind, _, _ in WORDS} >= {nn.Module, Optimizer, nn.History, Picture}


def test_a_user_may_use_the_words() -> None:
    class Torchlike(nn.Module):
        def forward(self, x: Any) -> Any:
            return x

        def __call__(self, x: Any) -> Any:
            return self.forward(x)

    one = Torchlike()
    assert one(3.0) == 3.0
    one.to = 5  # type: ignore[attr-defined]
    assert one.to == 5  # type: ignore[attr-defined]
    assert [*one.named_state()] == []


# ----- numbers that are none -----


@pytest.mark.parametrize("act", [lambda x: x * x, lambda x: x - 1.0, lambda x: x.tanh(), lambda x: 2.0**x, abs])
@pytest.mark.parametrize(
    ("wrong", "said"), [("a", "convert it first"), (None, "give a float"), ([1.0], "use a Tensor")]
)
def test_data_that_is_no_number_is_met_where_it_is_used(act: Any, wrong: Any, said: str) -> None:
    x = Value(2.0)
    x.data = wrong
    with pytest.raises(TypeError, match=f"a Value is one real number, not {type(wrong).__name__}.*{said}"):
        act(x)


@pytest.mark.parametrize(
    ("entries", "index"), [([1.0], "a"), (Value(1.0), 0), ([1.0], None), (3.0, 0), ([1.0], Tensor(0.0))]
)
def test_take_says_what_it_takes(entries: Any, index: Any) -> None:
    with pytest.raises(
        TypeError, match=r"take\(entries, index\) takes a list of Values or numbers, and a whole number"
    ):
        take(entries, index)
