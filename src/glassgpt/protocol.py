"""The messages between page and player: commands are verbs, events are nouns.

A command is JSON text, or a frame where it brings a file along. Every event is a frame:

    u32 header length | JSON header | arrays, one after the other, each on a multiple of 8 bytes

in little-endian order, so that the page sees typed arrays without a copy. The header is one of
the structs below; its `arrays` say what follows. `tools/gen_protocol.py` writes the page's types
from this file. It knows no socket and no model.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from glassgpt.arrays import ITEMSIZE
from glassgpt.errors import ProtocolError
from glassgpt.explain import Explanation, Nudge

VERSION = 1
MAX_COMMAND = 64 * 2**10  # bytes of a command's text
MAX_UPLOAD = 8 * 2**20  # bytes of a file that a command brings along
MAX_TERMS = 64  # of an explanation
CREDITS = 2  # events that may be under way before the page has drawn the first of them

Scalar: TypeAlias = int | float | str


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """What all messages are: immutable, told apart by `kind`."""


# -- commands: what a page may ask for. They act between two training steps.


class Open(Message, frozen=True, tag=True):
    """First of all: go on with `run`, or make the experiment that `link` describes."""

    run: str = ""
    link: str = ""
    still: bool = False  # the reader asked for reduced motion: do not play by itself


class Play(Message, frozen=True, tag=True):
    """Let time run."""


class Pause(Message, frozen=True, tag=True):
    """Let time stand."""


class Seek(Message, frozen=True, tag=True):
    """Go to the position after `step` updates, forwards or backwards, and stand there."""

    step: int


class Pace(Message, frozen=True, tag=True):
    """Play at so many steps a second; 0 is as many as there can be."""

    steps_per_second: float


class Wanted(Message, frozen=True):
    """A new run, as it is asked for.

    `data` is `kept`, `builtin`, `sent`: the file with this, or the fingerprint of documents that
    a run before this one learned from.
    """

    config: dict[str, Scalar]
    engine: str
    data: str = "kept"
    data_name: str = ""
    cut: str = ""  # how a text that was sent becomes documents: its lines, or one of `CutFacts`
    do: str = ""  # what is done to the run on its way, as a link says it


class Start(Wanted, frozen=True, tag=True):
    """Begin a new run, and let its time run if `play`; refused, it leaves the run before alone.

    With `keep` it stands beside the branches that there are, which are else forgotten.
    """

    play: bool = False
    keep: bool = False


class Consider(Wanted, frozen=True, tag=True):
    """Say what `Start` would make of the same, without making it."""


class Tune(Message, frozen=True, tag=True):
    """Fork the run: change live settings, or num_steps, from the next step on."""

    changes: dict[str, Scalar]


class Edit(Message, frozen=True, tag=True):
    """Fork the run: set one weight."""

    param: str
    row: int
    column: int
    value: float


class Silence(Message, frozen=True, tag=True):
    """Fork the run: set the weights of a part to zero, with `hold` after every update.

    A `part` is `head` or `neuron`, `number` of `layer`, or `position`, the whole of wpe.
    """

    part: Literal["head", "neuron", "position"]
    layer: int = 0
    number: int = 0
    hold: bool = False


class Release(Message, frozen=True, tag=True):
    """Fork the run: hold a silenced part no longer."""

    part: Literal["head", "neuron", "position"]
    layer: int = 0
    number: int = 0


class Undo(Message, frozen=True, tag=True):
    """Return to what the last change changed, at the same step; what was trained is kept."""


class Redo(Message, frozen=True, tag=True):
    """Make the change again that was undone last."""


class Choose(Message, frozen=True, tag=True):
    """Show another branch, at the same step where it has been there."""

    branch: int


class Drop(Message, frozen=True, tag=True):
    """Forget a branch that is not shown."""

    branch: int


class Beside(Message, frozen=True, tag=True):
    """Compare with this branch from now on: its samples, its held-out loss, where they part."""

    branch: int


class Imagine(Message, frozen=True, tag=True):
    """Show the complete run that these settings would give on the documents that are shown."""

    config: dict[str, Scalar]


class Band(Message, frozen=True, tag=True):
    """Show the spread of the settings that are shown over so many other seeds; 0 ends it."""

    seeds: int


class Trace(Message, frozen=True, tag=True):
    """Show which steps moved the probability of `token` at a position of `document` most."""

    document: str
    position: int
    token: int


class Sample(Message, frozen=True, tag=True):
    """Draw samples like this from now on; without a seed from the run's own stream."""

    sampling: dict[str, Scalar]
    seed: int | None = None


class Spell(Message, frozen=True, tag=True):
    """Show how sample number `index` of the last draw came about, token by token."""

    index: int


