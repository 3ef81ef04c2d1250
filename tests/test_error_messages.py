"""Every error message is read by a test: the rule, and the messages that no other file of tests reads."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import (
    AnomalyError,
    GraphError,
    Tensor,
    Value,
    concatenate,
    custom_op,
    detect_anomaly,
    grad,
    gradcheck,
    jvp,
    stack,
    vjp,
    where,
)
from autograd.symbols import Symbol
from autograd.viz import draw, layout, step
from autograd.viz.layout import LayoutError
from demos import command
from nn import plots
from nn.data import IDXError, mnist, read_idx

ROOT = Path(__file__).parents[1]
X, Y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0.0, 1.0])


def matrix() -> Tensor:
    return Tensor(np.ones((2, 3)))


def train(**words: Any) -> nn.History:
    model = nn.Neuron(2)
    usual: dict[str, Any] = {
        "model": model,
        "data": (X, Y),
        "loss": "mse",
        "optimizer": nn.SGD(model),
        "progress": False,
    }
    return nn.fit(**usual | words)


def square(m: Any, x: Any) -> Any:
    return x * x


def cube(x: Any) -> Any:
    return x**3


def product(m: Any, x: Any, y: Any) -> Any:
    return x * y


def own_product(**fields: Any) -> Any:
    return custom_op(lambda m, p, x, y: y, lambda m, p, x, y: x, **fields)(product)


def forgetful(x: Any) -> None:
    x * x


def quiet(*args: Any, **options: Any) -> Any:
    return gradcheck(*args, **options, show=False)


def nan_forwards() -> None:
    x = Value(1.0, label="x")
    with detect_anomaly():
        (x - 1.0).log()


def nan_backwards() -> None:
    x = Value(0.0, label="x")
    with detect_anomaly():
        x.sqrt().backward()


# ----- what came, what was expected, what to write instead -----


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        (lambda: autograd.sine, AttributeError, "module 'autograd' has no attribute 'sine'"),
        (lambda: autograd.exp(1.0, 2.0), TypeError, "exp(x) got 2 arguments in order"),
        (lambda: autograd.sum(3.0), TypeError, "sum() takes a list of Values or numbers, or a Tensor; got float"),
        (
            lambda: autograd.sum([Value(1.0)], 0, keepdims=True),
            TypeError,
            "sum() of a list of Values takes nothing but the list, got 0, keepdims=True too",
        ),
        (lambda: autograd.mean([]), ValueError, "mean() of no numbers; give it at least one"),
        (
            lambda: autograd.dot([Value(1.0), 2.0], [3.0]),
            ValueError,
            "dot() pairs its arguments: got 2 weights and 1 inputs",
        ),
        (
            lambda: where("yes", 1.0, 2.0),
            TypeError,
            "condition of where() must be a truth value or an array of them: a Tensor holds real numbers, got str",
        ),
        (
            lambda: gradcheck(lambda x: x, 1.0, tolerance=-1.0),
            ValueError,
            "tolerance is the largest relative error to let pass, such as 1e-7; got -1.0",
        ),
        (
            lambda: gradcheck(lambda x: x * random(), 1.0),
            ValueError,
            " for the same inputs; fix its random numbers with a seed inside it, and its state, before its derivative "
            "is checked",
        ),
        (
            lambda: autograd.clip(Value(1.0), 3.0, 2.0),
            ValueError,
            "clip() needs low <= high, got low = 3.0 and high = 2.0",
        ),
        (
            lambda: custom_op(lambda m, y, x: 2.0 * x, kinks=(((0.0,), ()),))(square),
            TypeError,
            "operation 'square': each kink is (1 arguments, 1 partials)",
        ),
        (
            lambda: custom_op(lambda m, y, x: 2.0 * x, domain=((2.0, 1.0),))(square),
            ValueError,
            "operation 'square': each domain is a pair (low, high), got ((2.0, 1.0),)",
        ),
        (
            lambda: grad(lambda x: x.data)(1.0),
            TypeError,
            "is a return missing, or did a number leave the graph by .data, .item() or math.sin? Write "
            "autograd.sin(x), and Value(2.0) for a constant",
        ),
        (
            lambda: vjp(lambda x: [x, x], 1.0)[1](2.0),
            ValueError,
            "the upstream gradient must be a list of 2, as the function has it; got 2.0",
        ),
        (
            lambda: Value(1.0).detach().backward(),
            GraphError,
            "nothing was recorded for it, because it was made under no_grad(), detached, or computed from plain "
            "numbers only; build it from Values or Tensors outside no_grad()",
        ),
        (nan_forwards, AnomalyError, f"log made -inf from argument = 0.0\n  at {__file__}:"),
        (
            nan_forwards,
            AnomalyError,
            "log()\nKeep the operands inside the domain of log there, for example by clip() or a small constant.",
        ),
        (
            nan_backwards,
            AnomalyError,
            f"the gradient of sqrt made inf from upstream 1.0 and x = 0.0\n  at {__file__}:",
        ),
        # a number
        (lambda: Value("2"), TypeError, "not str '2'; convert it first: Value(float(text))"),
        (lambda: Value(2j), TypeError, "not complex 2j; take its .real or its abs()"),
        (lambda: Value([2.0]), TypeError, "not list [2.0]; use a Tensor, or one Value for each element"),
        (
            lambda: Value(Tensor(2.0)),
            TypeError,
            "not Tensor Tensor(2.); take its .data, which has no gradient; for a gradient write Tensor(2.0) for "
            "Value(2.0), and grad(f)(np.array(2.0)) for grad(f)(2.0): Values and Tensors do not mix in one expression",
        ),
        (lambda: Value(None), TypeError, "a Value is one real number, not NoneType None; give a float or an int"),
        (lambda: Value(10**400), OverflowError, "a Value is at most 1.8e308, and this int is larger"),
        # an array
        (
            lambda: Tensor([Value(1.0), Value(2.0)]),
            TypeError,
            "a Tensor made from a list of nodes would not remember them; join Tensors with stack(), and from Values "
            "take [value.data for value in values]",
        ),
        (
            lambda: Tensor(["a"]),
            TypeError,
            "a Tensor holds real numbers, got list of dtype <U1; give numbers, or rows of numbers of equal length",
        ),
        (lambda: Tensor([[1.0], [2.0, 3.0]]), TypeError, "a Tensor needs rows of equal length: setting an array"),
        (lambda: concatenate([]), ValueError, "concatenate() of no tensors; give it at least one"),
        (
            lambda: matrix().__setitem__(0, 1.0),
            TypeError,
            "choose with where(condition, a, b), or change .data before you compute with it",
        ),
        (
            lambda: matrix().item(),
            ValueError,
            "item() is for one element, this tensor has shape (2, 3); take one of them, as in x[0, 0].item(), or all "
            "by x.tolist()",
        ),
        (
            lambda: bool(matrix()),
            ValueError,
            "the truth of a tensor of shape (2, 3) is ambiguous; use .data.any() or .all()",
        ),
        (
            lambda: matrix().argmax((0, 1)),  # type: ignore[arg-type]
            ValueError,
            "argmax() goes along one axis, or None for all; got (0, 1)",
        ),
        (lambda: matrix().sum((0, -2)), ValueError, "axis (0, -2) names an axis twice"),
        (
            lambda: matrix() @ matrix(),
            ValueError,
            "matmul of (2, 3) and (2, 3): the last axis of the first and the last but one of the second must be "
            "equal; is a .T missing?",
        ),
        (
            lambda: matrix() + np.ones(2),
            ValueError,
            "add of (2, 3) and (2,): axis by axis, from the last, the sizes must be equal or one of them 1",
        ),
        (
            lambda: matrix().reshape(4),
            ValueError,
            "reshape of (2, 3), shape = (4,): the number of elements must stay the same",
        ),
        (
            lambda: concatenate([matrix(), np.ones((2, 2))]),
            ValueError,
            "concatenate of (2, 3) and (2, 2), axis = 0: the shapes must be equal but for the axis along which they "
            "are joined",
        ),
        (
            lambda: stack([matrix(), np.ones(2)]),
            ValueError,
            "stack() needs at least one tensor, and one shape for all; got shapes [(2, 3), (2,)]",
        ),
        (lambda: matrix()[2], IndexError, "getitem of (2, 3), index = 2: index 2 is out of bounds for axis 0"),
        (lambda: matrix().sum(2), ValueError, "axis 2 does not exist in a tensor of shape (2, 3), which has 2 axes"),
        (
            lambda: matrix().expand_dims(4),
            ValueError,
            "axis 4 does not exist in the result of expand_dims(), which has 3 axes",
        ),
        (
            lambda: matrix().squeeze(0),
            ValueError,
            "squeeze() takes away axes of length 1; axis 0 of shape (2, 3) is longer",
        ),
        (
            lambda: matrix().pad(-1),
            ValueError,
            "pad widths are n, (before, after), or one such pair for each of the 2 axes, all integers of at least 0; "
            "got -1",
        ),
        (
            lambda: jvp(lambda v: v, (np.ones(3),), (np.ones(2),)),
            ValueError,
            "tangents[0] must have shape (3,), got (2,)",
        ),
        (
            lambda: jvp(square, 2.0, 1.0),  # type: ignore[arg-type]
            TypeError,
            "primals must be a tuple with one entry for each argument of the function, got 2.0; for a function of one "
            "argument write jvp(f, (x,), (t,))",
        ),
        # pictures
        (
            lambda: draw(Value(1.0)).save(3),  # type: ignore[arg-type]
            TypeError,
            'path is a file name, as in save("graph.svg"), not int 3',
        ),
        (
            lambda: draw(Value(1.0)).save("nowhere/graph.svg"),
            FileNotFoundError,
            "there is no folder 'nowhere'; make it before you save 'graph.svg'",
        ),
        (
            lambda: draw(Value(1.0), max_nodes=0),
            ValueError,
            "max_nodes is how many nodes to show at most, an int of at least 1; got 0",
        ),
        # networks
        (
            lambda: nn.predict(nn.Neuron(1), ["a"]),
            TypeError,
            "X must be plain numbers: a Tensor holds real numbers, got list of dtype <U1",
        ),
        (
            lambda: nn.cross_entropy(Tensor(np.ones((3, 1))), [0, 0, 0]),
            ValueError,
            "cross_entropy: logits must have shape (n, classes) with at least 2 classes, got (3, 1); a model with a "
            "single output takes bce_with_logits",
        ),
        (
            lambda: nn.mse(Tensor(np.ones(3)), [1.0, 2.0]),
            ValueError,
            "mse: predictions have shape (3,) and targets (2,); they must be equal, but for a last axis of length 1",
        ),
        (
            lambda: nn.mse([1.0], [1.0]),
            TypeError,
            "mse: predictions must be a Tensor, or a list of Values or of equally long lists of them, one an example; "
            "got [1.0]",
        ),
        (
            lambda: nn.hinge(Tensor([1.0]), [0.0]),
            ValueError,
            "hinge: targets must be -1 or 1, got [0.0]; write 2 * (np.array(targets) == 1) - 1",
        ),
        (
            lambda: train(model=square),
            TypeError,
            "model must be an nn.Module, got function; e.g. nn.MLP(2, [16, 1])",
        ),
        (
            lambda: nn.Module()(1.0),
            NotImplementedError,
            "Module does not say what it computes; give it a __call__(self, x)",
        ),
        (
            lambda: nn.Neuron(1).load_state_dict({"w.0": np.nan, "b": 0.0}),
            ValueError,
            "w.0: the state holds nan or inf; it was saved after the training had diverged",
        ),
        (
            lambda: nn.Neuron(2, weights=[1.0]),
            ValueError,
            "weights must be 2 finite numbers, one for each input; got [1.0]",
        ),
        (
            lambda: nn.SGD(nn.Neuron(1), nesterov=True),
            ValueError,
            "nesterov=True looks ahead along the momentum; give momentum greater than 0, such as 0.9",
        ),
        (
            lambda: train(optimizer=nn.SGD(nn.Neuron(2))),
            ValueError,
            "optimizer holds none of this model's parameters; make it anew: nn.Adam(model, lr=0.01)",
        ),
        (
            lambda: train(callbacks=[1.0]),
            TypeError,
            "callbacks must be a list of functions of (epoch, model, history), got [1.0]",
        ),
        (
            lambda: train(loss=lambda outputs, targets: 1.0),
            TypeError,
            "loss must return a Value or a Tensor of one element, got 1.0",
        ),
        (
            lambda: plots.digit_sheet(np.ones((2, 9)), [1], np.ones((2, 10))),
            ValueError,
            "digit_sheet() takes n square images, n labels and n rows of scores, n at least 1; got shapes (2, 9), (1,) "
            "and (2, 10)",
        ),
        (
            lambda: plots.loss_curve(nn.History(loss=[1.0])).save("nowhere/loss.png"),
            FileNotFoundError,
            "there is no folder 'nowhere'; make it before you save 'loss.png'",
        ),
        (lambda: nn.Neuron(3)([1.0, 2.0]), ValueError, "Neuron(3) takes 3 inputs, got 2"),
        (lambda: nn.SGD(nn.Neuron(1), lr=0.0), ValueError, "lr must be greater than 0 and finite, got 0.0"),
        (
            lambda: nn.SGD(nn.Neuron(1), momentum=1.0),
            ValueError,
            "momentum must be at least 0 and less than 1, got 1.0",
        ),
        (
            lambda: nn.SGD([Tensor(1.0).detach()]),
            TypeError,
            "parameter 0 is a constant, which has no gradient; make it Value(…) or Tensor(…)",
        ),
        (
            lambda: nn.Neuron(1).load_state_dict({"w.0": 1.0, "c": 2.0}),
            ValueError,
            "the state does not fit Neuron: missing b; unexpected c; build the model with the sizes that it was "
            "saved with",
        ),
        (
            lambda: nn.accuracy([1.0, 2.0], [1.0]),
            ValueError,
            "accuracy: scores must have shape (n,) or (n, classes) and labels shape (n,), n at least 1; got (2,) and "
            "(1,)",
        ),
        (
            lambda: nn.accuracy([[1.0, 2.0]], [2]),
            ValueError,
            "accuracy: labels must be 0 to 1 for 2 scores, got [2.0]",
        ),
        (lambda: nn.accuracy([1.0], [2]), ValueError, "accuracy: labels must be 0 and 1, or -1 and 1, got [2.0]"),
        (
            lambda: nn.evaluate(nn.Neuron(2), (np.full((2, 2), np.nan), Y), "mse"),
            ValueError,
            "data[0] holds nan or inf, first at [0, 0]; clean the data first",
        ),
        (
            lambda: nn.evaluate(nn.Neuron(2), (X, [0.0, np.inf]), "mse"),
            ValueError,
            "data[1] holds nan or inf, first at [1]; clean the data first",
        ),
        (lambda: grad(cube(2.0)), TypeError, "got 8.0; write grad(f)(x), and not grad(f(x))"),
        (
            lambda: quiet(cube, 1.0, tolerance="small"),
            ValueError,
            "tolerance is the largest relative error to let pass, such as 1e-7; got 'small'",
        ),
        (lambda: quiet(cube, 1.0, tolerance=2.0), ValueError, "such as 1e-7; got 2.0"),
        (
            lambda: quiet(cube, 1.0, seed=None),
            ValueError,
            "seed is an int of at least 0, by which a check can be repeated; got None",
        ),
        (
            lambda: quiet(lambda x: [], 1.0),
            ValueError,
            "gradcheck needs at least one result to differentiate; the function returned none",
        ),
        (
            lambda: quiet(lambda x, y: x * y, [2.0, 3.0]),
            TypeError,
            "inputs is a tuple of all arguments, as in gradcheck(f, (x, y)), or the only one; it has 1, and the "
            "function has (x, y): missing a required argument: 'y'",
        ),
        (lambda: autograd.grad(forgetful)(1.0), TypeError, "forgetful must return Values or Tensors"),
        (
            lambda: matrix().sum(0, 1),  # type: ignore[arg-type]
            TypeError,
            "keepdims is True or False, got 1; several axes are a tuple, as in sum((0, 1))",
        ),
        (
            lambda: matrix().sum(True),
            TypeError,
            "axis is None, an integer or a tuple of integers such as (0, 1); got True",
        ),
        (lambda: matrix().reshape(True, 6), TypeError, "shape is integers, or one tuple of them; got (True, 6)"),
        (lambda: stack([matrix()], None), TypeError, "axis is one integer here, got None"),  # type: ignore[arg-type]
        (lambda: concatenate([matrix()], (0, 1)), TypeError, "axis is one integer here, got (0, 1)"),  # type: ignore[arg-type]
        (lambda: matrix().take([0], (0,)), TypeError, "axis is one integer here, got (0,)"),  # type: ignore[arg-type]
        (lambda: Tensor(1.0, dtype="single?"), TypeError, "dtype is float32 or float64, got 'single?'"),
        (lambda: matrix().astype({"f": 8}), TypeError, "dtype is float32 or float64, got {'f': 8}"),
        (
            lambda: autograd.mean(np.array(2.0)),
            TypeError,
            "mean() takes a list of Values or numbers, or a Tensor; got ndarray",
        ),
        (lambda: stack(np.array(2.0)), TypeError, "stack() takes a list of Tensors or arrays, got array(2.)"),
        (lambda: nn.Neuron(1)(np.array(2.0)), TypeError, "got ndarray array(2.)"),
        (lambda: autograd.clip(1.0, "a", 2.0), TypeError, "a Value is one real number, not str 'a'"),
        (
            lambda: own_product(domain=(0.0, 1.0)),
            ValueError,
            "operation 'product': each domain is a pair (low, high), got (0.0, 1.0)",
        ),
        (
            lambda: own_product(defaults=0.1),
            TypeError,
            "takes (m, x, y): at most 1 of these can have defaults, which are a tuple of numbers; got 0.1",
        ),
        (
            lambda: own_product(kinks=((0.0, 1.0),)),
            TypeError,
            "operation 'product': each kink is (2 arguments, 2 partials), a pair of tuples; got ((0.0, 1.0),)",
        ),
        (
            lambda: custom_op(product)(Value(1.0), Value(2.0)),
            TypeError,
            "custom_op() is called with the partial derivatives, and then with the formula alone: write "
            "@custom_op(lambda m, y, x: …) above the formula; got (Value(data=1.0, grad=0.0), ",
        ),
    ],
)
def test_a_message_says_what_came_and_what_to_write(wrong: Callable[[], Any], kind: Any, said: str) -> None:
    with pytest.raises(kind) as caught:
        wrong()
    assert said in str(caught.value)


def test_a_step_is_asked_for_by_name_or_number() -> None:
    y = Value(2.0) * 3.0
    with pytest.raises(
        TypeError, match=r"at is a name, as in at=.e:backward., or the number of a step from 1; got float 1\.5"
    ):
        step(y, at=1.5)  # type: ignore[arg-type]


def test_a_rule_that_branches_has_no_javascript() -> None:
    with pytest.raises(TypeError, match=r"a symbol is neither true nor false; write m\.where\(condition, a, b\)"):
        bool(Symbol("x"))
    with pytest.raises(TypeError, match=r"a symbol equals nothing yet; write m\.equal\(a, b\)"):
        assert Symbol("x") == 1.0


def test_a_gradient_of_another_shape_names_its_parameter() -> None:
    weights = Tensor(np.ones(3))
    weights.grad = np.ones(2)
    with pytest.raises(ValueError, match="must be equal") as caught:
        nn.SGD({"w": weights}).step()
    assert str(caught.value) == (
        "parameter w has shape (3,) and its gradient (2,); they must be equal: call zero_grad(), then backward()"
    )


def test_a_diverged_training_says_what_became_of_the_parameters() -> None:
    """The loss is looked at before a step; what the last step made, at the end of the epoch."""
    model = nn.Neuron(1, "linear", bias=False, weights=[1.0])
    with pytest.raises(nn.TrainingError, match="the loss became inf") as before:
        nn.fit(model, ([[1e200]], [0.0]), loss="mse", optimizer=nn.SGD(model), epochs=1, progress=False)
    assert "; the parameters are as they were before this step. Lower the learning rate" in str(before.value)
    with pytest.raises(nn.TrainingError, match="the parameters became nan or inf in epoch 1, step 2") as after:
        nn.fit(model, ([[1e150]], [0.0]), loss="mse", optimizer=nn.SGD(model, lr=1e300), epochs=1, progress=False)
    assert "w.0 holds nan or inf, from a gradient that overflowed" in str(after.value)


# ----- files -----


def idx(*sizes: int, items: bytes = b"") -> bytes:
    """An IDX file of unsigned bytes."""
    return bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes) + items


@pytest.mark.parametrize(
    ("content", "shape", "said"),
    [
        (
            b"GIF89a",
            None,
            "expected the IDX magic number (bytes 00 00, one of 08, 09, 0b, 0c, 0d, 0e, the number of dimensions ≥ 1), "
            "found 47 49 46 38. Is this an IDX file at all?",
        ),
        (
            idx(0, 2**31, 2**31, 2**31),
            None,
            "expected a shape NumPy can hold, found shape (0, 2147483648, 2147483648, 2147483648). Fetch",
        ),
        (
            b"\x1f\x8b" + bytes(20),
            None,
            "expected a whole gzip file, found a damaged one (Unknown compression method). Fetch the file again.",
        ),
        (idx(2, 3)[:9], None, "expected a header of 12 bytes, found only 9 bytes. Fetch the file again."),
        (
            idx(2, items=b"ab"),
            (3,),
            "expected shape (3,), found shape (2,). Is this another file under a wrong name?",
        ),
        (idx(3, items=b"ab"), None, "expected 3 bytes of items, as its header (3,) says, found only 2. Fetch"),
    ],
)
def test_a_wrong_file_is_told_from_the_right_one(
    content: bytes, shape: tuple[int, ...] | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(IDXError) as caught:
        read_idx(path, shape)
    assert str(caught.value).startswith(f"{path}: {said}")


def test_a_missing_file_says_to_correct_the_path(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        read_idx(tmp_path / "file")
    assert str(caught.value) == f"{tmp_path / 'file'}: expected an IDX file, found nothing. Correct the path."


def test_missing_digits_say_where_to_put_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        mnist(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: expected train-images-idx3-ubyte.gz or train-images-idx3-ubyte or train-images.idx3-ubyte of "
        f"MNIST, found none of them. Put the file there, or name the folder that has it with folder= or MNIST_DIR."
    )


def test_without_pooch_missing_digits_say_what_to_install_or_where_to_put_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setattr(sys.modules["nn.data.mnist"], "CHECKOUT", tmp_path)
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError) as caught:
        mnist()
    assert str(caught.value) == (
        'MNIST is not on this machine, and to download it needs the package pooch: pip install "glassgrad[data]", '
        "or put its files in a folder and name that with folder= or MNIST_DIR."
    )


def no_way(*_: Any, **__: Any) -> None:
    raise OSError("no way there")


def test_a_download_that_fails_says_what_else_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setattr(sys.modules["nn.data.mnist"], "CHECKOUT", tmp_path)
    monkeypatch.setitem(sys.modules, "pooch", SimpleNamespace(os_cache=lambda name: tmp_path, retrieve=no_way))
    with pytest.raises(ConnectionError) as caught:
        mnist()
    first, *addresses = str(caught.value).splitlines()
    assert first == (
        "MNIST: expected to download train-images-idx3-ubyte.gz, and every source failed. Try again, or put its files "
        "in a folder and name that with folder= or MNIST_DIR."
    )
    assert addresses and all(line.endswith("train-images-idx3-ubyte.gz: no way there") for line in addresses)


def test_a_checkpoint_says_what_it_has_no_room_for(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(nn.CheckpointError) as caught:
        nn.save(path, nn.Neuron(1), extra={"when": 1j})
    assert str(caught.value) == (
        f"{path}: record: expected names, settings and extra of numbers, text, lists and dicts, 100 MB at most, "
        f"found complex 1j. Leave out what is none of these."
    )


def test_a_checkpoint_whose_record_is_too_large_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["nn.checkpoint"], "HEADER_LIMIT", 100)
    with pytest.raises(nn.CheckpointError, match=r"100 MB at most, found header too large, \d+ bytes. Leave out"):
        nn.save(tmp_path / "model.safetensors", nn.Neuron(1))
    assert not list(tmp_path.iterdir())


def test_a_damaged_checkpoint_says_to_take_another(tmp_path: Path) -> None:
    path = nn.save(tmp_path / "model.safetensors", nn.Neuron(1))
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(nn.CheckpointError, match="checksum: expected crc32") as caught:
        nn.load(path, nn.Neuron(1))
    assert str(caught.value).endswith(": the file is damaged. Take another copy of it.")


# ----- programs -----


@pytest.mark.skipif(sys.platform == "win32", reason="a file without an extension is no program there")
@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("not a program", "dot cannot be run: [Errno 8] Exec format error: '{path}'; run `pip install graphviz-pure`"),
        ("#!/bin/sh\necho syntax error >&2; exit 3", "dot failed with status 3: syntax error"),
        ("#!/bin/sh\nexit 0", "dot failed with status 0: it wrote nothing"),
    ],
)
def test_a_broken_graphviz_is_named(program: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "dot"
    path.write_text(program)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LayoutError) as caught:
        draw(Value(1.0)).png()
    assert said.format(path=path) in str(caught.value)


def test_without_graphviz_a_png_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "engine", lambda: None)
    with pytest.raises(LayoutError) as caught:
        draw(Value(1.0)).png()
    assert str(caught.value) == (
        "a .png needs Graphviz, and neither its `dot` nor `graphviz-pure` was found; run `pip install graphviz-pure`, "
        "or save the graph as .svg, which needs neither"
    )


def fall_short(out: Path, quick: bool) -> None:
    command.check("accuracy", 0.5, 0.98)


def stop(out: Path, quick: bool) -> None:
    raise KeyboardInterrupt


def fail(out: Path, quick: bool) -> None:
    raise ValueError("no such digit")


@pytest.mark.parametrize(
    ("demo", "said"),
    [
        (fall_short, "error: accuracy fell short of 98%"),
        (stop, "stopped"),
        (fail, "error: no such digit"),
    ],
)
def test_a_demo_ends_with_a_sentence(
    demo: command.Demo, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["demo", "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as caught:
        command.run(demo, "A demo.")
    assert caught.value.code == said


# ----- the rule -----

SLOT = "\0"
"""Stands for what an f-string fills in."""

UNSEEN = {"a real dtype has no room for a complex step"}
"""Caught where they are raised, so that no user reads them: gradcheck goes on without the complex step."""


def text_of(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(text_of, parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return text_of(left) + text_of(right)
    return SLOT


def messages() -> Iterator[tuple[str, str]]:
    """Where an error is made, and its text."""
    sources = [path for package in ("autograd", "nn") for path in (ROOT / package).rglob("*.py")]
    for path in sorted([*sources, ROOT / "demos" / "command.py"]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and re.search(r"Error$|^kind$|^sys.exit$", ast.unparse(node.func)):
                text = SLOT.join(map(text_of, node.args))
                if words(text) and text not in UNSEEN:
                    yield f"{path.relative_to(ROOT).as_posix()}:{node.lineno}", text


def expectations() -> Iterator[str]:
    """The words of every string in the tests, but for docstrings."""
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant | ast.JoinedStr) and node not in docstrings:
                yield f" {' '.join(words(text_of(node)))} "


def words(text: str) -> list[str]:
    """Without the signs between them, which look otherwise in a pattern."""
    return re.findall(r"\w+", text)


def phrases(text: str) -> set[str]:
    """Every four words in a row that ``text`` has whatever is filled in."""
    rows = [words(part) for part in text.split(SLOT)]
    return {f" {' '.join(row[i : i + 4])} " for row in rows for i in range(len(row) - 3)}


def test_every_error_message_is_read_by_a_test() -> None:
    """Four words in a row, which no other message has, stand in a string of the tests.

    Where a message has no such words, all that it has stand in one string in their order.
    """
    found = list(messages())
    assert len(found) > 150
    holders = Counter(phrase for text in {text for _, text in found} for phrase in phrases(text))
    strings = list(expectations())
    everything = "".join(strings)
    unread = []
    for place, text in found:
        own = [phrase for phrase in phrases(text) if holders[phrase] == 1]
        in_order = re.compile(" " + " (?:.* )?".join(words(text)) + " ")
        if not (any(phrase in everything for phrase in own) if own else any(map(in_order.search, strings))):
            unread.append(f"{place}: {text.replace(SLOT, '…')}")
    assert not unread, "no test reads\n" + "\n".join(unread)
