"""Checkpoints: a snapshot as one file in a directory, written atomically.

A write goes to a temporary file, which is synced and then renamed over the old checkpoint, so
`kill -9` or a full disk at any moment leaves the last complete one. The writer locks its temporary
file until its process ends; a temporary file without a lock is a left-over, and is removed.
"""

from __future__ import annotations

import glob
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from glassgpt.errors import CheckpointError
from glassgpt.training.snapshot import Snapshot, from_bytes, to_bytes

FILENAME = "checkpoint.safetensors"
MAX_BYTES = 2 * 2**30  # more than the largest model takes


def save_checkpoint(snapshot: Snapshot, directory: str | Path) -> Path:
    """Write `snapshot` into `directory`, replacing one that is there; return the file's path.

    Raises `CheckpointError` if the directory is not writable.
    """
    if not isinstance(snapshot, Snapshot):
        raise CheckpointError(
            f"only a Snapshot can be saved, not {snapshot!r}", "session.snapshot() returns one"
        )
    path = _path(directory) / FILENAME
    prepare_directory(directory)
    try:
        write_atomically(path, to_bytes(snapshot))
    except OSError as error:
        hint = "free some space or choose another --out"
        if path.exists():
            hint = f"the previous checkpoint is intact; {hint}"
        raise CheckpointError(f"{str(path)!r} cannot be written: {error.strerror}", hint) from None
    return path


def prepare_directory(directory: str | Path) -> None:
    """Make `directory` if it is missing; raise `CheckpointError` if it is not writable."""
    path = Path(directory) / FILENAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_left_overs(path)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise CheckpointError(
            f"no checkpoint can be saved in {str(directory)!r}: {_why_not(path.parent, error)}",
            "choose another --out",
        ) from None
    if path.is_dir():
        raise CheckpointError(
            f"{str(path)!r} is a directory, but must be a file: the model is written there",
            "choose another --out, or remove that directory",
        )


def _why_not(directory: Path, error: OSError) -> str:
    """Return why a path is not a directory, if the system's error is only "File exists"."""
    if not isinstance(error, FileExistsError):
        return str(error.strerror)
    link = directory.is_symlink() and not directory.exists()
    return "it is a link to a missing file" if link else "it is a file, not a directory"


def load_checkpoint(directory: str | Path) -> Snapshot:
    """Return the snapshot in `directory`, or in the checkpoint file itself.

    Raises `CheckpointError` if it is missing or damaged.
    """
    path = _path(directory)
    try:
        path = path / FILENAME if path.is_dir() else path
        with path.open("rb") as file:
            octets = file.read(MAX_BYTES)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL byte
        raise CheckpointError(
            f"there is no checkpoint at {str(path)!r}: {getattr(error, 'strerror', error)}",
            "make one with: glassgpt train --out DIR",
        ) from None
    remove_left_overs(path)
    return load_checkpoint_bytes(octets, repr(str(path)))


def _path(directory: str | Path) -> Path:
    if not isinstance(directory, str | Path):
        raise CheckpointError(f"a directory cannot be {directory!r}", "give its path, a text")
    return Path(directory)


def load_checkpoint_bytes(octets: bytes, name: str = "checkpoint") -> Snapshot:
    """Return the snapshot in the bytes of a checkpoint file; `name` is used in errors.

    Raises `CheckpointError` if they are damaged, inconsistent or not a checkpoint.
    """
    return from_bytes(octets, name)


def write_atomically(path: Path, octets: bytes) -> None:
    """Write `octets` to `path`, synced; a reader sees either the old file or the new one."""
    remove_left_overs(path)
    with _partial(path) as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
        if sys.platform == "win32":  # Windows cannot rename an open file
            file.close()
        Path(file.name).replace(path)
    _sync_directory(path.parent)


def remove_left_overs(path: Path) -> None:
    """Remove temporary files of writers of `path` that were killed."""
    for left_over in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        with suppress(OSError), left_over.open("rb") as file:
            _lock(file, wait=False)  # raises if its writer is running
            left_over.unlink()


@contextmanager
def _partial(path: Path) -> Iterator[BinaryIO]:
    """Open a new temporary file for `path`, locked; it is removed unless it was renamed."""
    while True:
        with path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial").open("xb") as file:
            with suppress(OSError):  # a file system without locks: no left-over is removed
                _lock(file, wait=True)  # another process may be removing it
            if os.fstat(file.fileno()).st_nlink:
                try:
                    yield file
                finally:
                    Path(file.name).unlink(missing_ok=True)
                return


def _lock(file: BinaryIO, *, wait: bool) -> None:
    """Lock `file` until it is closed or the process ends; raise `OSError` if that fails."""
    try:
        import fcntl
    except ImportError:  # Windows, where an open file cannot be removed; a browser
        return
    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":  # Windows cannot open a directory, and its rename needs no sync
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
