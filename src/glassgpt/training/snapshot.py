"""The whole state of a run as a value, and its bytes.

`restore(snapshot)` then `step()` equals the uninterrupted run, bit for bit, so it has everything
that the next step depends on: weights, both moments, settings, step, vocabulary, the random stream,
and the fingerprint of the data. The bytes are a safetensors file, which the official library reads:
https://huggingface.co/docs/safetensors (a u64 header length, a JSON header, the tensors). Its
checksum covers every byte, and a file is accepted only if writing its snapshot again gives the
same bytes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from glassgpt.arrays import ITEMSIZE, Array, shape, view
from glassgpt.data.documents import signature
from glassgpt.errors import CheckpointError, GlassError
from glassgpt.model.config import Config
from glassgpt.model.parameters import shapes
from glassgpt.model.state import State
from glassgpt.model.tokenizer import Tokenizer
from glassgpt.training.recipe import Recipe
from glassgpt.training.recipe_text import read, write
from glassgpt.training.validation import (
    RandomState,
    check_numbers,
    check_recipe,
    valid_config,
    valid_data,
    valid_engine,
    valid_random_state,
    valid_step,
    valid_vocabulary,
)

FORMAT = "glassgpt-2"
FORMAT_1 = "glassgpt-1"  # only read, not written; its checksum covers the tensors only
_MAX_HEADER = 16 * 2**20  # bytes; the largest model allowed needs well under one
_NO_CHECKSUM = "0" * 64  # replaces the checksum while this is computed


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run after `step` updates, computed by `engine` with `instruction_set`.

    The interventions of `recipe` are those made so far; they determine what is held at zero.
    """

    recipe: Recipe
    tokenizer: Tokenizer
    step: int
    state: State
    random_state: RandomState
    engine: str
    instruction_set: str

    @property
    def config(self) -> Config:
        """The current settings."""
        return self.recipe.config_at()

    def __reduce__(self) -> tuple[Callable[[bytes], Snapshot], tuple[bytes]]:
        """Pickle it as the bytes of its file, because memoryviews cannot be pickled."""
        return from_bytes, (to_bytes(self),)

    def __repr__(self) -> str:
        """Return a short description without the arrays."""
        recipe = self.recipe
        return f"Snapshot(step {self.step:,} of {self.config.num_steps:,}, {recipe.data_name})"

    def rng(self) -> random.Random:
        """Return a generator in the state of the run's random stream."""
        rng = random.Random()
        rng.setstate(self.random_state)
        return rng


def to_bytes(snapshot: Snapshot) -> bytes:
    """Return `snapshot` as the bytes of a safetensors file."""
    body = b"".join(a.tobytes() for _, a in _tensors(snapshot))
    return _head(snapshot, _checksum(_head(snapshot, _NO_CHECKSUM), body)) + body


def _tensors(snapshot: Snapshot) -> Iterator[tuple[str, Array]]:
    """Yield the arrays by name, in the order of the file."""
    table = shapes(snapshot.config, snapshot.tokenizer.vocab_size)
    for prefix, group in snapshot.state.groups():
        yield from ((prefix + name, group[name]) for name in table)


def _head(snapshot: Snapshot, checksum: str) -> bytes:
    """Return the part of the file before the tensors: the header's length and the header."""
    header: dict[str, Any] = {}
    end = 0
    for name, a in _tensors(snapshot):
        span = [end, end := end + a.nbytes]
        header[name] = {"dtype": "F64", "shape": list(shape(a)), "data_offsets": span}
    # metadata of safetensors must be text, so each value is encoded as JSON
    facts = {"sha256": checksum, **_facts(snapshot)}
    header["__metadata__"] = {key: json.dumps(value) for key, value in facts.items()}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % ITEMSIZE)  # the tensors begin on a multiple of 8 bytes
    return struct.pack("<Q", len(text)) + text


def _facts(snapshot: Snapshot) -> dict[str, Any]:
    version, internal, gauss_next = snapshot.random_state
    recipe = snapshot.recipe
    return {
        "format": FORMAT,
        "config": dataclasses.asdict(snapshot.config),
        "base": dataclasses.asdict(recipe.config),
        "step": snapshot.step,
        "vocabulary": snapshot.tokenizer.characters,
        "random_state": [version, list(internal), gauss_next],
        "data": {
            "name": recipe.data_name,
            "sha256": recipe.data_sha256,
            "cut": recipe.cut,
        },
        "engine": {"name": snapshot.engine, "instruction_set": snapshot.instruction_set},
        "interventions": write(recipe.interventions),
        **({"assumed": True} if recipe.assumed else {}),
    }


def _checksum(head: bytes, body: bytes | memoryview) -> str:
    digest = hashlib.sha256(head)
    digest.update(body)
    return digest.hexdigest()


# -- reading


