"""Reads a checkpoint, with a note if it is incomplete."""

from __future__ import annotations

from pathlib import Path

from glassgpt.cli.terminal import say
from glassgpt.training.checkpoint import load_checkpoint
from glassgpt.training.snapshot import Snapshot


def read_checkpoint(directory: Path) -> Snapshot:
    """Return the snapshot of `load_checkpoint`; if its recipe may lack something, print what."""
    snapshot = load_checkpoint(directory)
    if snapshot.recipe.doubt:
        say(f"note: {snapshot.recipe.doubt}", err=True)
    return snapshot