class Watch(Message, frozen=True, tag=True):
    """Send these arrays with every frame (`value:`, `grad:`, `delta:`, `m:` or `v:` + name).

    A parameter of more cells than a screen has comes as the largest number of each block of cells,
    sign kept; one cell of it comes exactly where its index is added, as in `value:wte[3,5]`.
    `document` holds the machine to one text; None lets it follow the run.
    """

    arrays: list[str]
    document: str | None = None


class Explain(Message, frozen=True, tag=True):
    """Say why the number at `address` is what it is, in the document that is in the machine."""

    address: str


class Tokenize(Message, frozen=True, tag=True):
    """Show what the tokenizer makes of `text`."""

    text: str


class Read(Message, frozen=True, tag=True):
    """Read documents in the order of training, `count` from number `first`."""

    first: int
    count: int


class Save(Message, frozen=True, tag=True):
    """Make a file of `what`: checkpoint, weights, log.jsonl, log.csv or script."""

    what: str


class Ack(Message, frozen=True, tag=True):
    """The event numbered `seq`, and all before it, are drawn."""

    seq: int


Command: TypeAlias = (
    Open | Play | Pause | Seek | Pace | Start | Consider | Tune | Edit | Silence | Release
    | Undo | Redo | Choose | Drop | Beside | Imagine | Band | Trace
    | Sample | Spell | Watch | Explain | Tokenize | Read | Save | Ack
)  # fmt: skip


# -- parts of events


class ArrayHead(msgspec.Struct, frozen=True):
    """An array that follows the header: its name, numbers' type and shape."""

    name: str
    dtype: str  # "f8" or "f4"
    shape: list[int]


class SettingFacts(msgspec.Struct, frozen=True):
    """A setting of `config.py`, whole, so that the page can make its control."""

    name: str
    default: Scalar
    help: str
    low: float
    high: float
    live: bool
    option: str
    type: str  # int, float or str


class SiteFacts(msgspec.Struct, frozen=True):
    """A site of `anatomy.py`."""

    name: str
    axes: list[str]
    op: str
    inputs: list[str]
    sentence: str
    weight: str


class ParamFacts(msgspec.Struct, frozen=True):
    """A parameter's name and shape (outputs, inputs)."""

    name: str
    shape: list[int]


class EngineFacts(msgspec.Struct, frozen=True):
    """An engine that can be chosen."""

    name: str
    instruction_set: str


class Written(msgspec.Struct, frozen=True):
    """A sample: its text, whether it stands in the data, the probability that it was drawn with.

    `nearest` is the document it is nearest to, `distance` letters away; empty where the text or the
    data are too long to look for it.
    """

    text: str
    seen: bool
    probability: float
    ended: bool
    nearest: str
    distance: int


class CutFacts(msgspec.Struct, frozen=True):
    """A way to cut a long text into documents, and what that gives."""

    way: str
    documents: int
    longest: int  # characters
    examples: list[str]


class Waiting(msgspec.Struct, frozen=True):
    """The run of a link whose documents are too many for it: it waits for their file."""

    config: dict[str, Scalar]
    engine: str
    sampling: dict[str, Scalar]
    sample_seed: int | None
    step: int | None
    data_name: str
    data_sha256: str
    cut: str
    do: str


class BranchFacts(msgspec.Struct, frozen=True):
    """A branch: what it is called, where it comes from, and what was changed at its fork."""

    number: int
    parent: int | None  # None: a run that began by itself
    run: int  # the number of that run
    fork: int  # the position from which on it differs from its parent
    words: list[str]  # a phrase for each change
    changes: str  # the same as a link says it
    held: list[str]  # the parts that are held at zero at its end, as in a link: head0.2
    config: dict[str, Scalar]  # at its end
    data_name: str
    engine: str


class MoveFacts(msgspec.Struct, frozen=True):
    """What moved log p: step number `step` (from 1) on `document`, or a change that `words` say."""

    step: int
    document: str
    words: str
    change: float  # of log p, in nats


# -- events: what a player tells


class Hello(Message, frozen=True, tag=True):
    """The run, whole: first event, and again whenever another run takes its place."""

    version: int
    run: str
    engine: EngineFacts
    engines: list[str]
    settings: list[SettingFacts]
    sampling_settings: list[SettingFacts]
    config: dict[str, Scalar]
    sampling: dict[str, Scalar]
    sample_seed: int | None
    sites: list[SiteFacts]
    params: list[ParamFacts]
    parameters: int
    characters: list[str]
    data_name: str
    data_sha256: str
    documents: int
    unseen_from: int  # the first document of the held-out tenth
    longest: int  # positions of the longest document, clipped to the context
    typical: int  # positions that 98 of 100 documents do not exceed
    clipped: int  # how many documents are longer than the context
    begin: int  # the first position there is: that of the checkpoint the run was opened from
    reached: int
    pace: float
    schedule: list[float]  # the learning rate at evenly spaced positions, from 0 to num_steps
    link: str
    notice: str  # something the reader should know, or nothing
    waiting: Waiting | None


