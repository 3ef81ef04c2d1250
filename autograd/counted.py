"""What is counted so that a compiled function sees whether something was replaced, and looks only where it may be."""

from typing import Any

CHANGES = [0]
"""How often an attribute of any `Counted` object was set or deleted."""
COMPARED = [0]
"""How often some Value was compared by == with what is no Value: in lists all of whose items are equal, and this did
not grow, each Value is the same."""


class Counted:
    """The base of `nn.Module`: whether one of them was changed shows in one number."""

    def __setattr__(self, name: str, item: Any) -> None:
        CHANGES[0] += 1
        super().__setattr__(name, item)

    def __delattr__(self, name: str) -> None:
        CHANGES[0] += 1
        super().__delattr__(name)
