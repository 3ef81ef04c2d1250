"""Text for outputs that cannot write every sign: a terminal of another code page, a pipe, a log in ASCII."""

import re
import sys
from codecs import register_error
from functools import cache
from io import TextIOWrapper
from typing import Any, TypeVar

T = TypeVar("T")

SIGNS: dict[str, str | int | None] = {
    "−": "-", "–": "-", "·": "*", "×": "*", "∕": "/", "∖": "\\", "∶": ":", "√": "sqrt", "∂": "d", "∑": "sum",
    "Σ": "sum", "∏": "prod", "σ": "sigma", "µ": "u", "‖": "|", "′": "'", "’": "'", "”": '"', "ˆ": "^", "…": "...",
    "→": "->", "←": "<-", "≠": "!=", "≤": "<=", "≥": ">=", "├": "|", "└": "`", "│": "|", "─": "-", "▶": ">", "✓": "ok",
    "\N{NO-BREAK SPACE}": " ", "\N{EM SPACE}": " ", "\N{WORD JOINER}": "",
}  # fmt: skip
"""Every sign that this library prints, and its stand-in."""
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀᵖˣ", "0123456789-Tpx", strict=True))
"""Those that stand above the line, ``^-1`` together."""


def written(text: str, output: Any = None) -> str:
    """``text`` in signs that ``output`` can write, which is the standard output unless told.

    An output that lacks one of `SIGNS` gets the stand-ins of all, so that one thing always looks the same. Of other
    signs, as in a label, it gets the escapes of those that it lacks.
    """
    return spelled(text, encoding_of(output))


def encoding_of(output: Any = None) -> str:
    """How ``output``, or else the standard output, is encoded; one that does not say takes every sign."""
    return getattr(sys.stdout if output is None else output, "encoding", None) or "utf-8"


def spelled(text: str, encoding: str = "ascii") -> str:
    """``text`` in signs that ``encoding`` has."""
    if text.isascii():
        return text
    if not writes_all(encoding):
        text = re.sub(f"[{''.join(RAISED)}]+", lambda run: "^" + "".join(RAISED[sign] for sign in run[0]), text)
        text = text.translate(str.maketrans(SIGNS))
    return text.encode(encoding, "backslashreplace").decode(encoding)


def with_written_repr(kind: type[T]) -> type[T]:
    """The class ``kind``, a dataclass say, whose repr the standard output can write."""
    plain = kind.__repr__
    kind.__repr__ = lambda self: written(plain(self))  # type: ignore[method-assign]
    return kind


def spell_output() -> None:
    """For programs: what the standard output cannot write it spells from now on, whoever prints it."""

    def stand_ins(error: Any) -> tuple[str, int]:
        return spelled(error.object[error.start : error.end]), error.end

    register_error("spelled", stand_ins)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="spelled")


@cache
def writes_all(encoding: str) -> bool:
    """Whether ``encoding`` has all of `SIGNS`."""
    try:
        "".join([*SIGNS, *RAISED]).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
