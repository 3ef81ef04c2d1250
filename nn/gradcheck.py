"""`gradcheck` for a model with a loss: the gradient of every parameter, held against differences of the loss."""

from typing import Any

from autograd import GradCheck, Value
from autograd.gradcheck import check
from nn.losses import Loss
from nn.module import Module
from nn.programs import forward_of
from nn.training import _loss, checked_examples


def gradcheck(
    model: Module,
    data: tuple[Any, Any],
    loss: str | Loss,
    *,
    order: int = 1,
    tolerance: float = 1e-7,
    seed: int = 0,
    show: bool = True,
) -> GradCheck:
    """Compare the gradient of ``loss`` by every parameter of ``model`` with differences, print the table, return it.

    data: (X, y) as for `fit`; a few examples do
    loss: as for `fit`

    The `Value`s of a layer are checked as one argument, the `Tensor`s each by itself. The other arguments, and what
    is looked at, are those of `autograd.gradcheck`. The model is afterwards what it was, gradients included.
    """
    X, y = checked_examples(model, data, "data")
    criterion, forward = _loss(loss), forward_of(model)
    arguments: dict[str, list[Any]] = {}
    for name, parameter in model.named_parameters():
        layer = ".".join(name.split(".")[:2]) if isinstance(parameter, Value) else name
        arguments.setdefault(layer, []).append(parameter)
    return check(lambda: criterion(forward(X), y), arguments, order=order, tolerance=tolerance, seed=seed, show=show)
