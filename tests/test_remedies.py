"""Whoever follows the remedy that an error message names gets a program that runs, with the right result.

`REMEDIES` has a program that fails, the remedy in the words of its message, and the same program with the remedy
followed. Every other ``raise`` is in `NO_CODE`. Those of `math` and `statistics` are in `test_conversions`, what a
compiled function refuses to do with a traced value is in `test_compiler_user_code`.
"""

import ast
import math
import re
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd
import nn
from autograd.namespaces import SCALARS
from autograd.symbols import Symbol

ROOT = Path(__file__).parents[1]
NAMES = (
    "from autograd import *; from autograd import compile",
    "from autograd.viz import animate, draw, explain, from_json, step, widget",
    "x, matrix, v = Tensor([1.0, 2.0]), Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), Value(2.0)",
    "X, y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0.0, 1.0])",
    "net = lambda: nn.MLP(2, [2, 1], seed=0)",
    "quiet = dict(loss='mse', epochs=1, progress=False)",
    "fit = lambda model, **more: nn.fit(model, (X, y), **dict(optimizer=nn.SGD(model)) | quiet | more)",
    "train = lambda model, **more: len(fit(model, **more).loss)",
)
"""What every program begins with."""


PATH = "path.parent / '%s'"
E = "v.label = 'v'\ne = v * v\ne.label = 'e'"
MANY = """\
parts, w = [], Value(3.0)
for i in range(401):
    with scope(f'part {i}'): parts.append(w * 2.0)
many = autograd.sum(parts)"""
LONG = "many = w = Value(1.0)\nfor i in range(500): many = many * 1.01"
HURRY = "from unittest.mock import patch\nhurry = patch('autograd.viz.layout.SECONDS', 0.0)"
"""Beginnings of programs that draw."""
F = """\
from copy import copy
def f():
    score = v * v
    score.label = 'score'
    return score
def g(a, b): return v * a
ps, qs = [Value(1.0), *[0.0] * 5000], [Value(2.0), *[0.0] * 5000]
def loop(): return ps[0] * qs[0]
c = compile(loop)
def replaced():
    ps[0] = Value(5.0)
    return [c() for _ in range(3)]"""
KEEP = "seen = []\ndef h():\n    seen.append(v * v)\n    return seen[-1] + v\ncompile(h)()\n"
USES = (
    "seen[0] * 2.0",
    "seen[0].data",
    "seen[0] < 1.0",
    "math.exp(seen[0])",
    "compile(lambda: seen[0] * v)()",
    "compile(lambda: v * seen[0].data)()",
    "class Own(Value): pass\nu = Own(3.0)\ndef k():\n    seen.append(u * v)\n    return seen[-1] * 1.0\n"
    "compile(k)()\ncompile(lambda: v * seen[-1])()",
)
KEPT = "def h():\n    y = v * v\n    y.label = 'y'\n    return y + v\ncompile(h, keep=['y'])().kept['y']"
"""Beginnings of programs that are compiled."""
DATA = "([[1e200]], [0.0])"


class Remedy(NamedTuple):
    """A program that fails, words of its message, and the program that follows them.

    setup: lines that both programs begin with; the last line of ``right`` is what gives ``result``
    """

    wrong: str
    says: str
    right: str
    result: Any
    setup: str = ""


