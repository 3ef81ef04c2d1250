"""Running Graphviz: the system's `dot` where there is one, else the program of the package `graphviz-pure`."""

import shutil
import subprocess
import sysconfig

SECONDS = 10.0  # after that a picture of our own, which takes milliseconds


class LayoutError(RuntimeError):
    """Graphviz is missing, failed, or took too long."""


def engine() -> str | None:
    """The program that lays graphs out, or None.

    pip puts `graphviz-pure` beside the running Python, where a notebook's kernel does not have its PATH.
    """
    scripts = sysconfig.get_path("scripts")
    return shutil.which("dot") or shutil.which("graphviz-pure", path=scripts) or shutil.which("graphviz-pure")


def render(source: str, form: str, *options: str) -> bytes:
    """``source``, a DOT text, laid out and written as ``form``: "svg" or "png"."""
    program = engine()
    if program is None:
        raise LayoutError(
            "a .png needs Graphviz, and neither its `dot` nor `graphviz-pure` was found; run `pip install "
            "graphviz-pure`, or save the graph as .svg, which needs neither"
        )
    command = [program, "-Kdot", f"-T{form}", *options]
    try:
        done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise LayoutError(
            f"{program} did not finish within {SECONDS:g} s; draw fewer nodes, as in draw(root, max_nodes=30), "
            f"or without the labels of the edges, draw(root, derivatives=False)"
        ) from None
    except OSError as error:
        raise LayoutError(f"{program} cannot be run: {error}; run `pip install graphviz-pure`") from error
    if done.returncode or not done.stdout:
        message = done.stderr.decode(errors="replace").strip()[-500:]
        raise LayoutError(f"{program} failed with status {done.returncode}: {message or 'it wrote nothing'}")
    return done.stdout
