"""One expression: its value, its derivatives by the chain rule, and its graph."""

from pathlib import Path

from autograd import Value
from autograd.viz import animate, step, tree
from demos.command import run


def main(out: Path, quick: bool) -> None:
    x, y = Value(3.0), Value(2.0)
    s = x + y
    d = x - y
    f = s * d
    f.backward()

    print("f = (x + y) · (x − y) at x = 3, y = 2\n")
    print(tree(f))
    print(f"\n∂f/∂x = {x.grad:g} (by hand: 2x = 6)   ∂f/∂y = {y.grad:g} (by hand: −2y = −4)")
    assert (f.data, x.grad, y.grad) == (5.0, 6.0, -4.0)
    print(f"wrote {f.draw().save(out / 'expression.svg')}")
    print(f"wrote {animate(f).save(out / 'expression-backward.svg')}, which plays the backward pass")
    print(f"wrote {step(f).save(out / 'expression.html')}, to step through in a browser")


if __name__ == "__main__":
    run(main, __doc__)