REMEDIES: dict[str, list[Remedy]] = {
    "autograd/conversions.py": [
        Remedy(
            "y = np.zeros(2)\ny[0] = v",
            "write Values into a list or an array of dtype=object",
            "y = np.zeros(2, dtype=object)\ny[0] = v\nloss = y.sum()\nloss.backward()\nv.grad",
            1.0,
        ),
        Remedy(
            "grad(lambda a: math.exp(a))(0.0)",
            "write autograd.exp(x) for math.exp(x)",
            "grad(lambda a: autograd.exp(a))(0.0)",
            1.0,
        ),
        Remedy(
            "grad(lambda a: a * math.exp(a))(0.0)",
            "x.item() if you mean the bare number",
            "grad(lambda a: a * math.exp(a.item()))(0.0)",
            1.0,
        ),
    ],
    "autograd/functional.py": [
        Remedy(
            "grad(lambda a: a * a, has_aux=True)(3.0)",
            "write return loss, more",
            "grad(lambda a: (a * a, 'more'), has_aux=True)(3.0)[0]",
            6.0,
        ),
        Remedy(
            "autograd.compile(lambda a: grad(lambda b: (b * b).sum())(np.array([1.0, 2.0]))[0] * a)(3.0)",
            "write a list, as in x.tolist()",
            "autograd.compile(lambda a: grad(lambda b: b[0] ** 2 + b[1])(np.array([1.0, 2.0]).tolist())[0] * a)(3.0)",
            6.0,
        ),
        Remedy("grad(f, v)", "write grad(f)(x)", "grad(f)(2.0)", 4.0, "f = lambda a: a * a"),
        Remedy("grad(f(v))", "write grad(f)(x), and not grad(f(x))", "grad(f)(2.0)", 4.0, "f = lambda a: a * a"),
        Remedy(
            "grad(lambda a: math.sin(a.data))(0.0)",
            "Write autograd.sin(x)",
            "grad(lambda a: autograd.sin(a))(0.0)",
            1.0,
        ),
        Remedy("grad(lambda a: None)(1.0)", "Value(2.0) for a constant", "grad(lambda a: Value(2.0))(1.0)", 0.0),
        Remedy("jvp(f, 3.0, 1.0)", "write jvp(f, (x,), (t,))", "jvp(f, (3.0,), (1.0,))[1]", 6.0, "f = lambda a: a * a"),
        Remedy("grad(lambda a: a * a)(x)", "reduce it, as in y.sum()", "grad(lambda a: (a * a).sum())(x)", [2.0, 4.0]),
        Remedy("grad(f)(x)", "or take jacobian()", "jacobian(f)(x)", [[2.0, 0.0], [0.0, 4.0]], "f = lambda a: a * a"),
        Remedy("grad(f)('3')", "Value(float(text))", "grad(f)(Value(float('3')))", 6.0, "f = lambda a: a * a"),
        Remedy(
            "vjp(f, 3.0)[1](1j)",
            "take its .real",
            "vjp(f, 3.0)[1](1j.real)",
            [0.0],
            "f = lambda a: a * a",
        ),
    ],
    "autograd/functions.py": [
        Remedy("clip(v)", "write clip(x, low, high)", "clip(v, 0.0, 1.0)", 1.0),
        Remedy("clip(v)", "clip(x, low)", "clip(v, 3.0)", 3.0),
        Remedy("clip(v)", "clip(x, None, high)", "clip(v, None, 1.0)", 1.0),
        Remedy("x.max(dim=0)", "write axis= for the numbers", "x.max(axis=0)", 2.0),
        Remedy("x.max(dim=0)", "argmax, argmin or argsort for the places", "x.argmax(axis=0)", 1),
        Remedy("x.std(dim=0)", "write axis= with ddof=1", "x.std(axis=0, ddof=1)", math.sqrt(0.5)),
        Remedy(
            "@custom_op(2.0)\ndef square(m, a): return a * a\nsquare(v)",
            "write @custom_op(lambda m, y, x: …) above the formula",
            "@custom_op(lambda m, y, x: 2.0 * x)\ndef square(m, a): return a * a\nsquare(v).backward()\nv.grad",
            4.0,
        ),
        Remedy(
            "@custom_op\ndef square(m, a, b, c): return a * b * c\nsquare(v, v, v)",
            "write @custom_op(lambda m, y, x: …) above the formula",
            "@custom_op(lambda m, y, x: 2.0 * x)\ndef square(m, a): return a * a\nsquare(v).backward()\nv.grad",
            4.0,
        ),
        Remedy(
            "@custom_op(lambda m, y, x: 2.0 * x)\ndef total(m, a): return np.sum(a * a)\ntotal(x)",
            "take its sum() outside",
            "@custom_op(lambda m, y, x: 2.0 * x)\ndef square(m, a): return a * a\nsquare(x).sum().backward()\nx.grad",
            [2.0, 4.0],
        ),
    ],
    "autograd/gradcheck.py": [
        Remedy(
            "gradcheck(f, [1.0, 2.0], show=False)",
            "as in gradcheck(f, (x, y))",
            "gradcheck(f, (1.0, 2.0), show=False).worst < 1e-7",
            True,
            "f = lambda a, b: a * b",
        ),
        Remedy(
            "gradcheck(lambda a: a * rng.random(), 1.0, show=False)",
            "fix its random numbers with a seed inside it",
            "gradcheck(lambda a: a * np.random.default_rng(0).random(), 1.0, show=False).worst < 1e-7",
            True,
            "rng = np.random.default_rng(0)",
        ),
        Remedy(
            "gradcheck(lambda a: a.log(), 0.0, show=False)",
            "move the inputs",
            "gradcheck(lambda a: a.log(), 0.5, show=False).worst < 1e-7",
            True,
        ),
    ],
    "autograd/graph.py": [
        Remedy(
            "(v * v).backward()\nwith no_grad(): v -= 0.5 * v.grad",
            "write p.data -= … to move it",
            "(v * v).backward()\nwith no_grad(): v.data -= 0.5 * v.grad\nv",
            0.0,
        ),
        Remedy("(v * v).requires_grad_(False)", "write x = x.detach()", "(v * v).detach()", 4.0),
        Remedy(
            "with no_grad():\n    w = v * v\nw.backward()",
            "build it from Values or Tensors outside no_grad()",
            "w = v * v\nw.backward()\nv.grad",
            4.0,
        ),
    ],
    "autograd/linear_algebra.py": [
        Remedy("np.linalg.norm(matrix, 2)", "use ord None", "np.linalg.norm(matrix)", math.sqrt(91.0)),
        Remedy("np.linalg.norm(matrix, 2)", "x.detach()", "np.linalg.norm(matrix.detach(), 2)", 9.508032000695724),
    ],
    "autograd/modes.py": [
        Remedy("with no_grad:\n    y = v * 2.0", "write with no_grad():", "with no_grad():\n    y = v * 2.0\ny", 4.0),
        Remedy("with scope(3): v * v", 'as in scope("encoder")', 'with scope("encoder"): w = v * v\nw', 4.0),
        Remedy("no_grad(3)", "write with no_grad():", "with no_grad():\n    w = v * v\nw.requires_grad", False),
        Remedy(
            "no_grad(3)",
            "or @no_grad",
            "@no_grad\ndef square(a): return a * a\nsquare(v).requires_grad",
            False,
        ),
        Remedy(
            "with detect_anomaly(): (v - 2.0).log()",
            "for example by clip()",
            "with detect_anomaly(): w = autograd.clip(v - 2.0, 1e-3, 1e3).log()\nw",
            math.log(1e-3),
        ),
        Remedy(
            "with detect_anomaly(): (v - 2.0).log()",
            "or a small constant",
            "with detect_anomaly(): w = (v - 2.0 + 1e-3).log()\nw",
            math.log(1e-3),
        ),
        Remedy(
            "w = Value(0.0).sqrt()\nwith detect_anomaly(): w.backward()",
            "put the forward pass inside to see it here",
            "try:\n    with detect_anomaly(): Value(0.0).sqrt().backward()\n"
            "except AnomalyError as error: told = str(error)\n'outside' in told",
            False,
        ),
    ],
    "autograd/moves.py": [
        Remedy(
            "w = (x * x).sum()\nx.data += 1.0\nw.backward()",
            "call backward() before you change it",
            "w = (x * x).sum()\nw.backward()\nx.data += 1.0\nx.grad",
            [2.0, 4.0],
        ),
        Remedy(
            "w = (x * x).sum()\nx.data += 1.0\nw.backward()",
            "or compute the result again afterwards",
            "x.data += 1.0\nw = (x * x).sum()\nw.backward()\nx.grad",
            [4.0, 6.0],
        ),
    ],
    "autograd/namespaces.py": [
        Remedy(
            "@custom_op(lambda m, y, x: 3.0 * x * x)\ndef cube(m, a): return m.cube(a)\ncube(v)",
            "+ - * / and comparisons; write it with those",
            "@custom_op(lambda m, y, x: 3.0 * x * x)\ndef cube(m, a): return a * a * a\ncube(v)",
            8.0,
        ),
    ],
    "autograd/numpy_protocol.py": [
        Remedy(
            "np.cov(matrix)",
            "write (x - x.mean(1, True)) @ (x - x.mean(1, True)).T / (x.shape[1] - 1)",
            "x = matrix\n(x - x.mean(1, True)) @ (x - x.mean(1, True)).T / (x.shape[1] - 1)",
            [[1.0, 1.0], [1.0, 1.0]],
        ),
        Remedy("np.sort_complex(x)", "write x.detach()", "np.sort_complex(x.detach())", [1.0, 2.0]),
        Remedy("np.sort_complex(x)", "or x.data to mean the plain numbers", "np.sort_complex(x.data)", [1.0, 2.0]),
        Remedy("B = np.ones(2)\nB += x", "use `B = B + x`", "B = np.ones(2)\nB = B + x\nB", [2.0, 3.0]),
        Remedy(
            "np.sum(x, dtype='float32')",
            "x.astype(dtype) has another dtype",
            "np.sum(x.astype('float32')).dtype.name",
            "float32",
        ),
        Remedy(
            "np.max(x, where=[True, False])", "needs initial=", "np.max(x, where=[True, False], initial=-np.inf)", 1.0
        ),
        Remedy(
            "np.quantile(x, 0.5, method='lower')",
            "for others write x.detach()",
            "np.quantile(x.detach(), 0.5, method='lower')",
            1.0,
        ),
        Remedy(
            "np.pad(x, 1, 'linear_ramp')",
            "for others write x.detach()",
            "np.pad(x.detach(), 1, 'linear_ramp')",
            [0.0, 1.0, 2.0, 0.0],
        ),
        Remedy(
            "np.cumulative_sum(matrix)",
            "give axis",
            "np.cumulative_sum(matrix, axis=1)",
            [[1.0, 3.0, 6.0], [4.0, 9.0, 15.0]],
        ),
        Remedy(
            "np.hstack([x, x], dtype='float32')",
            "write x.astype(dtype) for another",
            "np.hstack([x.astype('float32'), x.astype('float32')]).dtype.name",
            "float32",
        ),
    ],
    "autograd/ops.py": [
        Remedy(
            "pickle.dumps(own(v))",
            "which is result.detach()",
            "pickle.loads(pickle.dumps(own(v).detach()))",
            4.0,
            "import pickle\nown = custom_op(lambda m, y, a: 2.0 * a)(lambda m, a: a * a)",
        ),
    ],
    "autograd/symbols.py": [
        Remedy("Symbol('a') == 1.0", "write m.equal(a, b)", "m.equal(1.0, 1.0)", True),
        Remedy("bool(Symbol('a'))", "write m.where(condition, a, b)", "m.where(True, 1.0, 2.0)", 1.0),
    ],
    "autograd/tensor.py": [
        Remedy("x.size(0)", "x.shape[0] for x.size(0)", "x.shape[0]", 2),
        Remedy(
            "autograd.compile(lambda a: Tensor([a, a]).sum())(2.0)",
            "in lists or in numpy.array(xs)",
            "autograd.compile(lambda a: np.array([a, a]).sum() * 1.0)(2.0)",
            4.0,
        ),
        Remedy(
            "x[0] = 5.0",
            "choose with where(condition, a, b)",
            "where(np.array([True, False]), 5.0, x)",
            [5.0, 2.0],
        ),
        Remedy("x[0] = 5.0", "change .data before you compute with it", "x.data[0] = 5.0\nx", [5.0, 2.0]),
        Remedy("matrix.sum('0, 1')", "a tuple of integers such as (0, 1)", "matrix.sum((0, 1))", 21.0),
        Remedy("matrix.sum(0, 1)", "several axes are a tuple, as in sum((0, 1))", "matrix.sum((0, 1))", 21.0),
        Remedy("x[Tensor([1.0])]", "use an integer or boolean NumPy array", "x[np.array([1])]", [2.0]),
        Remedy("Tensor([1.0], dtype=int)", "use float32 or float64", "Tensor([1.0], dtype='float32')", [1.0]),
        Remedy("Tensor([1.0], dtype='single?')", "dtype is float32", "Tensor([1.0], dtype='float32')", [1.0]),
        Remedy("Tensor(v)", "take its .data", "Tensor(v.data)", 2.0),
        Remedy(
            "grad(lambda b: grad(lambda w: (w * b).sum())(X).sum())(0.5)",
            "grad(f)(np.array(2.0))",
            "grad(lambda b: grad(lambda w: (w * b).sum())(X).sum())(np.array(0.5))",
            4.0,
        ),
        Remedy(
            "Tensor([[v, v]])", "[value.data for value in values]", "Tensor([[x.data for x in [v, v]]])", [[2.0, 2.0]]
        ),
        Remedy("Tensor([x, x])", "join Tensors with stack()", "stack([x, x])", [[1.0, 2.0], [1.0, 2.0]]),
        Remedy(
            "Tensor(values)",
            "from Values take [value.data for value in values]",
            "Tensor([value.data for value in values])",
            [2.0, 2.0],
            "values = [v, v]",
        ),
        Remedy(
            "loss = x * x\nloss.backward()",
            "as in loss.sum().backward()",
            "loss = x * x\nloss.sum().backward()\nx.grad",
            [2.0, 4.0],
        ),
        Remedy(
            "(x * x).backward()",
            "or give backward(gradient) of that shape",
            "(x * x).backward(np.ones(2))\nx.grad",
            [2.0, 4.0],
        ),
        Remedy(
            "(x * x).backward(np.ones(3))",
            "it must have that of the tensor, (2,)",
            "(x * x).backward(np.ones((2,)))\nx.grad",
            [2.0, 4.0],
        ),
        Remedy("matrix @ matrix", "is a .T missing?", "matrix @ matrix.T", [[14.0, 32.0], [32.0, 77.0]]),
        Remedy("Tensor([[1.0], 2.0])", "needs rows of equal length", "Tensor([[1.0], [2.0]])", [[1.0], [2.0]]),
        Remedy("Tensor(['1'])", "give numbers, or rows of numbers", "Tensor([float('1')])", [1.0]),
        Remedy(
            "Tensor([1.0, 2.0]).reshape('2')", "is integers, or one tuple of them", "x.reshape((2, 1))", [[1.0], [2.0]]
        ),
        Remedy("stack(3)", "takes a list of Tensors", "stack([x])", [[1.0, 2.0]]),
        Remedy("x + np.ones(3)", "the sizes must be equal or one of them 1", "x + np.ones(1)", [2.0, 3.0]),
        Remedy("float(matrix)", "as in x[0, 0].item()", "matrix[0, 0].item()", 1.0),
        Remedy("f'{x:.2f}'", "or all by x.tolist()", "x.tolist()", [1.0, 2.0]),
        Remedy(
            "np.array([x, x])",
            "join Tensors with autograd.stack([a, b])",
            "autograd.stack([x, x])",
            [[1.0, 2.0], [1.0, 2.0]],
        ),
        Remedy("np.asarray(x)", "write x.detach()", "np.asarray(x.detach())", [1.0, 2.0]),
        Remedy("np.asarray(x)", "or x.data to mean the plain numbers", "np.asarray(x.data)", [1.0, 2.0]),
        Remedy("bool(x)", "use .data.any()", "bool(x.data.any())", True),
        Remedy("bool(x)", "or .all()", "bool(x.data.all())", True),
    ],
    "autograd/value.py": [
        Remedy("Value('3')", "convert it first: Value(float(text))", "Value(float('3'))", 3.0),
        Remedy("Value(3 + 4j)", "take its .real", "Value((3 + 4j).real)", 3.0),
        Remedy("Value(3 + 4j)", "or its abs()", "Value(abs(3 + 4j))", 5.0),
        Remedy("Value([3.0])", "use a Tensor", "Tensor([3.0])", [3.0]),
        Remedy("Value(x)", "take its .data", "Value(x[0].data)", 1.0),
        Remedy(
            "u = Value(2.0)\n(u * x).sum()",
            "write Tensor(2.0) for Value(2.0)",
            "u = Tensor(2.0)\n(u * x).sum().backward()\nu.grad",
            3.0,
        ),
        Remedy(
            "grad(lambda b: (b * x).sum())(2.0)",
            "grad(f)(np.array(2.0))",
            "grad(lambda b: (b * x).sum())(np.array(2.0))",
            3.0,
        ),
        Remedy("Value(None)", "give a float or an int", "Value(3)", 3.0),
        Remedy(
            "p.data -= 0.1 * g\np * p",
            "write p.data -= 0.1 * g.data",
            "p.data -= 0.1 * g.data\np * p",
            3.24,
            "p, g = Value(2.0), Value(2.0)",
        ),
    ],
    "autograd/compiler/arguments.py": [
        Remedy(
            "compile(lambda a: a * v)(v * 2.0)",
            "compute it in the compiled function",
            "compile(lambda a: a * 2.0 * v)(3.0)",
            12.0,
        ),
        Remedy(
            "compile(lambda a: a * a)(v * 2.0)",
            "or pass a.detach()",
            "compile(lambda a: a * v)((v * 2.0).detach())",
            8.0,
        ),
        Remedy(
            "compile(lambda a: a[0] * v)(x)", "pass the array in its .data", "compile(lambda a: a[0] * v)(x.data)", 2.0
        ),
        Remedy(
            "compile(lambda a: a[0] * v).batch([[v], [v]])",
            "pass numbers, and Values one by one",
            "compile(lambda a: a[0] * v).batch([[v.data], [3.0]])",
            5.0,
        ),
    ],
    "autograd/compiler/backends.py": [
        Remedy(
            "with patch('autograd.compiler.backends.find_spec', lambda name: None): compile(f, backend='numba')",
            "or leave the backend to compile",
            "with patch('autograd.compiler.backends.find_spec', lambda name: None): loss = compile(f)()\nloss",
            4.0,
            f"from unittest.mock import patch\n{F}",
        ),
    ],
    "autograd/compiler/compiled.py": [
        Remedy("compile(v * v)", "write compile(f), and not compile(f(x))", "compile(f)()", 4.0, F),
        Remedy(
            "compile(f, keep='score')", 'such as keep=["score"]', "compile(f, keep=['score'])().kept['score']", [4.0], F
        ),
        Remedy(
            "compile(f).batch()",
            "write f.batch(X, y), whose rows are the samples",
            "compile(g).batch(X[:, 0], y)",
            1.0,
            F,
        ),
        Remedy(
            "class Model:\n    @compile\n    def loss(self): return v * v\nModel().loss()",
            "write self.loss = autograd.compile(self._loss) in __init__",
            "class Model:\n    def __init__(self): self.loss = autograd.compile(self._loss)\n"
            "    def _loss(self): return v * v\nModel().loss()",
            4.0,
        ),
        Remedy("compile(f).program", "call the function once", "c = compile(f)\nc()\nc.program is not None", True, F),
        Remedy(
            "with detect_anomaly(): compile(f)()",
            "call the function itself, which is compiled.function",
            "with detect_anomaly(): L = compile(f).function()\nL",
            4.0,
            F,
        ),
        Remedy(
            "inner = compile(g)\ncompile(lambda: inner.batch(X[:, 0], y) * v)()",
            "Call the inner function itself, once for each sample",
            "inner = compile(g)\ncompile(lambda: (inner(0.0, 0.0) + inner(1.0, 1.0)) / 2.0 * v)()",
            2.0,
            F,
        ),
        Remedy(
            "compile(lambda a: a * v)(v)",
            "pass it or use it, and not both",
            "compile(lambda a: a * a)(v)",
            4.0,
        ),
        Remedy(
            "c()\nreplaced()",
            "or call the function again, which traces it anew",
            "c()\ntry: replaced()\nexcept GraphError: loss = c()\nloss",
            10.0,
            F,
        ),
        Remedy(
            "c()\nreplaced()",
            "assign to the parameter's .data instead, as in p.data = 0.5",
            "c()\nps[0].data = 0.5\nc()",
            1.0,
            F,
        ),
        Remedy(
            "compile(f)().backward(create_graph=True)",
            "call the function itself, which is compiled.function",
            "compile(f).function().backward(create_graph=True)\nv.grad",
            4.0,
            F,
        ),
        Remedy(
            "with no_grad(): L = compile(f)()\nL.backward()",
            "outside no_grad()",
            "compile(f)().backward()\nv.grad",
            4.0,
            F,
        ),
        Remedy(
            "rng = np.random.default_rng(0)\ncompile(lambda: v * (0.0 if rng.random() < 1e-9 else 1.0))()",
            "Draw them before the call, and pass them as arguments",
            "rng = np.random.default_rng(0)\ncompile(lambda r: v * r)(rng.random()).data < 2.0",
            True,
        ),
        Remedy("compile(f)() * 2.0", "compute with it inside of the function", "compile(lambda: f() * 2.0)()", 8.0, F),
        Remedy("compile(f)() * 2.0", "or with its number, float(loss)", "float(compile(f)()) * 2.0", 8.0, F),
        Remedy(
            "copy(compile(f)()).backward()",
            "call backward() on the loss itself",
            "loss = compile(f)()\nother = copy(loss)\nloss.backward()\nv.grad",
            4.0,
            F,
        ),
        Remedy(
            "loss = compile(f)()\no = nn.SGD([v], lr=0.25)\nloss.backward()\no.step()\nloss.backward()",
            "call backward() before the step, or the compiled function again",
            "c = compile(f)\nc().backward()\no = nn.SGD([v], lr=0.25)\no.step()\no.zero_grad()\nc().backward()\nv.grad",
            2.0,
            F,
        ),
        Remedy(
            "c = compile(g)\none, two = c(1.0, 2.0), c(2.0, 2.0)\none.backward()",
            "call backward() before the next call",
            "c = compile(g)\none = c(1.0, 2.0)\none.backward()\ntwo = c(2.0, 2.0)\nv.grad",
            1.0,
            F,
        ),
    ],
    "autograd/compiler/store.py": [
        Remedy(
            "compile(f)()\ncompile(f, dtype='float32')()",
            "compile both with the same dtype",
            "compile(f)()\ncompile(f, dtype='float64')()",
            4.0,
            F,
        ),
    ],
    "autograd/compiler/take.py": [
        Remedy(
            "take(v, 1)",
            "takes a list of Values or numbers, and a whole number",
            "take([v, 3.0], 1)",
            3.0,
            "from autograd import take",
        ),
    ],
    "autograd/compiler/trace.py": [
        Remedy(
            "rng = np.random.default_rng(0)\ncompile(lambda: v * rng.random())()",
            "such as a random number or a counter, must be an argument",
            "rng = np.random.default_rng(0)\ncompile(lambda r: v * r)(rng.random()).data < 2.0",
            True,
        ),
        Remedy(
            "compile(f, keep=['other'])()",
            "write score.label = 'other' in the function",
            "def with_other():\n    score = v * v\n    score.label = 'other'\n    return score\n"
            "compile(with_other, keep=['other'])().kept['other']",
            [4.0],
            F,
        ),
        Remedy("compile(lambda: None)()", "write return loss", "compile(f)()", 4.0, F),
        Remedy(
            "compile(lambda: (x * x).sum())()",
            "call the function itself",
            "compile(lambda: (x * x).sum()).function()",
            5.0,
        ),
        Remedy(
            "compile(lambda a: Value(2.0) * 3.0)(1.0)",
            "pass what shall change as an argument",
            "compile(lambda a: a * 3.0)(2.0)",
            6.0,
        ),
        Remedy(
            "compile(lambda a: Value(2.0) * 3.0)(1.0)",
            "or use Values that are there before the call",
            "compile(lambda: v * 3.0)()",
            6.0,
        ),
        Remedy("w = v * 2.0\ncompile(lambda: w * v)()", "Compute it", "compile(lambda: v * 2.0 * v)()", 8.0),
        *[Remedy(f"{KEEP}{use}", 'write y.label = "y" in the function and', KEPT, [4.0], F) for use in USES],
        Remedy(f"{KEEP}seen[0].data", "call the function uncompiled", "c = compile(f)\nc.function()", 4.0, F),
    ],
    "autograd/viz/explain.py": [
        Remedy("explain(v * v, 2.0)", "explain(root, leaf) goes from one", "explain(v * v, v).gradient", 4.0),
        Remedy("explain((x * x).sum(), x)", "Build the expression from Values", "explain(v * v, v).gradient", 4.0),
        Remedy(
            "explain((x * x).sum(), x)",
            "call backward() and look at .grad",
            "(x * x).sum().backward()\nx.grad",
            [2.0, 4.0],
        ),
    ],
    "autograd/viz/film.py": [
        Remedy(
            "animate(v * v).save(3)",
            'as in save("film.svg")',
            f"animate(v * v).save({PATH % 'film.svg'}).name",
            "film.svg",
        ),
        Remedy(
            f"animate(v * v).save({PATH % 'film.html'})",
            'for a page write step(L).save("L.html")',
            f"step(v * v).save({PATH % 'L.html'}).name",
            "L.html",
        ),
    ],
    "autograd/viz/groups.py": [
        Remedy(
            "draw(many)",
            "as in draw(L, around=w)",
            "draw(many, around=parts[0]).save(path.with_suffix('.svg')).name",
            "a.svg",
            MANY,
        ),
        Remedy(
            "draw(many)",
            "or draw(L, sample=0)",
            "draw(many, sample=0).save(path.with_suffix('.svg')).name",
            "a.svg",
            MANY,
        ),
        Remedy(
            "draw(v * v, sample=0)",
            "write `with scope('sample'):` around each",
            "with scope('sample'): L = v * v\ndraw(L, sample=0).save(path.with_suffix('.svg')).name",
            "a.svg",
        ),
        Remedy(
            "draw(L, sample=2)",
            "this graph has 1, from 0 to 0",
            "draw(L, sample=0).save(path.with_suffix('.svg')).name",
            "a.svg",
            "with scope('sample'): L = v * v",
        ),
    ],
    "autograd/viz/layout.py": [
        Remedy(
            "with patch('autograd.viz.layout.engine', lambda: None): draw(v * v).png()",
            "or save the graph as .svg",
            "with patch('autograd.viz.layout.engine', lambda: None): draw(v).save(path.with_suffix('.svg'))\n"
            "path.with_suffix('.svg').exists()",
            True,
            HURRY,
        ),
        Remedy(
            "with hurry: draw(v * v).png()",
            "draw fewer nodes, as in draw(root, max_nodes=30)",
            "draw(v * v, max_nodes=30).png()[1:4]",
            b"PNG",
            HURRY,
        ),
        Remedy(
            "with hurry: draw(v * v).png()",
            "draw(root, derivatives=False)",
            "draw(v * v, derivatives=False).png()[1:4]",
            b"PNG",
            HURRY,
        ),
    ],
    "autograd/viz/mermaid.py": [
        Remedy(
            "draw(root, group='scalar', max_nodes=300).mermaid",
            "as in draw(root, max_nodes=100)",
            "draw(root, max_nodes=100).mermaid.splitlines()[3].split()[0]",
            "flowchart",
            "model = nn.MLP(2, [16, 16, 1], seed=0)\nroot = model([0.5, 1.0])",
        ),
        Remedy(
            "draw(root, group='scalar', max_nodes=300).mermaid",
            'draw(root, group="neuron")',
            "draw(root, group='neuron').mermaid.count('-->') < 500",
            True,
            "model = nn.MLP(2, [16, 16, 1], seed=0)\nroot = model([0.5, 1.0])",
        ),
    ],
    "autograd/viz/narration.py": [
        Remedy(
            "step(e, at=3.5)",
            'as in at="e:backward"',
            "step(e, at='e:backward').save(path.with_suffix('.html')).name",
            "a.html",
            E,
        ),
        Remedy(
            "step(e, at='w')",
            "2 nodes are called 'w'; say which: w#0, w#1",
            "step(e, at='w#1').save(path.with_suffix('.html')).name",
            "a.html",
            "e = Value(3.0, label='w') * Value(5.0, label='w')",
        ),
        Remedy(
            "step(e, at='v:forward')",
            "there are 1 to 3, seed, forward, backward, and v, e",
            "step(e, at='v').save(path.with_suffix('.html')).name",
            "a.html",
            E,
        ),
        Remedy("step(e, at=99)", "there are 1 to 3", "step(e, at=3).save(path.with_suffix('.html')).name", "a.html", E),
        Remedy(
            "step(e, at='f')",
            "backward, and v, e",
            "step(e, at='backward').save(path.with_suffix('.html')).name",
            "a.html",
            E,
        ),
    ],
    "autograd/viz/tensorboard.py": [
        Remedy(
            "export_history(net(), path)",
            "history is what nn.fit returned",
            "export_history(fit(net(), epochs=2), path.parent / 'curves').name",
            "curves",
            "from autograd.viz.tensorboard import export_history",
        ),
    ],
    "autograd/viz/picture.py": [
        Remedy("draw(v).save(3)", 'as in save("graph.svg")', f"draw(v).save({PATH % 'graph.svg'}).name", "graph.svg"),
        Remedy(
            "draw(v).save(path.parent / 'new' / 'v.svg')",
            "make it before you save",
            "(path.parent / 'new').mkdir()\ndraw(v).save(path.parent / 'new' / 'v.svg').name",
            "v.svg",
        ),
    ],
    "autograd/viz/player.py": [
        Remedy(
            "step(v).save(3)", 'as in save("lesson.html")', f"step(v).save({PATH % 'lesson.html'}).name", "lesson.html"
        ),
        Remedy(
            f"step(v).save({PATH % 'L.svg'})",
            'for a picture write draw(L).save("L.svg")',
            f"draw(v).save({PATH % 'L.svg'}).name",
            "L.svg",
        ),
    ],
    "autograd/viz/records.py": [
        Remedy(
            "from_json(draw(v).mermaid)",
            'as draw(L).save("L.json") writes it',
            f"from_json(draw(v).save({PATH % 'L.json'}).read_text()).nodes[0].data",
            2.0,
        ),
    ],
    "autograd/viz/trace.py": [
        Remedy(
            "step(L, optimizer='sgd')",
            "as in optimizer=nn.SGD(model, lr=0.1)",
            "step(L, optimizer=nn.SGD(model, lr=0.1)).save(path.with_suffix('.html')).name",
            "a.html",
            "model = net()\nL = model([0.5, 1.0])",
        ),
        Remedy(
            "step(L, optimizer=nn.SGD(net()))",
            "make it from the model that computed this",
            "step(L, optimizer=nn.SGD(model, lr=0.1)).save(path.with_suffix('.html')).name",
            "a.html",
            "model = net()\nL = model([0.5, 1.0])",
        ),
    ],
    "autograd/viz/view.py": [
        Remedy("draw(e, around=v, max_nodes=3)", "give one of them", "len(draw(e, around=v).trace.nodes)", 2, E),
        Remedy(
            "draw(e, around=v, group='neuron')", "leave group='neuron' out", "len(draw(e, around=v).trace.nodes)", 2, E
        ),
        Remedy(
            "draw(e, up=2)", "as in around=w, up=2, down=3", "len(draw(e, around=v, up=2, down=3).trace.nodes)", 2, E
        ),
        Remedy(
            "step(L, optimizer=nn.SGD(model), group='neuron')",
            "leave one of optimizer= and group= out",
            "step(L, optimizer=nn.SGD(model)).save(path.with_suffix('.html')).name",
            "a.html",
            "model = net()\nL = model([0.5, 1.0])",
        ),
        Remedy(
            "draw(many, group='scalar', around=w, down=999)",
            "make up and down smaller",
            "len(draw(many, around=w, down=1).trace.nodes) < 9",
            True,
            LONG,
        ),
        Remedy(
            "draw(many, group='scalar', around=w, down=999)",
            "root.explain(leaf)",
            "many.explain(w, most=1).gradient",
            1.01**500,
            LONG,
        ),
        Remedy("draw(e, path=v)", "as in path=(w, loss)", "len(draw(e, path=(v, e)).trace.nodes)", 2, E),
        Remedy("draw(e, path=(e, v))", "write path=(operand, result)", "len(draw(e, path=(v, e)).trace.nodes)", 2, E),
        Remedy("draw(e, around='v')", "as in around=w", "len(draw(e, around=v).trace.nodes)", 2, E),
        Remedy(
            "draw(e, around=Value(1.0))",
            "give one of the nodes it was made from",
            "len(draw(e, around=v).trace.nodes)",
            2,
            E,
        ),
    ],
    "autograd/viz/widget.py": [
        Remedy("widget(e)['f'] = 1.0", "edit one of the leaves v", "widget(e)['v'] = 3.0\ne", 9.0, E),
        Remedy("widget(e)[Value(1.0)] = 1.0", "edit one of the leaves v", "widget(e)[v] = 3.0\ne", 9.0, E),
        Remedy("widget(e)[3] = 1.0", "by its name or by itself", "widget(e)['v'] = 3.0\ne", 9.0, E),
        Remedy("w = widget(e)\nw[e] = 1.0", "edit one of the leaves v", "w = widget(e)\nw[v] = 3.0\ne", 9.0, E),
        Remedy(
            "w = widget((x * x).sum())\nw[x] = 1.0",
            "give it new .data, compute the result again, and show() that",
            "w = widget((x * x).sum())\nx.data = np.array([3.0, 4.0])\nw.show((x * x).sum())\nw.root",
            25.0,
        ),
        Remedy(
            "e = v * 3.0\nw = widget(e)\nw[e.parents[1]] = 4.0",
            "write Value(3.0) in the expression",
            "k = Value(3.0)\ne = v * k\nw = widget(e)\nw[k] = 4.0\ne",
            8.0,
        ),
    ],
    "autograd/viz/wording.py": [
        Remedy("draw(v, format='x')", '".3g"', "draw(v, format='.3g').save(path.with_suffix('.svg')).name", "a.svg"),
    ],
    "nn/checkpoint.py": [
        Remedy(
            "nn.save(net(), path)",
            'write nn.save("model.safetensors", model)',
            "nn.save(path, net()).name",
            "a.safetensors",
        ),
        Remedy(
            "nn.save(path, a, nn.SGD([*a.parameters(), *b.parameters()]))",
            "put all that it moves into one Module",
            "both = nn.Sequential(a, b)\nnn.save(path, both, nn.SGD(both)).exists()",
            True,
            "a, b = net(), net()",
        ),
        Remedy(
            "nn.load(nn.save(path, net()), nn.MLP(2, [3, 1]))",
            "Build the model and the optimiser with the sizes and dtypes of the file",
            "nn.load(nn.save(path, net()), nn.MLP(2, [2, 1]))",
            {},
        ),
        Remedy(
            "nn.load(nn.save(path, net().vectorize()), nn.vectorized.MLP(2, [2, 1], dtype='float32'))",
            "Build the model and the optimiser with the sizes and dtypes of the file",
            "nn.load(nn.save(path, net().vectorize()), nn.vectorized.MLP(2, [2, 1], dtype='float64'))",
            {},
        ),
        Remedy(
            "nn.load(path.with_name('b'), net())",
            "Correct the path",
            "nn.load(path, net())",
            {},
            "nn.save(path, net())",
        ),
        Remedy(
            "nn.load(path, m, nn.Adam(m))",
            "Load it without one: nn.load(path, model)",
            "nn.load(path, m)",
            {},
            "m = net()\nnn.save(path, m)",
        ),
        Remedy(
            "nn.load(path, m, nn.Adam(m))",
            "or load the model alone: nn.load(path, model)",
            "nn.load(path, m)",
            {},
            "m = net()\nnn.save(path, m, nn.SGD(m))",
        ),
        Remedy(
            "nn.load(path, m, nn.Adam(m))",
            "Make an optimiser of the class that was saved",
            "nn.load(path, m, nn.SGD(m))",
            {},
            "m = net()\nnn.save(path, m, nn.SGD(m))",
        ),
        Remedy(
            "nn.load(path, m, nn.SGD(m, lr=0.5))",
            "Make the optimiser with lr=0.1",
            "nn.load(path, m, nn.SGD(m, lr=0.1))",
            {},
            "m = net()\nnn.save(path, m, nn.SGD(m, lr=0.1))",
        ),
        Remedy(
            "nn.load(path, m, nn.SGD(m, lr=0.5))",
            "by restore_settings=True",
            "o = nn.SGD(m, lr=0.5)\nnn.load(path, m, o, restore_settings=True)\no.lr",
            0.1,
            "m = net()\nnn.save(path, m, nn.SGD(m, lr=0.1))",
        ),
        Remedy(
            "nn.load(path, m, nn.SGD(m, lr=0.5))",
            "to go on with another lr, set it after loading",
            "o = nn.SGD(m, lr=0.1)\nnn.load(path, m, o)\no.lr = 0.5\no.lr",
            0.5,
            "m = net()\nnn.save(path, m, nn.SGD(m, lr=0.1))",
        ),
        Remedy(
            "nn.save(path.parent, net())",
            "Name a file in it: run.safetensors",
            "nn.save(path.parent / 'run.safetensors', net()).name",
            "run.safetensors",
        ),
        Remedy(
            "nn.save(path, net(), extra={'when': 1j})",
            "Leave out what is none of these",
            "nn.load(nn.save(path, net(), extra={}), net())",
            {},
        ),
        Remedy(
            "nn.save(path, net(), extra={'object': object})",
            "Leave out what is none of these",
            "nn.load(nn.save(path, net(), extra={}), net())",
            {},
        ),
        Remedy(
            "train(m, checkpoint=path, epochs=1)",
            "Give epochs=2 or more",
            "train(m, checkpoint=path, epochs=2)",
            2,
            "m = net()\nfit(m, checkpoint=path, epochs=2)",
        ),
        Remedy(
            "train(m, checkpoint=path, batch_size=1)",
            "Give the same words to go on with that training",
            "train(m, checkpoint=path, batch_size=2)",
            1,
            "m = net()\nfit(m, checkpoint=path, batch_size=2)",
        ),
        Remedy(
            "train(m, checkpoint=path, batch_size=1)",
            "or another file name to begin one",
            "train(m, checkpoint=path.with_name('b'), batch_size=1)",
            1,
            "m = net()\nfit(m, checkpoint=path, batch_size=2)",
        ),
        Remedy("nn.save(path, 3)", "e.g. nn.MLP(2, [16, 1])", "nn.save(path, nn.MLP(2, [16, 1])).exists()", True),
        Remedy(
            "nn.save(path, m, nn.Adam)",
            "e.g. nn.Adam(model, lr=0.01)",
            "nn.save(path, m, nn.Adam(m, lr=0.01)).exists()",
            True,
            "m = net()",
        ),
        Remedy(
            "nn.save(path, net(), generator=np.random)",
            "e.g. numpy.random.default_rng(0)",
            "nn.save(path, net(), generator=np.random.default_rng(0)).exists()",
            True,
        ),
        Remedy(
            "nn.load(path, model)",
            "model.load_state_dict(model.state_dict() | state), where state is {k[6:]: a for k, a in "
            'safetensors.numpy.load_file(path).items() if k[:6] == "model."}',
            "import safetensors.numpy\n"
            'state = {k[6:]: a for k, a in safetensors.numpy.load_file(path).items() if k[:6] == "model."}\n'
            "model.load_state_dict(model.state_dict() | state)\n(model.w[0].data, model.w[1].data, model.b.data)",
            (5.0, 3.0, 7.0),
            "class Earlier(nn.Module):\n    def __init__(self): self.w, self.b = [Value(5.0)], Value(7.0)\n"
            "nn.save(path, Earlier())\nmodel = nn.Neuron(2, weights=[1.0, 3.0])\nmodel.w[1].requires_grad = False",
        ),
    ],
    "nn/convert.py": [
        Remedy(
            "Two(2, [2, 1], seed=0).vectorize()",
            "give your class a vectorize() that returns its twin",
            "class Twin(nn.Module):\n    def __init__(self, part): self.part = part\n"
            "    def __call__(self, x): return 2.0 * self.part(x)\n"
            "Two.vectorize = lambda self: Twin(nn.MLP.vectorize(self))\nmodel = Two(2, [2, 1])\n"
            "model.vectorize()(X).data[:, 0] - [model(row).data for row in X.tolist()]",
            [0.0, 0.0],
            "class Two(nn.MLP):\n    def __call__(self, x): return 2.0 * super().__call__(x)",
        ),
        Remedy(
            "mixed(nn.Layer).vectorize()",
            "give your class a vectorize() that returns its twin",
            "class Own(nn.Layer):\n    def vectorize(self): return nn.Linear(2, len(self.neurons))\n"
            "mixed(Own).vectorize().weight.shape",
            (2, 2),
            "def mixed(kind):\n    layer = kind(2, 2)\n    layer.neurons[0] = nn.Layer(2, 1)\n    return layer",
        ),
        Remedy(
            "class Own(Twice):\n    def vectorize(self): return nn.Sequential(*[nn.Linear(2, 2) for _ in range(2)])\n"
            "nn.Sequential(Own(nn.Layer(2, 2))).vectorize()",
            "make the twins of its parts by their vectorize()",
            "class Own(Twice):\n    def vectorize(self): return Twice(self.part.vectorize())\n"
            "len(nn.Sequential(Own(nn.Layer(2, 2))).vectorize().parameters())",
            2,
            "class Twice(nn.Module):\n    def __init__(self, part): self.part = part\n"
            "    def __call__(self, x): return self.part(self.part(x))",
        ),
        Remedy(
            "nn.Sequential(Own()).vectorize()",
            "give it one that returns its twin",
            "Own.vectorize = lambda self: Own()\nnn.Sequential(Own()).vectorize()(X)",
            [[0.0, 1.0], [1.0, 0.0]],
            "class Own(nn.Module):\n    def __call__(self, x): return x",
        ),
        Remedy(
            "m = net()\nm.scale = Value(2.0)\nm.vectorize()",
            "give your class a vectorize() that returns its twin",
            "class Scaled(nn.MLP):\n"
            "    def vectorize(self):\n        twin = super().vectorize()\n"
            "        twin.scale = Tensor(self.scale.data)\n        return twin\n"
            "m = Scaled(2, [2, 1])\nm.scale = Value(2.0)\nm.vectorize().scale",
            2.0,
        ),
        Remedy(
            "m.layers[0].neurons[0].w[0] = 3.0\nm.vectorize()",
            "write Value(…), and .requires_grad = False for one that stays as it is",
            "for n in m.layers[0].neurons:\n    n.w = [Value(3.0), Value(3.0)]\n"
            "    for each in n.w: each.requires_grad = False\n"
            "twin = m.vectorize()\n(twin.layers[0].weight.data.max(), twin.layers[0].weight.requires_grad)",
            (3.0, False),
            "m = net()",
        ),
        Remedy(
            "n.w[1] = n.w[0]\nm.vectorize()",
            "give each place a Value of its own",
            "n.w[1] = Value(n.w[0].data)\nlen(m.vectorize().layers)",
            2,
            "m = net()\nn = m.layers[0].neurons[0]",
        ),
        Remedy(
            "n.w[1] = n.w[0]\nm.vectorize()",
            "or use one layer in several places",
            "layer = nn.Layer(2, 2)\ntwin = nn.Sequential(layer, layer).vectorize()\ntwin.layers[0] is twin.layers[1]",
            True,
            "m = net()\nn = m.layers[0].neurons[0]",
        ),
        Remedy(
            "n.w[1].requires_grad = False\nm.vectorize()",
            "set requires_grad alike for all its weights",
            "for each in m.layers[0].neurons:\n    for w in each.w: w.requires_grad = False\n"
            "m.vectorize().layers[0].weight.requires_grad",
            False,
            "m = net()\nn = m.layers[0].neurons[0]",
        ),
    ],
    "nn/losses.py": [
        Remedy(
            "nn.cross_entropy(scores, counts)",
            "write labels / labels.sum(axis=1, keepdims=True) for counts",
            "nn.cross_entropy(scores, counts / counts.sum(axis=1, keepdims=True))",
            math.log(2.0),
            "scores, counts = Tensor(np.zeros((2, 2))), np.array([[1.0, 3.0], [2.0, 2.0]])",
        ),
        Remedy(
            "nn.cross_entropy(scores, votes)",
            "and labels.argmax(axis=1) for scores",
            "nn.cross_entropy(scores, votes.argmax(axis=1))",
            math.log(2.0),
            "scores, votes = Tensor(np.zeros((2, 2))), np.array([[-1.0, 3.0], [2.0, 0.5]])",
        ),
        Remedy(
            "nn.cross_entropy(Tensor([[0.0], [0.0]]), [0, 1])",
            "takes bce_with_logits",
            "nn.bce_with_logits(Tensor([[0.0], [0.0]]), [0, 1])",
            math.log(2.0),
        ),
        Remedy(
            "nn.l2_penalty([], 0.1)",
            "takes the Values or Tensors of model.parameters()",
            "model = nn.Neuron(2, weights=[1.0, 2.0])\nnn.l2_penalty(model.parameters(), 0.1)",
            0.5,
        ),
        Remedy("nn.hinge(x, y)", "write 2 * (targets == 1) - 1", "nn.hinge(x, 2 * (y == 1) - 1)", 1.0),
        Remedy(
            "nn.bce_with_logits(Tensor([0.0, 0.0]), t)",
            "write (targets == 1)",
            "nn.bce_with_logits(Tensor([0.0, 0.0]), t == 1)",
            math.log(2.0),
            "t = np.array([-1.0, 1.0])",
        ),
        Remedy("nn.mse(x, x + 1.0)", "as in ((p - t) ** 2).mean()", "((x - (x + 1.0)) ** 2).mean()", 1.0),
        Remedy(
            "nn.Sequential([nn.Linear(2, 1)])",
            "write nn.Sequential(*layers)",
            "nn.Sequential(*[nn.Linear(2, 1)])(np.zeros((3, 2))).shape",
            (3, 1),
        ),
        Remedy(
            "nn.Sequential(lambda x: 2.0 * x)",
            "write a class Own(nn.Module) with a __call__(self, x)",
            "class Own(nn.Module):\n    def __call__(self, x): return 2.0 * x\nnn.Sequential(Own())(3.0)",
            6.0,
        ),
        Remedy("nn.mse(x, Tensor(y))", "write targets.data", "nn.mse(x, Tensor(y).data)", 1.0),
        Remedy(
            "nn.cross_entropy(Tensor(np.zeros((2, 2))), y)",
            "write labels.astype(int)",
            "nn.cross_entropy(Tensor(np.zeros((2, 2))), y.astype(int))",
            math.log(2.0),
        ),
        Remedy(
            "nn.cross_entropy(Tensor(np.zeros((2, 2))), ['no', 'yes'])",
            "write np.unique(np.array(labels), return_inverse=True)[1]",
            "nn.cross_entropy(Tensor(np.zeros((2, 2))), np.unique(np.array(['no', 'yes']), return_inverse=True)[1])",
            math.log(2.0),
        ),
    ],
    "nn/module.py": [
        Remedy("net()(1.0, 2.0)", "write model(x), where x is all that goes in", "net()([0.0, 0.0])", 0.0),
        Remedy(
            "Own()(3.0)",
            "give it a __call__(self, x)",
            "Own.__call__ = lambda self, x: 2.0 * x\nOwn()(3.0)",
            6.0,
            "class Own(nn.Module): pass",
        ),
        Remedy(
            "m.parts = {'a.b': Value(1.0), 'a': {'b': v}}\nm.state_dict()",
            "names that differ, without dots",
            "m.parts = {'c': Value(1.0), 'a': {'b': v}}\nsorted(m.state_dict())",
            ["parts.a.b", "parts.c"],
            "m = nn.Module()",
        ),
        Remedy(
            "m.parts = {v}\nlen(m.parameters())",
            "keep it in a list as well, such as self.parts = [value] in __init__",
            "class Own(nn.Module):\n    def __init__(self): self.bag, self.parts = {v}, [v]\nlen(Own().parameters())",
            1,
            "m = nn.Module()",
        ),
        Remedy(
            "m.load_state_dict(m)",
            "takes what state_dict() returned",
            "m.load_state_dict(m.state_dict())\nm.w[0].data",
            3.0,
            "m = nn.Neuron(1, weights=[3.0])",
        ),
        Remedy(
            "model.load_state_dict(state)",
            "write model.load_state_dict(model.state_dict() | state)",
            "model.load_state_dict(model.state_dict() | state)\n(model.w[0].data, model.w[1].data, model.b.data)",
            (5.0, 3.0, 7.0),
            "model = nn.Neuron(2, weights=[1.0, 3.0])\nmodel.w[1].requires_grad = False\n"
            "state = {'w.0': 5.0, 'b': 7.0}",
        ),
        Remedy(
            "nn.MLP(2, [3, 1]).load_state_dict(net().state_dict())",
            "build the model with the sizes that it was saved with",
            "nn.MLP(2, [2, 1]).load_state_dict(net().state_dict())",
            None,
        ),
    ],
    "nn/optim.py": [
        Remedy(
            "o = nn.SGD([v], lr=0.5)\no.step(v * v)",
            "write loss.backward() first, then optimizer.step()",
            "o = nn.SGD([v], lr=0.5)\n(v * v).backward()\no.step()\nv",
            0.0,
        ),
        Remedy(
            "nn.SGD(m, nesterov=True)",
            "give momentum greater than 0, such as 0.9",
            "nn.SGD(m, nesterov=True, momentum=0.9).momentum",
            0.9,
            "m = net()",
        ),
        Remedy(
            "nn.Adam(net(), betas=0.9)",
            "a pair such as (0.9, 0.999)",
            "nn.Adam(net(), betas=(0.9, 0.999)).betas",
            (0.9, 0.999),
        ),
        Remedy(
            "nn.SGD([v.detach()])", "make it Value(…)", "nn.SGD([Value(v.detach().data)]).parameters['0'].data", 2.0
        ),
        Remedy(
            "p.grad = np.ones(3)\nnn.SGD([p]).step()",
            "call zero_grad(), then backward()",
            "p.grad = np.ones(3)\no = nn.SGD([p], lr=0.5)\no.zero_grad()\np.sum().backward()\no.step()\np",
            [0.5, 0.5],
            "p = Tensor([1.0, 1.0])",
        ),
        Remedy(
            "nn.SGD(m.w[0])",
            "takes a model or its parameters()",
            "(len(nn.SGD(m).parameters), len(nn.SGD(m.parameters()).parameters))",
            (3, 3),
            "m = nn.Neuron(2)",
        ),
    ],
    "nn/plots.py": [
        Remedy(
            "plot().save(3)",
            'as in save("plot.png")',
            'plot().save(path.parent / "plot.png")\n(path.parent / "plot.png").exists()',
            True,
            "import nn.plots\nplot = lambda: nn.plots.loss_curve(nn.History(loss=[1.0]))",
        ),
        Remedy(
            "plot().save(path.parent / 'new' / 'plot.png')",
            "make it before you save 'plot.png'",
            "(path.parent / 'new').mkdir()\nplot().save(path.parent / 'new' / 'plot.png')\n"
            "(path.parent / 'new' / 'plot.png').exists()",
            True,
            "import nn.plots\nplot = lambda: nn.plots.loss_curve(nn.History(loss=[1.0]))",
        ),
        Remedy(
            "nn.plots.loss_curve(m)",
            "the History that nn.fit() returns",
            "nn.plots.loss_curve(fit(m)) is not None",
            True,
            "import nn.plots\nm = net()",
        ),
        Remedy(
            "nn.plots.loss_curve(nn.History())",
            "train for at least one epoch first",
            "nn.plots.loss_curve(fit(net())) is not None",
            True,
            "import nn.plots",
        ),
    ],
    "nn/programs.py": [
        Remedy(
            "train(Noisy(2, [2, 1]), compile=True)",
            "train it with compile=False",
            "train(Noisy(2, [2, 1]), compile=False)",
            1,
            "rng = np.random.default_rng(0)\nclass Noisy(nn.MLP):\n"
            "    def __call__(self, x):\n        self.seen = x\n        return super().__call__(x)",
        ),
        Remedy(
            "train(Odd(2, [2, 1]), compile=True)",
            "train it with compile=False",
            "train(Odd(2, [2, 1]), compile=False)",
            1,
            "class Odd(nn.MLP):\n"
            "    def __call__(self, x):\n        y = super().__call__(x)\n"
            "        return y if type(x[0]) is float else 2.0 * y",
        ),
    ],
    "nn/scalar.py": [
        Remedy(
            "nn.MLP(2, [1], seed=0)(np.zeros((3, 2)))",
            "for many examples write [model(x) for x in X]",
            "len([nn.MLP(2, [1], seed=0)(x) for x in np.zeros((3, 2))])",
            3,
        ),
        Remedy(
            "model(3.0)",
            "as in model([1.0, 2.0])",
            "model([1.0, 2.0])",
            5.0,
            "model = nn.Neuron(2, 'linear', weights=[1.0, 2.0])",
        ),
        Remedy(
            "layer.neurons[0].activation = 'relu'\nlayer.vectorize()",
            "give all of them one activation",
            "for n in layer.neurons: n.activation = 'relu'\nlayer.vectorize().activation",
            "relu",
            "layer = nn.Layer(2, 2, 'tanh')",
        ),
    ],
    "nn/training.py": [
        Remedy(
            "train(model, optimizer=nn.Adam)",
            "e.g. nn.Adam(model, lr=0.01)",
            "train(model, optimizer=nn.Adam(model, lr=0.01))",
            1,
            "model = net()",
        ),
        Remedy(
            "train(model, optimizer=nn.Adam(net()))",
            "make it anew: nn.Adam(model, lr=0.01)",
            "train(model, optimizer=nn.Adam(model, lr=0.01))",
            1,
            "model = net()",
        ),
        Remedy(
            "train(net(), callbacks=print)",
            "a list of functions of (epoch, model, history)",
            "seen = []\nfit(net(), callbacks=[lambda epoch, model, history: seen.append(epoch)])\nlen(seen)",
            1,
        ),
        Remedy(
            "train(net(), schedule=0.1)",
            "a function such as nn.schedules.cosine",
            "train(net(), schedule=nn.schedules.cosine)",
            1,
        ),
        Remedy(
            "train(net(), compile=True, loss=own)",
            "For a loss of your own write autograd.compile around it",
            "model = nn.Neuron(2, 'linear', weights=[1.0, 2.0])\n"
            "autograd.compile(lambda a, b: own([model(a)], [b]))([1.0, 1.0], 1.0)",
            4.0,
            "own = lambda outputs, targets: autograd.sum([(o - t) ** 2 for o, t in zip(outputs, targets)])",
        ),
        Remedy(
            "with detect_anomaly(): train(net(), compile=True)",
            "leave compile=True out",
            "with detect_anomaly(): epochs = train(net())\nepochs",
            1,
        ),
        Remedy("nn.fit(net(), 3, optimizer=None, **quiet)", "must be a pair (X, y)", "train(net())", 1),
        Remedy("nn.fit(3, (X, y), optimizer=None, **quiet)", "e.g. nn.MLP(2, [16, 1])", "train(nn.MLP(2, [16, 1]))", 1),
        *[
            Remedy(
                f"nn.fit(m, {DATA}, optimizer=nn.SGD(m), compile={compiled}, **quiet)",
                "call fit inside `with autograd.detect_anomaly():`, without compile=True",
                f"try:\n    with autograd.detect_anomaly(): nn.fit(m, {DATA}, optimizer=nn.SGD(m), **quiet)\n"
                f"except AnomalyError as error: told = str(error)\ntold.split(' from')[0]",
                "mul made inf",
                "m = nn.Neuron(1, 'linear', bias=False, weights=[1.0])",
            )
            for compiled in (True, False)
        ],
        *[
            Remedy(
                f"nn.fit(m, ([[{x}]], [0.0]), optimizer=nn.SGD(m, lr={lr}), compile={compiled}, **quiet)",
                "Lower the learning rate",
                f"len(nn.fit(m, ([[1.0]], [0.0]), optimizer=nn.SGD(m, lr=0.1), compile={compiled}, **quiet).loss)",
                1,
                "m = nn.Neuron(1, 'linear', bias=False, weights=[1.0])",
            )
            for x, lr, compiled in ((1e200, 0.1, False), (1e200, 0.1, True), (1e150, 1e300, False))
        ],
    ],
    "nn/vectorized.py": [
        Remedy("nn.MLP(2, 3)", "such as [16, 16, 1]", "len(nn.MLP(2, [16, 16, 1]).layers)", 3),
    ],
}

