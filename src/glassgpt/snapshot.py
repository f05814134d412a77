"""The whole state of a run as a value, and its bytes.

`restore(snapshot)` then `step()` equals the uninterrupted run, bit for bit, so everything that the
next step depends on is here: weights, both moments, settings, step, vocabulary, the random stream,
and the fingerprint of the data. The bytes are a safetensors file, which the official library reads:
https://huggingface.co/docs/safetensors (a u64 header length, a JSON header, the tensors).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import random
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from glassgpt.arrays import ITEMSIZE, Array, frozen, shape, view
from glassgpt.config import Config
from glassgpt.errors import CheckpointError, GlassError
from glassgpt.interventions import Recipe, check, config_at, read, write
from glassgpt.params import shapes
from glassgpt.tokenizer import Tokenizer

FORMAT = "glassgpt-1"
_MAX_HEADER = 16 * 2**20  # bytes; the largest model allowed needs well under one

RandomState: TypeAlias = tuple[Any, ...]  # what random.Random.getstate() gives


@dataclass(frozen=True, slots=True)
class State:
    """What training changes: the parameters and Adam's first and second moments, by name."""

    params: Mapping[str, Array]
    m: Mapping[str, Array]
    v: Mapping[str, Array]

    def groups(self) -> Iterator[tuple[str, Mapping[str, Array]]]:
        """Yield the three mappings with the prefix that their names carry in a file."""
        yield from (("", self.params), ("adam.m.", self.m), ("adam.v.", self.v))

    def frozen(self) -> State:
        """Return a read-only copy."""
        copies = ({name: frozen(a) for name, a in group.items()} for _, group in self.groups())
        return State(*copies)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run after `step` updates. `engine` and `instruction_set` name what computed it.

    `config` are the settings that hold now, `base` those at step 0. `interventions` are those made
    so far: they lead from one to the other, and what is held at zero follows from them. `cut` says
    how the documents were cut out of a text: by its lines, or one of `cutting.WAYS`.
    """

    config: Config
    tokenizer: Tokenizer
    step: int
    state: State
    random_state: RandomState
    data_name: str
    data_sha256: str
    engine: str
    instruction_set: str
    base: Config
    interventions: Recipe = ()
    cut: str = ""

    def rng(self) -> random.Random:
        """Return a generator that goes on where the run's random stream stands."""
        rng = random.Random()
        rng.setstate(self.random_state)
        return rng


def to_bytes(snapshot: Snapshot) -> bytes:
    """Return `snapshot` as the bytes of a safetensors file."""
    header: dict[str, Any] = {}
    body = bytearray()
    for prefix, group in snapshot.state.groups():
        for name, a in group.items():
            span = [len(body), len(body) + a.nbytes]
            header[prefix + name] = {"dtype": "F64", "shape": list(shape(a)), "data_offsets": span}
            body += a.tobytes()
    version, internal, gauss_next = snapshot.random_state
    facts = {
        "format": FORMAT,
        "config": dataclasses.asdict(snapshot.config),
        "base": dataclasses.asdict(snapshot.base),
        "step": snapshot.step,
        "vocabulary": snapshot.tokenizer.characters,
        "random_state": [version, list(internal), gauss_next],
        "data": {
            "name": snapshot.data_name,
            "sha256": snapshot.data_sha256,
            "cut": snapshot.cut,
        },
        "engine": {"name": snapshot.engine, "instruction_set": snapshot.instruction_set},
        "interventions": write(snapshot.interventions),
        "body_sha256": hashlib.sha256(body).hexdigest(),
    }
    # safetensors allows text only in its metadata, so every fact is JSON of its own
    header["__metadata__"] = {key: json.dumps(value) for key, value in facts.items()}
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % ITEMSIZE)  # the tensors begin on a multiple of 8 bytes
    return struct.pack("<Q", len(head)) + head + body


def from_bytes(octets: bytes, name: str = "checkpoint") -> Snapshot:
    """Return the snapshot in `octets`; raise `CheckpointError` if they are damaged or foreign."""
    try:
        head, body = _split(octets)
        return _snapshot(head, body)
    except CheckpointError as error:
        raise CheckpointError(f"{name} {error.what}", error.hint) from None
    except (
        GlassError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        RecursionError,
        struct.error,
    ) as error:
        reason = error.what if isinstance(error, GlassError) else f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{name} is damaged: {reason}", "use an older copy of it") from None


def _split(octets: bytes) -> tuple[dict[str, Any], memoryview]:
    (length,) = struct.unpack_from("<Q", octets)
    if length > min(_MAX_HEADER, len(octets) - ITEMSIZE):
        raise CheckpointError(
            "is not a GlassGPT checkpoint, or is cut short",
            "give a directory made by: glassgpt train --out DIR",
        )
    head = json.loads(octets[ITEMSIZE : ITEMSIZE + length])
    facts = head.get("__metadata__", {})
    if json.loads(facts.get("format", "null")) != FORMAT:
        raise CheckpointError(
            f"is no GlassGPT checkpoint of the format {FORMAT!r}",
            "it may come from another program or version",
        )
    return head, memoryview(octets)[ITEMSIZE + length :]


def _snapshot(head: dict[str, Any], body: memoryview) -> Snapshot:
    facts = {key: json.loads(value) for key, value in head["__metadata__"].items()}
    if hashlib.sha256(body).hexdigest() != facts["body_sha256"]:
        raise ValueError("its numbers do not match their checksum")
    config = Config(**facts["config"])
    tokenizer = Tokenizer(facts["vocabulary"])
    step = facts["step"]
    if not isinstance(step, int) or not 0 <= step <= config.num_steps:
        raise ValueError(f"step {step!r} of {config.num_steps}")
    interventions = read(facts.get("interventions", ""))  # older files have none
    base = Config(**facts["base"]) if "base" in facts else config
    check(interventions, base, tokenizer.vocab_size)
    if config_at(base, interventions) != config:
        raise ValueError("its changes do not lead to the settings that it has now")
    version, internal, gauss_next = facts["random_state"]
    snapshot = Snapshot(
        config=config,
        tokenizer=tokenizer,
        step=step,
        state=_state(head, body, shapes(config, tokenizer.vocab_size)),
        random_state=(version, tuple(internal), gauss_next),
        data_name=str(facts["data"]["name"]),
        data_sha256=str(facts["data"]["sha256"]),
        engine=str(facts["engine"]["name"]),
        instruction_set=str(facts["engine"]["instruction_set"]),
        base=base,
        interventions=interventions,
        cut=str(facts["data"].get("cut", "")),
    )
    snapshot.rng()  # a state that the generator refuses is found here, not at the first draw
    return snapshot


def _state(head: dict[str, Any], body: memoryview, table: dict[str, tuple[int, int]]) -> State:
    def tensor(name: str, wanted: tuple[int, int]) -> Array:
        entry = head[name]
        begin, end = entry["data_offsets"]
        if entry["dtype"] != "F64" or tuple(entry["shape"]) != wanted:
            raise ValueError(f"{name} is {entry['dtype']} {entry['shape']}, not F64 {list(wanted)}")
        if not 0 <= begin <= end <= len(body) or end - begin != ITEMSIZE * math.prod(wanted):
            raise ValueError(f"{name} lies at {begin}–{end}, outside the file or of another size")
        return view(body[begin:end], wanted)

    groups = (
        {name: tensor(prefix + name, shape) for name, shape in table.items()}
        for prefix in ("", "adam.m.", "adam.v.")
    )
    return State(*groups)
