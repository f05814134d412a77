"""Reading a checkpoint, and saying what it does not hold."""

from __future__ import annotations

from pathlib import Path

from glassgpt.cli.terminal import say
from glassgpt.training.checkpoint import load_checkpoint
from glassgpt.training.snapshot import Snapshot


def read_checkpoint(directory: Path) -> Snapshot:
    """Return what `load_checkpoint` does; print what is not known of its run."""
    snapshot = load_checkpoint(directory)
    if snapshot.recipe.doubt:
        say(f"note: {snapshot.recipe.doubt}", err=True)
    return snapshot
