"""What every test starts from."""

import random

import pytest


@pytest.fixture(autouse=True)
def _one_seed() -> None:
    """A model made without a seed takes it from Python's `random`: the same in every run of the suite."""
    random.seed(0)
