"""Speed, measured: each program beside its peers, in one run. `python -m benchmarks` prints the table."""