NO_CODE: dict[str, dict[str, list[str]]] = {
    "the name is the mistake": {},
    "caught where it is raised, or told within another message": {
        "autograd/numpy_rows.py": [
            "is computed by NumPy alone, of numbers",
        ],
        "autograd/array_ops.py": [
            "the operation is not analytic",
        ],
        "autograd/gradcheck.py": [
            "a real dtype has no room for a complex",
        ],
        "nn/checkpoint.py": [
            "TypeError(f'{type(number).__name__} {reprlib",
            "header too large",
        ],
    },
    "says what is expected, and the remedy is another argument": {
        "autograd/functional.py": [
            "must name different arguments of",
            "as the function has it; got",
            "must have shape",
        ],
        "autograd/functions.py": [
            "of a list of Values takes nothing but the list",
            "operation() takes a row: an Op, a",
            "clip() needs low <= high, got low =",
            "() takes a list of Values or numbers, or a",
            "dot() pairs its arguments: got",
            "condition of where() must be a truth value",
        ],
        "autograd/gradcheck.py": [
            "the first argument is the function to",
            "order is 1 for first derivatives, 2 for",
            "tolerance is the largest relative error to",
            "seed is an int of at least 0, by which a",
            "gradcheck needs at least one number to",
            "gradcheck needs at least one result to",
        ],
        "autograd/graph.py": [
            "root is the Value or Tensor to start from",
        ],
        "autograd/linear_algebra.py": [
            "norm is along one axis or two, and axis =",
            "operands, got",
            "needs the ... of the operands",
            "must have equal lengths",
            "cross takes vectors of 3 along the axis",
            "the norm of a vector has ord None, inf",
            "axes of an operand of shape",
        ],
        "autograd/numpy_protocol.py": [
            "quantiles are from 0 to 1 (percentiles to",
            "average: weights of shape",
        ],
        "autograd/ops.py": [
            "the forward rule is a function (m, x, …)",
            "each domain is a pair (low, high)",
            "of these can have defaults, which are a",
            "partials), a pair of tuples; got",
            "got {len(args)} argument",
            "is text for people to read, got",
            "one for each argument after m; got",
            "each partial is a function (m, y",
        ],
        "autograd/tensor.py": [
            "does not exist in",
            "names an axis twice",
            "concatenate() of no tensors; give it at",
            "stack() needs at least one tensor, and one",
            "label is the name a picture shows, a str",
            "a tensor of shape () has no length",
            "argmax() goes along one axis, or None for",
            "squeeze() takes away axes of length 1",
            "pad widths are n, (before, after), or one",
            "axis is one integer here, got",
            "ddof must be an integer from 0 to",
            "() of no elements: shape",
        ],
        "autograd/value.py": [
            "label is the name a picture shows, a str",
            "() of no numbers; give it at least",
            "a Value is at most 1.8e308, and this",
        ],
        "autograd/compiler/arguments.py": [
            "batch() takes arrays of equally many rows",
            "batch() takes arrays and lists with a row",
        ],
        "autograd/compiler/backends.py": [
            "backend is one of",
        ],
        "autograd/compiler/compiled.py": [
            "dtype is float64 or float32, got",
        ],
        "autograd/compiler/lift.py": [
            "a bug of glassgrad",
        ],
        "autograd/compiler/take.py": [
            "entries needs a whole number from",
        ],
        "autograd/compiler/trace.py": [
            "object has no attribute",
        ],
        "autograd/viz/explain.py": [
            "most is how many paths to list",
        ],
        "autograd/viz/film.py": [
            "seconds is how long each step lasts",
        ],
        "autograd/viz/layout.py": [
            "failed with status",
        ],
        "autograd/viz/picture.py": [
            "rankdir is one of",
            "a graph is saved as",
        ],
        "autograd/viz/theme.py": [
            "theme is one of",
        ],
        "autograd/viz/view.py": [
            "group is one of",
            "max_nodes is how many nodes to show",
            "{word} is how many operations",
        ],
        "autograd/viz/widget.py": [
            "on_edit takes a function of the leaf",
        ],
        "nn/checks.py": [
            "must be an integer, got",
            "must be at least",
            "must be a number, got",
            "{bound}{upper}, got",
            "must be True or False, got",
            "must be one of",
            "must be plain numbers",
        ],
        "nn/convert.py": [
            "inputs; they must all take as many",
            "of a Linear has",
        ],
        "nn/init.py": [
            "init must return finite weights of shape",
        ],
        "nn/losses.py": [
            "they must be equal, but for a last axis",
            "predictions must be a Tensor, or a list",
            "there are no targets",
            "targets must be finite, got nan or",
            "cross_entropy: there are no labels",
            "examples need labels of shape (",
            "cross_entropy: labels must be 0 to",
        ],
        "nn/module.py": [
            "expected shape",
            "the state holds nan or inf; it was saved",
        ],
        "nn/optim.py": [
            "an optimizer needs at least one parameter",
            "state must be a dict by the names of the",
            "must be a leaf Value or Tensor, got",
            "state of {name}: {key} must be",
        ],
        "nn/plots.py": [
            "decision_boundary() draws a plane: X must",
            "digit_sheet() takes n square images, n",
            "a plot is saved as",
        ],
        "nn/scalar.py": [
            "finite numbers, one for each input",
        ],
        "nn/training.py": [
            "accuracy: scores must have shape (n,) or",
            "accuracy: scores hold nan, first at",
            "loss must return a Value or a Tensor of",
            "labels must be",
            "rows of features and targets of shape",
            "[1] holds nan or inf, first at",
            "must have shape (n, features) with n at",
            "{name} holds nan or inf, first at",
        ],
        "nn/vectorized.py": [
            "numbers, got an array of shape",
            "outputs has as many numbers, and this",
        ],
    },
    "the remedy is another file": {
        "autograd/viz/records.py": [
            "expected {(hint if",
            "must be its place, from 0",
            "there is no node, edge or line",
            "a {hint.__name__} has no",
        ],
        "nn/checkpoint.py": [
            "Take another copy of it.",
            "raise CheckpointError(path, key, kind.__name__",
            "join(DTYPES)}",
            "join(DTYPES.values())}",
            "a number of steps",
            "settings such as",
            "'generator', expected",
            "expected a file, found a device or a pipe.",
            "that of a training",
            "finite numbers",
            "an order of its axes",
            "that of a safetensors file",
            "raise CheckpointError(path, key, repr(expected)",
            "something else (",
            "settings to take a step with (",
            "raise PermissionError(message)",
            "expected, settings, _FOREIGN",
            "raise type(error)(error.errno, message) from error",
            "raise CheckpointError(path, entries[key]",
        ],
    },
    "the remedy is a command of the shell": {
        "autograd/viz/layout.py": [
            "cannot be run",
        ],
        "autograd/viz/tensorboard.py": [
            "writes what TensorBoard reads; install",
        ],
        "autograd/viz/widget.py": [
            "a widget is made with anywidget; install",
        ],
        "nn/checkpoint.py": [
            "raise ImportError(message) from error",
        ],
        "nn/plots.py": [
            "nn.plots draws with matplotlib; install it",
        ],
    },
}
"""The other messages, by why there is no code in them to run: words of each, by module."""

