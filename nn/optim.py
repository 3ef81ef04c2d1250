"""Optimisers: one readable class each. They work alike on the floats of `Value`s and the arrays of `Tensor`s.

An optimiser keeps its state by parameter name, and never on the parameter. `step()` computes every new number
and all new state before it writes the first one.

A parameter without a gradient is skipped, as in PyTorch: neither weight decay nor momentum moves it, and its state
stays. It has none until a backward pass reaches it, and none again after `zero_grad()`: the ``grad`` of a `Tensor` is
then None, and that of a `Value` a 0.0 marked as no gradient. ``p.grad = 0.0`` assigns an ordinary one, of 0, and so
does ``zero_grad(set_to_none=False)``, after which Values are treated as the entries of one array are. A frozen
parameter (``p.requires_grad = False``) is skipped too, whatever its gradient.
"""

import reprlib
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter, is_
from typing import Any

import numpy as np

from autograd import Node
from autograd.compiler.store import Gathered, Group
from autograd.graph import plain
from autograd.hints import instead, usage
from autograd.value import NO_GRADIENT
from nn.checks import flag, real
from nn.module import Module

Number = Any
"""A float or an array: what a parameter's data is."""
MOST = 2**53
"""So many steps are counted, one by one, by every number that counts them."""


class Optimizer:
    """The base of all: a learning rate, the parameters by name, and their state.

    parameters: a `Module`, a dict of names and parameters, or ``model.parameters()``
    lr:         the learning rate; it may be changed between steps
    """

    _setting_values: "attrgetter[Any]" = attrgetter("lr", "weight_decay")

    def __init__(self, parameters: Any, lr: float, weight_decay: float = 0.0) -> None:
        self.parameters = _by_name(parameters)
        self.lr = real("lr", lr, above_low=True)
        self.weight_decay = real("weight_decay", weight_decay)
        self.steps = 0
        self._group = Group(self.parameters.values())
        self._flat_state: tuple[Gathered, dict[str, Number]] | None = None
        self._state: dict[str, dict[str, Number]] = {name: {} for name in self.parameters}
        self._checked: tuple[Any, ...] = (object(),)

    @property
    def state(self) -> dict[str, dict[str, Number]]:
        """What each parameter is remembered by, by its name."""
        if self._flat_state is not None:  # kept in flat arrays, as long as nobody looks
            flat, arrays = self._flat_state
            parts = {key: flat.listed(x) for key, x in arrays.items()}
            self._state = {name: {key: parts[key][i] for key in parts} for i, name in enumerate(self._state)}
            self._flat_state = None
        return self._state

    @state.setter
    def state(self, state: dict[str, dict[str, Number]]) -> None:
        if not isinstance(state, Mapping) or state.keys() != self.parameters.keys():
            came = reprlib.repr(list(state)) if isinstance(state, Mapping) else type(state).__name__
            raise ValueError(f"state must be a dict by the names of the parameters, {[*self.parameters]}; got {came}")
        for name, own in state.items():
            for key, number in own.items():
                if expected := self.misfit(name, key, own):
                    raise ValueError(f"state of {name}: {key} must be {expected}, got {reprlib.repr(number)}")
        self._state, self._flat_state = {name: dict(own) for name, own in state.items()}, None

    def misfit(self, name: str, key: str, own: Mapping[str, Any]) -> str:
        """What should be under ``key`` in the state of a parameter, ``own``; "" where it is that."""
        number = own[key]
        if key != "t" and (key in _FLOATS or not isinstance(number, int)):
            wanted, fits = _FLOATS.get(key, ("without nan", lambda x, own: ~np.isnan(x)))
            array, shape = np.asarray(number), np.shape(self.parameters[name].data)
            placed = array.dtype.kind == "f" and (array.shape == shape or key not in _FLOATS)
            with np.errstate(over="ignore"):
                return "" if placed and np.all(fits(array, own)) else f"floats of shape {shape}, {wanted}"
        least = 0 if key == "t" else -MOST
        counted = type(number) is int and least <= number <= MOST
        return "" if counted else f"a whole number, at least {least} and at most 2**53"

    def update(self, p: Number, g: Number, state: dict[str, Number]) -> Number:
        """The new number for parameter ``p`` with gradient ``g``; ``state`` is a copy of this parameter's own.

        It puts new numbers into ``state`` and writes into no array that it was given.
        """
        moved = self._move(g, state)
        moved += self._kept(p)  # into the array just made, where p is one: a second one would cost as much again
        return moved

    def _move(self, g: Number, state: dict[str, Number]) -> Number:
        """What `update` adds to `_kept`, in an array of its own."""
        raise NotImplementedError

    def _kept(self, p: Number) -> Number:
        """What `update` adds to: ``p`` itself."""
        return p

    def decayed(self, p: Number, g: Number) -> Number:
        """The gradient that `update` is given where there is weight decay: g + weight_decay·p."""
        return g + self.weight_decay * p

    def planned(self, gradients: Mapping[str, Number]) -> dict[str, tuple[Number, dict[str, Number]]]:
        """What `step` would make of the parameters, given their gradients by name: a new number and new state for each.

        Nothing is moved: pictures of a step not yet taken ask here.
        """
        self._check_changed_settings()
        planned = {}
        for name, g in gradients.items():
            data = self.parameters[name].data
            if getattr(g, "shape", ()) != getattr(data, "shape", ()):
                raise _misshapen(name, data, g)
            if self.weight_decay:
                g = self.decayed(data, g)
            state = dict(self.state[name])
            planned[name] = self.update(data, g, state), state
        return planned

    @usage("loss.backward() first, then optimizer.step()")
    def step(self) -> None:
        """Move every parameter that has a gradient and is not frozen."""
        flat = self._gathered()
        given = None if flat is None else flat.given()
        moves = flat is not None and (given is None or given.any())
        if flat is not None and moves and (state := self._gathered_state(flat)) is not None:
            self._check_changed_settings()
            before = dict(state)
            p, g = flat.data(), flat.grad()
            move = self._move(self.decayed(p, g) if self.weight_decay else g, state)
            kept = self._kept(p)
            if given is not None:
                move, kept = np.where(given, move, 0.0), np.where(given, kept, p)
                state = {key: np.where(given, number, before.get(key, 0)) for key, number in state.items()}
            flat.move(kept, move)
            self.steps += 1
            self._flat_state = flat, state
            return
        planned = self.planned({name: plain(p.grad) for name, p in self.parameters.items() if _moves(p)})
        self.steps += 1
        for name, (number, state) in planned.items():
            self.parameters[name].data, self.state[name] = number, state

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients: `backward()` adds to what is there.

        set_to_none: False, as in PyTorch, makes them 0 instead: then a step also moves parameters, by momentum and
                     weight decay, that the next backward pass does not reach
        """
        set_to_none = flag("set_to_none", set_to_none)
        self._group.zero_grad(set_to_none)

    def _check_changed_settings(self) -> None:
        """`check_settings`, but for those that are the very objects of the last check: this is done in every step."""
        if not all(map(is_, self._setting_values(self), self._checked)):
            self.check_settings()
            self._checked = self._setting_values(self)

    def _gathered(self) -> Gathered | None:
        """The parameters as flat arrays, if a compiled program has made such, and if our own `update` can take them."""
        return self._group.gathered() if type(self).__module__ == __name__ else None

    def _gathered_state(self, flat: Gathered) -> dict[str, Number] | None:
        """The state of all parameters in flat arrays; None if they do not remember the same things."""
        if self._flat_state is not None and self._flat_state[0] is flat:
            return dict(self._flat_state[1])
        states = self.state.values()
        first = next(iter(states))
        if any(own.keys() != first.keys() for own in states):
            return None
        return {key: flat.arranged([own[key] for own in states]) for key in first}

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: flat arrays lie beside parameters that a copy has not."""
        return {**vars(self), "_state": self.state, "_group": None, "_flat_state": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._group = Group(self.parameters.values())

    def check_settings(self) -> None:
        """Raise for settings that no step can be taken with; numbers of other types become Python floats."""
        self.lr = real("lr", self.lr)  # a Python float again: NumPy's float64 would widen float32 parameters
        self.weight_decay = real("weight_decay", self.weight_decay)

    def settings(self) -> dict[str, Any]:
        """What it was made with, or given since: ``lr`` and the other words, by name."""
        return {k: v for k, v in vars(self).items() if k not in ("parameters", "steps") and not k.startswith("_")}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in self.settings().items())})"


