"""What to write instead, for calls that do not fit and for words of other libraries."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import ParamSpec, TypeVar

from autograd.words import Missing

P = ParamSpec("P")
T = TypeVar("T")


def usage(example: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator: a call that lacks an argument, or has one too many, gets Python's error and the ``example``."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def called(*args: P.args, **named: P.kwargs) -> T:
            try:
                return function(*args, **named)
            except TypeError as error:
                if began(error):
                    raise
                raise TypeError(f"{error}; write {example}") from None

        return called

    return decorate


def began(error: TypeError) -> bool:
    """Whether the function, called from where ``error`` is caught, had its arguments and began to run."""
    return error.__traceback__ is not None and error.__traceback__.tb_next is not None


def instead(kind: type, remedies: Mapping[str, str]) -> None:
    """Let ``kind`` answer for some words, in one string each key, that it has not."""
    for words, remedy in remedies.items():
        for word in words.split():
            setattr(kind, word, Missing(word, remedy))