PROGRAMS = [remedy for remedies in REMEDIES.values() for remedy in remedies]


def beginning(folder: Path, setup: str) -> dict[str, Any]:
    """What a program finds."""
    folder.mkdir(exist_ok=True)
    names = {"autograd": autograd, "nn": nn, "np": np, "math": math, "Symbol": Symbol, "m": SCALARS}
    names |= {"__name__": "program", "path": folder / "a.safetensors"}
    run("\n".join([*NAMES, setup]), names)
    return names


def run(program: str, names: dict[str, Any]) -> Any:
    """What the last line of ``program`` gives."""
    *lines, last = ast.parse(program).body
    if not isinstance(last, ast.Expr):
        lines, last = [*lines, last], ast.Expr(ast.Constant(None))
    exec(compile(ast.fix_missing_locations(ast.Module(lines, [])), "program", "exec"), names)
    return eval(compile(ast.fix_missing_locations(ast.Expression(last.value)), "program", "eval"), names)


def provoked(remedy: Remedy, folder: Path) -> Exception:
    """The error of the program that fails."""
    names = beginning(folder, remedy.setup)
    with np.errstate(all="ignore"), pytest.raises(Exception) as caught:  # noqa: PT011 (its words are looked at)
        run(remedy.wrong, names)
    return caught.value


