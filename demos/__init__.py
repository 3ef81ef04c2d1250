"""Demos, each one screen: `python -m demos.NAME`, with `--quick` for a short run. Each checks what it shows."""