def from_bytes(octets: bytes, name: str = "checkpoint") -> Snapshot:
    """Return the snapshot in `octets`; raise `CheckpointError` if it is not a valid checkpoint."""
    try:
        head, body = _split(octets)
        header = _header(head)
        facts = _checked_facts(header, head, body)
        snapshot = _snapshot(facts, header, body)
        if facts["format"] == FORMAT and _head(snapshot, facts["sha256"]) != head:
            raise ValueError("its header is not as GlassGPT writes it")
        return snapshot
    except CheckpointError as error:
        raise CheckpointError(f"{name} {error.what}", error.hint) from None
    except (GlassError, ValueError) as error:
        reason = error.what if isinstance(error, GlassError) else str(error)
        raise _damaged(name, reason) from None
    except (AttributeError, LookupError, TypeError, RecursionError):  # a forged header
        raise _damaged(name, "its header is not as GlassGPT writes it") from None


def _damaged(name: str, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{name} is damaged: {reason}",
        "use an older copy of it, or train again: glassgpt train --out DIR",
    )


def _foreign(what: str) -> CheckpointError:
    return CheckpointError(what, "give a directory made by: glassgpt train --out DIR")


def _split(octets: bytes) -> tuple[bytes, memoryview]:
    """Return the part before the tensors, and the tensors."""
    if not octets:
        raise CheckpointError(
            "is empty", "use an older copy of it, or train again: glassgpt train --out DIR"
        )
    length = int.from_bytes(octets[:ITEMSIZE], "little")
    if len(octets) < ITEMSIZE or length > min(_MAX_HEADER, len(octets) - ITEMSIZE):
        kind, _ = signature(octets)
        raise _foreign(
            f"is {kind}, not a GlassGPT checkpoint"
            if kind
            else "is not a GlassGPT checkpoint, or is cut short"
        )
    begin = ITEMSIZE + length
    return octets[:begin], memoryview(octets)[begin:]


def _header(head: bytes) -> dict[str, Any]:
    try:
        header = json.loads(head[ITEMSIZE:])
    except (ValueError, RecursionError):
        raise _foreign("is not a GlassGPT checkpoint, or is damaged") from None
    facts = header.get("__metadata__") if isinstance(header, dict) else None
    written = facts.get("format") if isinstance(facts, dict) else None
    if written not in (json.dumps(FORMAT), json.dumps(FORMAT_1)):
        raise CheckpointError(
            f"is not a GlassGPT checkpoint of the format {FORMAT!r}",
            "it may come from another program or version",
        )
    assert isinstance(header, dict)
    return header


def _checked_facts(header: dict[str, Any], head: bytes, body: memoryview) -> dict[str, Any]:
    """Return the metadata; raise `ValueError` if the checksum does not match."""
    facts = {key: json.loads(value) for key, value in header["__metadata__"].items()}
    if facts["format"] == FORMAT_1:
        whole = hashlib.sha256(body).hexdigest() == facts["body_sha256"]
    else:
        written = str(facts["sha256"])
        blank = head.replace(written.encode(), _NO_CHECKSUM.encode(), 1)
        whole = _checksum(blank, body) == written
    if not whole:
        raise ValueError("it does not match its checksum")
    return facts


def _snapshot(facts: dict[str, Any], header: dict[str, Any], body: memoryview) -> Snapshot:
    config = valid_config(facts["config"])
    base = valid_config(facts.get("base", facts["config"]))  # missing in format 1
    tokenizer = Tokenizer(valid_vocabulary(facts["vocabulary"]))
    step = valid_step(facts["step"], config)
    state = _state(header, body, shapes(config, tokenizer.vocab_size))
    check_numbers(step, state.groups())
    data_name, data_sha256, cut = valid_data(**facts["data"])
    engine, instruction_set = valid_engine(**facts["engine"])
    interventions = read(facts.get("interventions", ""))  # missing in format 1
    assumed = "base" not in facts or facts.get("assumed", False) is True
    recipe = Recipe(base, data_name, data_sha256, cut, interventions, assumed)
    check_recipe(recipe, step, config, state.params)
    return Snapshot(
        recipe=recipe,
        tokenizer=tokenizer,
        step=step,
        state=state,
        random_state=valid_random_state(facts["random_state"]),
        engine=engine,
        instruction_set=instruction_set,
    )


def _state(header: dict[str, Any], body: memoryview, table: dict[str, tuple[int, int]]) -> State:
    """Return the tensors, which must fill the file in order and without a gap."""
    end = 0

    def tensor(name: str, wanted: tuple[int, int]) -> Array:
        nonlocal end
        begin, end = end, end + ITEMSIZE * wanted[0] * wanted[1]
        entry = header[name]
        if entry["dtype"] != "F64" or entry["shape"] != list(wanted):
            raise ValueError(f"{name} is {entry['dtype']} {entry['shape']}, not F64 {list(wanted)}")
        if entry["data_offsets"] != [begin, end] or end > len(body):
            raise ValueError(f"{name} is not at bytes {begin}–{end}")
        return view(body[begin:end], wanted)

    groups = (
        {name: tensor(prefix + name, shape) for name, shape in table.items()}
        for prefix in ("", "adam.m.", "adam.v.")
    )
    state = State(*groups)
    if end != len(body):
        raise ValueError(f"{len(body) - end:,} bytes follow its last number")
    return state
