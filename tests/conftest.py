"""What every test starts from."""

import random

import pytest


@pytest.fixture(autouse=True)
def _one_seed() -> None:
    """A model made without a seed takes it from Python's `random`: the same in every run of the suite."""
    random.seed(0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """On how many rows or random graphs each route was compared, and the worst relative difference."""
    routes: dict[str, tuple[int, float]] = {}
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for tally in [tally for name, tally in report.user_properties if name == "compared"]:
            for route, (count, worst) in tally.items():
                counted, worst_so_far = routes.get(route, (0, 0.0))
                routes[route] = counted + count, max(worst_so_far, worst)
    if routes:
        terminalreporter.section("compared: how many, worst relative difference, route")
    for route, (count, worst) in sorted(routes.items()):
        terminalreporter.write_line(f"{count:6,}  {worst:.1e}  {route}")