instead(
    Optimizer,
    {
        "param_groups learning_rate": "write optimizer.lr = 0.001",
        "state_dict": 'write optimizer.state for its numbers, or nn.save("run.safetensors", model, optimizer)',
        "load_state_dict": 'write nn.load("run.safetensors", model, optimizer)',
        "zero_grads": "write optimizer.zero_grad()",
        "backward minimize": "write loss.backward(), and then optimizer.step()",
    },
)


class SGD(Optimizer):
    """Gradient descent: p ← p − lr g, with g + weight_decay·p for g.

    With ``momentum`` μ: v ← μ v + g, p ← p − lr v. With ``nesterov`` as well: p ← p − lr (g + μ v).
    As in PyTorch (Sutskever et al. 2013).
    """

    _setting_values = attrgetter("lr", "weight_decay", "momentum", "nesterov")

    @usage("nn.SGD(model, lr=0.01)")
    def __init__(
        self,
        parameters: Any,
        lr: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.momentum, self.nesterov = momentum, nesterov
        self.check_settings()

    def check_settings(self) -> None:
        super().check_settings()
        self.momentum = real("momentum", self.momentum, high=1.0)
        self.nesterov = flag("nesterov", self.nesterov)
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov=True looks ahead along the momentum; give momentum greater than 0, such as 0.9")

    def _move(self, g: Number, state: dict[str, Number]) -> Number:
        if self.momentum:
            v = self.momentum * state.get("velocity", 0.0) + g
            state["velocity"] = _without_traces(v, self.steps)
            g = g + self.momentum * v if self.nesterov else v
        return -self.lr * g


class RMSProp(Optimizer):
    """Steps divided by a running root mean square of the gradient (Tieleman & Hinton 2012).

    s ← α s + (1 − α) g², p ← p − lr g / (√s + eps)
    """

    _setting_values = attrgetter("lr", "weight_decay", "alpha", "eps")

    @usage("nn.RMSProp(model, lr=0.01)")
    def __init__(
        self, parameters: Any, lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.alpha, self.eps = alpha, eps
        self.check_settings()

    def check_settings(self) -> None:
        super().check_settings()
        self.alpha = real("alpha", self.alpha, high=1.0)
        self.eps = real("eps", self.eps, above_low=True)

    def _move(self, g: Number, state: dict[str, Number]) -> Number:
        s = state["square"] = self.alpha * state.get("square", 0.0) + (1.0 - self.alpha) * (g * g)
        return -self.lr * g / (s**0.5 + self.eps)


class Adam(Optimizer):
    """Momentum and RMSProp together, corrected for their start at zero (Kingma & Ba 2015).

    m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², p ← p − lr (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + eps)
    """

    _setting_values = attrgetter("lr", "weight_decay", "betas", "eps")

    @usage("nn.Adam(model, lr=0.01)")
    def __init__(
        self,
        parameters: Any,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.betas, self.eps = betas, eps
        self.check_settings()

    def check_settings(self) -> None:
        super().check_settings()
        if not isinstance(self.betas, tuple | list) or len(self.betas) != 2:
            raise TypeError(f"betas must be a pair such as (0.9, 0.999), got {reprlib.repr(self.betas)}")
        self.betas = (real("betas[0]", self.betas[0], high=1.0), real("betas[1]", self.betas[1], high=1.0))
        self.eps = real("eps", self.eps, above_low=True)

    def _move(self, g: Number, state: dict[str, Number]) -> Number:
        """Every ``+=`` and ``*=`` is into an array made here: to make more of them takes longer."""
        beta1, beta2 = self.betas
        t = state["t"] = state.get("t", 0) + 1
        m = (1.0 - beta1) * g
        m += beta1 * state.get("mean", 0.0)
        state["mean"] = _without_traces(m, self.steps)
        v = g * g
        v *= 1.0 - beta2
        v += beta2 * state.get("square", 0.0)
        state["square"] = v
        root = v / (1.0 - beta2**t)
        root **= 0.5
        root += self.eps
        move = m / root
        move *= -self.lr / (1.0 - beta1**t)
        return move


class AdamW(Adam):
    """Adam whose weight decay acts on the parameter and not through the gradient (Loshchilov & Hutter 2019).

    p ← p − lr weight_decay p, then Adam's step.
    """

    @usage("nn.AdamW(model, lr=0.01)")
    def __init__(
        self,
        parameters: Any,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def decayed(self, p: Number, g: Number) -> Number:
        """The gradient as it is: here the decay acts on the parameter, in `_kept`."""
        return g

    def _kept(self, p: Number) -> Number:
        return (1.0 - self.lr * self.weight_decay) * p


_FLOATS: dict[str, tuple[str, Callable[[Any, Mapping[str, Any]], Any]]] = {
    "velocity": ("finite", lambda x, own: np.isfinite(x)),
    "mean": ("finite, and of a size that goes with the square", lambda x, own: np.isfinite(x) & _goes_with(x, own)),
    "square": ("none below 0", lambda x, own: x >= 0.0),
}
"""What our own optimisers keep, beside the count t. A square may overflow to inf; its parameter then stays put."""


def _goes_with(mean: Any, own: Mapping[str, Any]) -> Any:
    square = np.asarray(own.get("square"))
    overflowed = np.isinf(square) if square.dtype.kind == "f" and square.shape == mean.shape else False
    return np.isfinite(mean * mean) | overflowed


def _moves(p: Any) -> bool:
    """Whether a step moves ``p``: it has a gradient, and is not frozen."""
    return p.requires_grad and p.grad is not None and p.grad is not NO_GRADIENT


def _without_traces(mean: Number, step: int) -> Number:
    """A running mean, an array just made, with 0 for what has faded to next to nothing; looked for in every 64th step.

    The mean of a gradient that stays 0 would go on for ever as a denormal number, and with those a processor is slow: a
    few in a hundred double the time of a step. The bound is so low that their squares are 0 in any case.
    """
    if step % 64 == 0 and isinstance(mean, np.ndarray):
        mean[np.abs(mean) < 1e8 * np.finfo(mean.dtype).tiny] = 0.0
    return mean


def _misshapen(name: str, number: Number, g: Number) -> ValueError:
    """What to raise for a gradient of another shape: it would give the parameter that shape."""
    return ValueError(
        f"parameter {name} has shape {np.shape(number)} and its gradient {np.shape(g)}; they must be equal: "
        f"call zero_grad(), then backward()"
    )


def _by_name(parameters: Any) -> dict[str, Any]:
    if isinstance(parameters, Module):
        named = dict(parameters.named_parameters())
    elif isinstance(parameters, Mapping):
        named = dict(parameters)
    elif isinstance(parameters, Iterable) and not isinstance(parameters, str | np.ndarray | Node):
        named = {str(i): p for i, p in enumerate(parameters)}
    else:
        raise TypeError(f"an optimizer takes a model or its parameters(), got {type(parameters).__name__}")
    for name, p in named.items():
        if not isinstance(p, Node) or p.parents:
            raise TypeError(f"parameter {name} must be a leaf Value or Tensor, got {reprlib.repr(p)}")
        if not p.requires_grad:
            raise TypeError(f"parameter {name} is a constant, which has no gradient; make it Value(…) or Tensor(…)")
    if not named:
        raise ValueError("an optimizer needs at least one parameter; this model has none")
    return named
