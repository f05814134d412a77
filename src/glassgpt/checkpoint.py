"""A snapshot on disk: one file in a directory, whole at every moment.

A write goes to a neighbour file, is synced, and takes the old one's place in one rename, so that
`kill -9` or a full disk at any moment leaves the last whole checkpoint.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from glassgpt.errors import CheckpointError
from glassgpt.snapshot import Snapshot, from_bytes, to_bytes

FILENAME = "checkpoint.safetensors"


def save_checkpoint(snapshot: Snapshot, directory: str | Path) -> Path:
    """Write `snapshot` into `directory`, replacing one that is there; return the file's path."""
    prepare_directory(directory)
    path = Path(directory) / FILENAME
    try:
        write_atomically(path, to_bytes(snapshot))
    except OSError as error:
        hint = "free some space or choose another --out"
        if path.exists():
            hint = f"the checkpoint before it is whole; {hint}"
        raise CheckpointError(f"{path} cannot be written: {error.strerror}", hint) from None
    return path


def prepare_directory(directory: str | Path) -> None:
    """Make `directory` where it is missing, and clear what writers that were killed left in it.

    Raises `CheckpointError` where no file can be made in it.
    """
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        for left_over in Path(directory).glob(f".{FILENAME}.*.partial"):
            left_over.unlink(missing_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise CheckpointError(
            f"nothing can be kept in {str(directory)!r}: {error.strerror}", "choose another --out"
        ) from None


def load_checkpoint(directory: str | Path) -> Snapshot:
    """Return the snapshot in `directory`, or in the checkpoint file itself."""
    path = Path(directory)
    path = path / FILENAME if path.is_dir() else path
    try:
        octets = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"there is no checkpoint at {str(path)!r}: {error.strerror}",
            "make one with: glassgpt train --out DIR",
        ) from None
    return load_checkpoint_bytes(octets, str(path))


def load_checkpoint_bytes(octets: bytes, name: str = "checkpoint") -> Snapshot:
    """Return the snapshot that a checkpoint file's bytes hold; `name` is the file's, for errors.

    Raises `CheckpointError` where they are damaged, forged or no checkpoint.
    """
    return from_bytes(octets, name)


def write_atomically(path: Path, octets: bytes) -> None:
    """Put `octets` at `path` so that readers see the old file or the new one, synced to disk."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":  # Windows cannot open a directory, and its rename needs no sync
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
