"""Full collections come more rarely while graphs are built, and no more rarely where there are cycles to find."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

START = """
import gc
from autograd import Value
from autograd.collector import LARGE, MOST

def graph():
    y = x = Value(1.0)
    for _ in range(2 * LARGE):
        y = y * 0.999 + x
    y.backward()
    return y

def kept_in_a_cycle():
    rings = [[] for _ in range(1_000)]  # which are old by the time that nobody needs them
    kept = graph()
    for ring in rings:
        ring += [ring, kept]

def lists():
    return [[] for _ in range(30_000)]

def cycles():
    rings = [[] for _ in range(10_000)]
    for ring in rings:  # all of them live through a young collection, and are then for a full one to find
        ring.append(ring)

def third():
    return gc.get_threshold()[2]

def until(wanted, *acts):
    for _ in range(300):
        for act in acts:
            act()
        if wanted():
            return True
    return False
"""


@pytest.mark.parametrize(
    "program",
    [
        # nothing is touched before there is a large graph
        "x = Value(1.0); (x * x).backward(); assert gc.get_threshold() == (700, 10, 10) and not gc.callbacks",
        # rarer up to a bound, and still they come
        """
assert until(lambda: third() == 10 * MOST, graph)
before = gc.get_stats()[2]["collections"]
assert until(lambda: gc.get_stats()[2]["collections"] > before, graph)
assert gc.get_threshold() == (700, 10, 10 * MOST) and len(gc.callbacks) == 1
""",
        # cycles, of graphs or without any, bring back what was, and so does what makes neither
        """
for acts in ([graph, cycles], [cycles], [lists], [kept_in_a_cycle]):
    assert until(lambda: third() > 10, graph)
    assert until(lambda: third() == 10, *acts)
for _ in range(40):
    kept_in_a_cycle()
    assert third() == 10
""",
        # so does what others set, and it stays what they meant
        """
assert until(lambda: third() > 10, graph)
gc.set_threshold(700, 10, 5)
assert until(lambda: third() == 5 * MOST, graph)
assert until(lambda: third() == 5, cycles)
gc.set_threshold(700, 10, 0)
assert until(lambda: gc.get_stats()[2]["collections"] > 20, graph) and third() == 0
""",
    ],
    ids=["small graphs", "bound", "cycles", "set by others"],
)
def test_the_third_threshold(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START + program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