@pytest.mark.parametrize("remedy", PROGRAMS, ids=[f"{i}-{remedy.says[:40]}" for i, remedy in enumerate(PROGRAMS)])
def test_the_remedy_of_a_message_works(remedy: Remedy, tmp_path: Path) -> None:
    assert remedy.says in str(provoked(remedy, tmp_path / "wrong"))
    found = run(remedy.right, beginning(tmp_path / "right", remedy.setup))
    found = getattr(found, "data", found)
    if np.asarray(remedy.result).dtype.kind in "bif":
        np.testing.assert_allclose(found, remedy.result)
    else:
        assert found == remedy.result


class Site(NamedTuple):
    """A ``raise`` that makes a message; ``text`` is its source."""

    file: str
    lines: range
    text: str


FOLDERS = ("autograd", "autograd/compiler", "autograd/viz", "nn")
ELSEWHERE = {
    "by_hand.py": "test_by_hand",
    "hints.py": "test_first_hour",
    "words.py": "test_words",
    "__init__.py": "test_words",
}
"""Files whose remedies are followed in other tests."""


def sites() -> Iterator[Site]:
    for file in sorted(path for folder in FOLDERS for path in (ROOT / folder).glob("*.py")):
        if file.name in ELSEWHERE:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                name = file.relative_to(ROOT).as_posix()
                yield Site(name, range(node.lineno, node.end_lineno + 1 if node.end_lineno else 0), ast.unparse(node))


