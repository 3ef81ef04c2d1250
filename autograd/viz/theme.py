"""The colours of pictures, light and dark. The page of the player has the same; a test holds the two together."""

from collections.abc import Mapping
from typing import Literal

Theme = Literal["auto", "light", "dark"]
THEMES = ("auto", "light", "dark")
PALETTE = {  # light, dark
    "ground": ("#ffffff", "#161b22"),
    "page": ("#f6f8fa", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "quiet": ("#59636e", "#9da7b1"),
    "line": ("#7d8590", "#848d97"),
    "negative": ("#a84300", "#ff9d5c"),  # told from positive by every common kind of colour blindness
    "positive": ("#0757ba", "#79b8ff"),
    "leaf": ("#eef3e6", "#1d2a17"),
    "leaf-line": ("#6b8e3a", "#7fa650"),
    "lit": ("#fff3bf", "#3a3000"),
    "focus": ("#8250df", "#c297ff"),
}
FILLS = {"leaf": "leaf", "constant": "page", "interior": "ground", "root": "ground", "group": "ground"}
"""By kind of node the colour of its card."""


def check_theme(theme: Theme) -> None:
    if theme not in THEMES:
        raise ValueError(f"theme is one of {', '.join(THEMES)}; got {theme!r}")


def colours(theme: Theme) -> dict[str, str]:
    """The palette; "auto" is drawn in the light one, and `adaptive` makes it dark where the reader's system is."""
    check_theme(theme)
    return {name: dark if theme == "dark" else light for name, (light, dark) in PALETTE.items()}


def sign_colour(colour: Mapping[str, str], x: float) -> str:
    """Blue above 0, orange below; ink for 0 and for nan."""
    return colour["positive" if x > 0 else "negative" if x < 0 else "ink"]


def adaptive(svg: str) -> str:
    """The rules that turn ``svg``, drawn in the light palette and of class glassgrad-auto, dark by its reader's wish.

    They go by attributes, so whatever shows the picture without styles still shows the light one.
    """
    rules = [
        f'.glassgrad-auto [{what}="{light}"]{{{what}:{dark}}}'
        for light, dark in PALETTE.values()
        for what in ("fill", "stroke")
        if f'{what}="{light}"' in svg
    ]
    return f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}"
