"""The tour: an expression, a spiral, and MNIST. What `make demo` runs."""

import time
from pathlib import Path

from demos import expression, mnist, spiral
from demos.command import run


def main(out: Path, quick: bool) -> None:
    start = time.perf_counter()
    for number, demo in enumerate((expression, spiral, mnist), start=1):
        print(f"\n── {number}. {(demo.__doc__ or '').strip()}\n")
        demo.main(out, quick)
    print(f"\nThe whole tour took {time.perf_counter() - start:.0f} s; the pictures are in {out.resolve()}")


if __name__ == "__main__":
    run(main, __doc__)
