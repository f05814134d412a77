"""A snapshot on disk: one file in a directory, whole at every moment.

A write goes to a neighbour file, is synced, and takes the old one's place in one rename, so that
`kill -9` or a full disk at any moment leaves the last whole checkpoint. A writer holds a lock on
its neighbour file, which ends with its process; what nobody holds is left over, and removed.
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

    Raises `CheckpointError` where the directory takes no file.
    """
    if not isinstance(snapshot, Snapshot):
        raise CheckpointError(
            f"only a Snapshot can be kept, not {snapshot!r}", "session.snapshot() returns one"
        )
    path = _path(directory) / FILENAME
    prepare_directory(directory)
    try:
        write_atomically(path, to_bytes(snapshot))
    except OSError as error:
        hint = "free some space or choose another --out"
        if path.exists():
            hint = f"the checkpoint before it is whole; {hint}"
        raise CheckpointError(f"{str(path)!r} cannot be written: {error.strerror}", hint) from None
    return path


def prepare_directory(directory: str | Path) -> None:
    """Make `directory` where it is missing; raise `CheckpointError` where it takes no file."""
    path = Path(directory) / FILENAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_left_overs(path)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise CheckpointError(
            f"nothing can be kept in {str(directory)!r}: {_why_not(path.parent, error)}",
            "choose another --out",
        ) from None
    if path.is_dir():
        raise CheckpointError(
            f"{str(path)!r} is a directory, but must be a file: the model is written there",
            "choose another --out, or remove that directory",
        )


def _why_not(directory: Path, error: OSError) -> str:
    """Return why a path is no directory, where the system says only that it exists."""
    if not isinstance(error, FileExistsError):
        return str(error.strerror)
    link = directory.is_symlink() and not directory.exists()
    return "it is a link that leads nowhere" if link else "it is a file, not a directory"


def load_checkpoint(directory: str | Path) -> Snapshot:
    """Return the snapshot in `directory`, or in the checkpoint file itself.

    Raises `CheckpointError` where there is none, or it is damaged.
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
    """Return the snapshot that a checkpoint file's bytes hold; `name` is the file's, for errors.

    Raises `CheckpointError` where they are damaged, forged or no checkpoint.
    """
    return from_bytes(octets, name)


def write_atomically(path: Path, octets: bytes) -> None:
    """Put `octets` at `path` so that readers see the old file or the new one, synced to disk."""
    remove_left_overs(path)
    with _partial(path) as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
        if sys.platform == "win32":  # which renames no open file
            file.close()
        Path(file.name).replace(path)
    _sync_directory(path.parent)


def remove_left_overs(path: Path) -> None:
    """Remove what writers of `path` that were killed left beside it."""
    for left_over in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        with suppress(OSError), left_over.open("rb") as file:
            _lock(file, wait=False)  # raises where its writer lives
            left_over.unlink()


@contextmanager
def _partial(path: Path) -> Iterator[BinaryIO]:
    """Open a new neighbour of `path`, locked; in the end it is gone, unless it was renamed."""
    while True:
        with path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial").open("xb") as file:
            with suppress(OSError):  # a file system without locks, where nothing is cleared up
                _lock(file, wait=True)  # for whoever took it for a left-over before this line
            if os.fstat(file.fileno()).st_nlink:
                try:
                    yield file
                finally:
                    Path(file.name).unlink(missing_ok=True)
                return


def _lock(file: BinaryIO, *, wait: bool) -> None:
    """Hold `file` until it is closed or the process ends; raise `OSError` where that cannot be."""
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