class Frame(Message, frozen=True, tag=True):
    """The run at `step` updates, and every loss taken since the frame before.

    The arrays `losses` and `rates` begin at the step of index `first`. The document is the one the
    next update learns from, or the one that is watched; `watching` says so.
    """

    seq: int
    step: int
    reached: int
    playing: bool
    busy: bool  # on the way to where it was asked to go
    pace: float  # as asked
    speed: float  # as measured, steps a second
    rate: float  # the learning rate of the next update
    document: str
    tokens: list[int]
    watching: bool
    first: int
    arrays: list[ArrayHead]


class Samples(Message, frozen=True, tag=True):
    """Texts drawn from the weights that a branch has after `step` updates."""

    seq: int
    branch: int
    step: int
    sampling: dict[str, Scalar]
    seed: int | None
    written: list[Written]
    link: str


class Spelling(Message, frozen=True, tag=True):
    """One sample, draw by draw.

    Arrays over (draws, V): `logits`, `plain` (probabilities at temperature 1), `probs` (those drawn
    from); over (draws,): `points`, where the draw fell on the cumulative bar.
    """

    index: int
    step: int
    text: str
    prefix: list[int]
    tokens: list[int]
    temperature: float
    arrays: list[ArrayHead]


class Measures(Message, frozen=True, tag=True):
    """The yardsticks of the documents, in nats."""

    uniform: float
    unigram: float
    bigram: float
    trigram: float


class HeldOut(Message, frozen=True, tag=True):
    """The mean loss after `step` updates on the held-out tenth, by `engine`."""

    seq: int
    step: int
    loss: float
    documents: int
    unseen: bool
    engine: str


class Compared(Message, frozen=True, tag=True):
    """Both engines on this run: steps a second of each, how far the losses of the first stray."""

    rates: dict[str, float]
    steps: int
    difference: float


class Documents(Message, frozen=True, tag=True):
    """Documents in the order of training, from number `first`."""

    first: int
    documents: list[str]


class Tokens(Message, frozen=True, tag=True):
    """What the tokenizer makes of `text`: its ids between BOS and BOS, or a sentence."""

    text: str
    ids: list[int]
    problem: str
    hint: str


class Explained(Message, frozen=True, tag=True):
    """Why a number is what it is after `step` updates, or a sentence why there is none.

    At most `MAX_TERMS` terms of an account travel, the largest; `value_terms` and `gradient_terms`
    say how many there are. A number that is not finite travels as null. For a weight there are the
    check of its gradient and the arrays `steps` and `past`: what it was wherever that is kept.
    """

    address: str
    step: int
    document: str
    explanation: Explanation | None
    value_terms: int
    gradient_terms: int
    nudge: Nudge | None
    problem: str
    hint: str
    arrays: list[ArrayHead]


class Considered(Message, frozen=True, tag=True):
    """What `Start` would make: a model of this size from these documents, or a sentence."""

    config: dict[str, Scalar]
    parameters: int
    bytes: int
    documents: int
    characters: list[str]
    examples: list[str]
    clipped: int
    data_sha256: str
    cut: str
    cuts: list[CutFacts]  # where the text does not look like one document a line
    problem: str
    hint: str


class Settings(Message, frozen=True, tag=True):
    """The settings as they are now, after a live change."""

    config: dict[str, Scalar]
    schedule: list[float]
    link: str


class Branches(Message, frozen=True, tag=True):
    """All branches: which is shown, which is compared with it, whether a change can be undone."""

    current: int
    beside: int | None
    undo: bool
    redo: bool
    most: int
    branches: list[BranchFacts]


class Curve(Message, frozen=True, tag=True):
    """The losses of a branch that is not shown, from the step of index `first` on: its fork."""

    branch: int
    first: int
    arrays: list[ArrayHead]


class Difference(Message, frozen=True, tag=True):
    """How the branch that is shown at `step` differs from `branch`, which is at `other_step`.

    `first_step` is the number of the first step (from 1) whose losses differ, as far as both went.
    On `document` they part at `index` of `site`, the first in the order of computing (empty where
    they do not part, or are models of other sizes); the largest difference is `largest`. Held-out
    losses are those of the two, where an engine is quick enough.
    """

    branch: int
    step: int
    other_step: int
    first_step: int | None
    document: str
    site: str
    index: list[int]
    largest: float
    largest_site: str
    held_out: list[float]


