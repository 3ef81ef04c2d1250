"""Objects that count how often their attributes are set: a compiled function compares these only where that grew."""

from typing import Any

CHANGES = [0]
"""How often an attribute of any `Counted` object was set or deleted."""


class Counted:
    """The base of `nn.Module`: whether one of them was changed shows in one number."""

    def __setattr__(self, name: str, item: Any) -> None:
        CHANGES[0] += 1
        super().__setattr__(name, item)

    def __delattr__(self, name: str) -> None:
        CHANGES[0] += 1
        super().__delattr__(name)
