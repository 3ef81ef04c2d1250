"""The errors that are glassgrad's own. Wrong arguments are plain `TypeError`s and `ValueError`s."""


class GraphError(RuntimeError):
    """A gradient was asked for where none can be: nothing was recorded, or the seed does not fit."""


class AnomalyError(ArithmeticError):
    """Inside `detect_anomaly`: the first operation, forward or backward, that made a nan or an inf."""


class TraceError(RuntimeError):
    """A compiled function does what a program traced once cannot repeat: a decision by a number, a random one, …"""


class DrawnError(TraceError):
    """A compiled function draws random numbers, which a program would repeat."""


class NoDerivativeError(TypeError):
    """NumPy can compute this, and no derivative of it is known here: for a `Tensor` that wants none it is done."""
