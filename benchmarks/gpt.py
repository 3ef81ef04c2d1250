"""A transformer written one scalar at a time, that learns to spell made-up names; a program for the compiler.

Characters and positions are rows of tables; each block is causal attention with several heads, then a squared-relu MLP,
with RMS normalisation before and a residual path around either; the last table turns features into scores. Sums are
written out, w*x by w*x. Documents are names between two marks: ``tokens`` of a name of six letters are eight, of which
seven are read and seven predicted.

Run as a worker, ``python -m benchmarks.gpt STEPS``, it prints the seconds of each eager step on one such name, the
cyclic collector running as Python has it by default.
"""

import sys
import time
from collections.abc import Callable, Sequence
from functools import reduce
from operator import add, getitem
from random import Random
from typing import Any

import nn
from autograd import Value, logsumexp, maximum
from nn.init import normal

Vector = list[Any]
Matrix = list[Vector]

LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOWELS = ["a", "e", "i", "o", "u", "ai", "ou"]
MARK = len(LETTERS)
"""The token at both ends of a name."""


DOCUMENT = "kamora"
"""The name that a single step is timed on."""


def names(n: int, seed: int = 0) -> list[str]:
    """Made-up names: one to five syllables, now and then a last consonant."""
    rng = Random(seed)

    def name() -> str:
        syllables = [rng.choice("bdfghjklmnprstvwz") + rng.choice(VOWELS) for _ in range(rng.randint(1, 5))]
        return "".join(syllables) + rng.choice(["", "", "n", "r", "s", "l"])

    return [name() for _ in range(n)]


def tokens(name: str) -> list[int]:
    """A name as numbers, between two marks."""
    return [MARK, *map(LETTERS.index, name), MARK]


class GPT(nn.Module):
    """Scores of the next token, from the tokens so far.

    width, context, layers, heads: features of a position, positions at most, blocks, heads of each attention
    take:                          how a row is looked up, ``take(rows, index)``; a compiler may have its own
    """

    def __init__(
        self,
        width: int = 16,
        context: int = 16,
        layers: int = 1,
        heads: int = 4,
        vocabulary: int = MARK + 1,
        seed: int = 0,
        take: Callable[[Any, Any], Any] = getitem,
    ) -> None:
        seeds = iter(range(1000 * seed, 1000 * seed + 1000))

        def matrix(rows: int, columns: int) -> Matrix:
            return [[Value(w) for w in row] for row in normal(columns, rows, next(seeds), std=0.08).tolist()]

        self.heads, self.take = heads, take
        self.characters, self.positions = matrix(vocabulary, width), matrix(context, width)
        self.blocks = [
            {name: matrix(width, width) for name in ("query", "key", "value", "mix")}
            | {"up": matrix(4 * width, width), "down": matrix(width, 4 * width)}
            for _ in range(layers)
        ]
        self.scores = matrix(vocabulary, width)

    def __call__(self, tokens: Any) -> Matrix:
        """A list of scores for each position."""
        if len(tokens) > len(self.positions):
            raise ValueError(f"at most {len(self.positions)} tokens fit into the context, got {len(tokens)}")
        rows = [
            list(map(add, self.take(self.characters, token), position))
            for token, position in zip(tokens, self.positions, strict=False)
        ]
        for block in self.blocks:
            rows = [list(map(add, x, y)) for x, y in zip(rows, self.attention(block, rows), strict=True)]
            rows = [list(map(add, x, mlp(block, x))) for x in rows]
        return [times(self.scores, normalised(x)) for x in rows]

    def attention(self, block: dict[str, Matrix], rows: Matrix) -> Matrix:
        """For each position a mixture of the values up to it, head by head."""
        inputs = [normalised(x) for x in rows]
        queries, keys, values = ([times(block[name], x) for x in inputs] for name in ("query", "key", "value"))
        size = len(rows[0]) // self.heads
        parts = [slice(h * size, (h + 1) * size) for h in range(self.heads)]
        mixed = []
        for t, query in enumerate(queries):
            heads: Vector = []
            for part in parts:
                fits = [inner(query[part], key[part]) * size**-0.5 for key in keys[: t + 1]]
                shares = softmax(fits)
                heads += [inner(shares, column) for column in zip(*(v[part] for v in values[: t + 1]), strict=True)]
            mixed.append(times(block["mix"], heads))
        return mixed

    def loss(self, tokens: Any) -> Any:
        """Mean cross-entropy of the tokens after the first."""
        return self.weighted(tokens, [1.0 / (len(tokens) - 1)] * (len(tokens) - 1))

    def weighted(self, tokens: Any, weights: Sequence[Any]) -> Any:
        """Σ w_t cross-entropy of token t + 1: with zeros behind, documents of any length are of one length."""
        scores = self(tokens[:-1])
        losses = [logsumexp(s) - self.take(s, token) for s, token in zip(scores, tokens[1:], strict=True)]
        return inner(losses, weights)


def inner(xs: Sequence[Any], ys: Sequence[Any]) -> Any:
    """Σ x_i y_i, from left to right."""
    return reduce(add, (x * y for x, y in zip(xs, ys, strict=True)))


def times(matrix: Matrix, x: Vector) -> Vector:
    """Matrix by vector."""
    return [inner(row, x) for row in matrix]


def normalised(x: Vector) -> Vector:
    """x / √(mean x² + 1e-5), RMS normalisation (Zhang & Sennrich 2019)."""
    scale = (inner(x, x) * (1.0 / len(x)) + 1e-5) ** -0.5
    return [each * scale for each in x]


def softmax(xs: Vector) -> Vector:
    """eˣ / Σ eˣ; the largest x is taken away first, so that none overflows."""
    top = reduce(maximum, xs)
    odds = [(x - top).exp() for x in xs]
    total = reduce(add, odds)
    return [each / total for each in odds]


def mlp(block: dict[str, Matrix], x: Vector) -> Vector:
    """Down relu(Up x)²."""
    hidden = [h.relu() for h in times(block["up"], normalised(x))]
    return times(block["down"], [h * h for h in hidden])


def padded(name: str, context: int) -> tuple[list[int], list[float]]:
    """Tokens of ``name`` and marks up to ``context`` + 1, and the weights with which the name alone counts."""
    given = tokens(name)
    n = len(given) - 1
    return given + [MARK] * (context - n), [1.0 / n] * n + [0.0] * (context - n)


def adam(model: GPT) -> nn.Adam:
    return nn.Adam(model, lr=0.01, betas=(0.85, 0.99))


def eager_step(model: GPT, optimizer: nn.Optimizer, document: list[int]) -> float:
    """Forward, backward and update, on `Value`s as they are."""
    loss = model.loss(document)
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    optimizer.step()
    return float(loss)


if __name__ == "__main__":
    model = GPT()
    optimizer = adam(model)
    eager_step(model, optimizer, tokens(DOCUMENT))  # warm up
    for _ in range(int(sys.argv[1])):
        begin = time.perf_counter()
        eager_step(model, optimizer, tokens(DOCUMENT))
        print(time.perf_counter() - begin)