class Price(Message, frozen=True, tag=True):
    """The held-out loss before and after the weights were set that led to a branch, at its fork."""

    branch: int
    step: int
    before: float
    after: float


class Imagined(Message, frozen=True, tag=True):
    """A complete run of `config`, as far as it is taken; the array `losses` begins at `first`.

    When it is `done`, `written` and `held_out` are those of its end; a run that `stopped` says why.
    """

    config: dict[str, Scalar]
    done: bool
    first: int
    taken: int
    written: list[Written]
    held_out: float | None
    seconds: float
    stopped: str
    arrays: list[ArrayHead]


class SeedBand(Message, frozen=True, tag=True):
    """The smoothed losses of the seeds that have `finished`.

    Arrays over (points,): `positions`; `low`, `median` and `high`: the lowest tenth, the middle and
    the highest tenth of the runs there.
    """

    seeds: int
    finished: int
    arrays: list[ArrayHead]


class Origins(Message, frozen=True, tag=True):
    """How log p of `token` after `context` came about, from position `begin` to `step`.

    While steps are `taken` again there is only that number; when it is `done` the largest `moves`,
    the largest first, and the array `curve`: log p in nats at every position.
    """

    context: list[int]
    token: int
    begin: int
    step: int
    taken: int
    done: bool
    moves: list[MoveFacts]
    arrays: list[ArrayHead]


class File(Message, frozen=True, tag=True):
    """A file to be kept: its bytes are the array `bytes`."""

    name: str
    type: str
    arrays: list[ArrayHead]


class Refused(Message, frozen=True, tag=True):
    """A command that could not be followed: what happened, and what to do."""

    command: str
    what: str
    hint: str


class Stopped(Message, frozen=True, tag=True):
    """Training stopped before the step that would have left the finite numbers."""

    step: int
    what: str
    hint: str
    site: str
    index: list[int]


Event: TypeAlias = (
    Hello | Frame | Samples | Spelling | Measures | HeldOut | Compared | Documents | Tokens
    | Explained | Considered | Settings | Branches | Curve | Difference | Price
    | Imagined | SeedBand | Origins | File | Refused | Stopped
)  # fmt: skip


_commands = msgspec.json.Decoder(Command)
_encoder = msgspec.json.Encoder()


def decode_command(message: str | bytes) -> tuple[Command, bytes | None]:
    """Return the command in a text, with no file, or the command and the file in a frame."""
    head: str | bytes
    payload: bytes | None = None
    if isinstance(message, str):
        head = message
    else:
        if len(message) < 4:
            raise ProtocolError("a binary message is shorter than its length field")
        (length,) = struct.unpack_from("<I", message)
        if length > len(message) - 4:
            raise ProtocolError("a binary message is shorter than its header")
        head, payload = message[4 : 4 + length], message[4 + length :]
    if len(head) > MAX_COMMAND or len(payload or b"") > MAX_UPLOAD:
        raise ProtocolError(
            f"a message has {len(message):,} bytes, more than is taken",
            f"a file may have {MAX_UPLOAD // 2**20} MiB; train on a part of it",
        )
    try:
        return _commands.decode(head), payload
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ProtocolError(f"a message is no command: {error}") from None


def heads(arrays: Mapping[str, memoryview[Any]]) -> list[ArrayHead]:
    """Return the heads of `arrays`, in order."""
    return [ArrayHead(name, _dtype(a), list(a.shape or ())) for name, a in arrays.items()]


def encode_event(event: Event, arrays: Sequence[memoryview[Any]] = ()) -> bytes:
    """Return the frame of an event and the arrays that its heads name, in the same order."""
    head = _encoder.encode(event)
    head += b" " * (-(len(head) + 4) % ITEMSIZE)
    parts = [struct.pack("<I", len(head)), head]
    for a in arrays:
        octets = _little_endian(a)
        parts += (octets, b"\0" * (-len(octets) % ITEMSIZE))
    return b"".join(parts)


def _dtype(a: memoryview[Any]) -> str:
    return {"d": "f8", "f": "f4", "B": "u1"}[a.format]


def _little_endian(a: memoryview[Any]) -> bytes:
    if sys.byteorder == "little" or a.itemsize == 1:
        return a.tobytes()
    octets = bytearray(a.tobytes())
    for i in range(a.itemsize // 2):
        octets[i :: a.itemsize], octets[a.itemsize - 1 - i :: a.itemsize] = (
            octets[a.itemsize - 1 - i :: a.itemsize],
            octets[i :: a.itemsize],
        )
    return bytes(octets)
