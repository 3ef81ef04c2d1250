"""What the demos' command lines share: `--quick`, `--out`, and a plain sentence instead of a traceback."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from autograd.written import spell_output

Demo = Callable[[Path, bool], None]
"""A demo: where to write, and whether to be quick."""


def run(demo: Demo, description: str) -> None:
    """Parse the command line and run ``demo``."""
    from nn import TrainingError

    spell_output()
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a short run, to see that everything works")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures (default: out)")
    arguments = parser.parse_args()
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        demo(arguments.out, arguments.quick)
    except (OSError, ImportError, ValueError, TrainingError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped")


def check(name: str, number: float, least: float) -> None:
    """Print a result beside what it must reach; falling short ends the demo with an error."""
    print(f"{name}: {number:.2%} (at least {least:.0%})")
    if number < least:
        sys.exit(f"error: {name} fell short of {least:.0%}")
