"""The rulebooks as they are written down: `general.toml`, and one overlay a regime."""

import tomllib
from functools import cache
from pathlib import Path

from licensing import rulebook

_HERE = Path(__file__).parent
GENERAL = "general"
OVERLAYS = tuple(sorted(path.stem for path in _HERE.glob("*.toml") if path.stem != GENERAL))
DEFAULT = "minfin-2022"


@cache
def load(overlay: str) -> rulebook.Rulebook:
    """Return the rulebook of a regime; `overlay` is one of OVERLAYS."""
    layers = [
        rulebook.read(tomllib.loads((_HERE / f"{name}.toml").read_text()))
        for name in (overlay, GENERAL)
    ]
    return rulebook.Rulebook(overlay, *layers)