def test_every_message_is_in_one_of_the_two_lists(tmp_path: Path) -> None:
    """A message is in `REMEDIES` if a program there raises it, and in `NO_CODE` if its words are there."""
    raised = set()
    for i, remedy in enumerate(PROGRAMS):
        frames = traceback.extract_tb(provoked(remedy, tmp_path / str(i)).__traceback__)
        raised |= {(Path(frame.filename), frame.lineno) for frame in frames}
    listed = [(file, words) for files in NO_CODE.values() for file, each in files.items() for words in each]
    found = list(sites())
    assert len(found) > 200
    matches: Counter[tuple[str, str]] = Counter()
    missing = []
    for site in found:
        run_by_a_program = any((ROOT / site.file, line) in raised for line in site.lines)
        matching = [(file, words) for file, words in listed if file == site.file and words in site.text]
        matches.update(matching)
        if len(matching) + run_by_a_program != 1:
            missing.append(f"{site.file}:{site.lines.start}: {site.text} ({matching}, {run_by_a_program})")
    assert not missing, "in none of REMEDIES and NO_CODE, or twice:\n" + "\n".join(missing)
    assert matches == dict.fromkeys(listed, 1)


def test_no_message_that_names_code_is_listed_as_one_without() -> None:
    names_code = re.compile(r"\b(write|call|use|take|pass|try|install)\b[^;]*\w\(|\.detach\(|\.data\b")
    listed = [words for files in NO_CODE.values() for each in files.values() for words in each]
    assert not [words for words in listed if names_code.search(words)]
