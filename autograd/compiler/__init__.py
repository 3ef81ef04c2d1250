"""The compiler: scalar code in, matrix products out. See `compile`."""

from autograd.compiler.compiled import Compiled, Loss, compile
from autograd.compiler.take import take

__all__ = ["Compiled", "Loss", "compile", "take"]
