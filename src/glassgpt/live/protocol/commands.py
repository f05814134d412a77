"""The commands of a page. A command is executed between two training steps."""

from __future__ import annotations

from typing import Literal, TypeAlias

from glassgpt.live.protocol.message import Asked, Message, Scalar


class Open(Asked, frozen=True, tag=True):
    """The first command: continue `run`, or open the run that `link` describes."""

    run: str = ""
    link: str = ""
    still: bool = False  # the reader asked for reduced motion: do not play by itself


class Play(Asked, frozen=True, tag=True):
    """Start training."""


class Pause(Asked, frozen=True, tag=True):
    """Pause training."""


class Seek(Asked, frozen=True, tag=True):
    """Go to the position after `step` updates, forwards or backwards, and pause there."""

    step: int


class Pace(Asked, frozen=True, tag=True):
    """Set the pace of training in steps a second; 0 is as fast as possible."""

    steps_per_second: float


class RunRequest(Asked, frozen=True):
    """The settings and documents of a new run.

    `data` is `kept`, `builtin`, `sent` (the file that comes with the command), or the fingerprint
    of the documents of an earlier run.
    """

    config: dict[str, Scalar]
    engine: str
    data: str = "kept"
    data_name: str = ""
    cut: str = ""  # how a text that was sent becomes documents: its lines, or one of `CutFacts`
    do: str = ""  # the interventions, as a link writes them


class Start(RunRequest, frozen=True, tag=True):
    """Begin a new run, and start training if `play`. If it is refused, the old run stays.

    With `keep` the existing branches stay as well; otherwise they are dropped.
    """

    play: bool = False
    keep: bool = False


class Consider(RunRequest, frozen=True, tag=True):
    """Check a new run and describe it, without beginning it."""


class Load(Asked, frozen=True, tag=True):
    """Continue the run of a checkpoint, the file sent with this command; existing branches stay."""

    data_name: str  # what the file is called


class Tune(Asked, frozen=True, tag=True):
    """Fork the run: change live settings, or num_steps, from the next step on."""

    changes: dict[str, Scalar]


class Edit(Asked, frozen=True, tag=True):
    """Fork the run: set one weight."""

    param: str
    row: int
    column: int
    value: float


class Ablate(Asked, frozen=True, tag=True):
    """Fork the run: ablate a part by setting its weights to zero, with `hold` after every update.

    `part` is `head` or `neuron`, with its `layer` and `number`, or `position`, the whole of wpe.
    """

    part: Literal["head", "neuron", "position"]
    layer: int = 0
    number: int = 0
    hold: bool = False


class StopAblating(Asked, frozen=True, tag=True):
    """Fork the run: stop holding an ablated part at zero."""

    part: Literal["head", "neuron", "position"]
    layer: int = 0
    number: int = 0


class Undo(Asked, frozen=True, tag=True):
    """Return to the branch before the last change, at the same step; no trained steps are lost."""


class Redo(Asked, frozen=True, tag=True):
    """Redo the last undone change."""


class Choose(Asked, frozen=True, tag=True):
    """Show another branch, at the same step if it has reached that step."""

    branch: int


class Drop(Asked, frozen=True, tag=True):
    """Forget a branch that is not shown."""

    branch: int


class Compare(Asked, frozen=True, tag=True):
    """Compare with this branch from now on: samples, validation loss, first difference."""

    branch: int


class Preview(Asked, frozen=True, tag=True):
    """Show a preview: the complete run with these settings on the current documents."""

    config: dict[str, Scalar]


class Band(Asked, frozen=True, tag=True):
    """Show the spread of the current settings over `seeds` other seeds; 0 ends it."""

    seeds: int


class Attribute(Asked, frozen=True, tag=True):
    """Show which steps moved the probability of `token` at a position of `document` most."""

    document: str
    position: int
    token: int


class Sample(Asked, frozen=True, tag=True):
    """Set how samples are drawn; without a seed, from the run's own random stream."""

    sampling: dict[str, Scalar]
    seed: int | None = None


class Spell(Asked, frozen=True, tag=True):
    """Show sample number `index` of the last draw, token by token."""

    index: int


class Watch(Asked, frozen=True, tag=True):
    """Send these arrays with every frame (`value:`, `grad:`, `delta:`, `m:` or `v:` + name).

    A parameter larger than a screen is reduced to the number of largest magnitude in each block of
    cells; with an index, as in `value:wte[3,5]`, one exact cell is sent. `document` fixes the text
    that the model is run on; None follows the run.
    """

    arrays: list[str]
    document: str | None = None


class Explain(Asked, frozen=True, tag=True):
    """Explain the number at `address` for the current document."""

    address: str


class Verify(Asked, frozen=True, tag=True):
    """Check the first `steps` steps against the scalar engine; 0 ends it."""

    steps: int


class Enter(Asked, frozen=True, tag=True):
    """Enter the scalar engine's graph at an address, or at the node of a number in it.

    With `path` the strongest path from the loss to it is sent as well.
    """

    address: str = ""
    node: int = 0
    path: bool = False


class Tokenize(Asked, frozen=True, tag=True):
    """Show the tokens of `text`."""

    text: str


class Read(Asked, frozen=True, tag=True):
    """Read documents in the order of training, `count` from number `first`."""

    first: int
    count: int


class Save(Asked, frozen=True, tag=True):
    """Send the file `what`: checkpoint, weights, documents, log.jsonl, log.csv or script."""

    what: str


class Ack(Message, frozen=True, tag=True):
    """The event numbered `seq`, and all before it, are drawn."""

    seq: int


Command: TypeAlias = (
    Open | Play | Pause | Seek | Pace | Start | Consider | Load | Tune | Edit | Ablate
    | StopAblating | Undo | Redo | Choose | Drop | Compare | Preview | Band | Attribute
    | Sample | Spell | Watch | Explain | Verify | Enter | Tokenize | Read | Save | Ack
)  # fmt: skip

NEWEST_COUNTS = Seek | Consider | Sample | Watch | Explain | Enter | Preview | Attribute
QUESTIONS = (  # commands that change nothing shown in a frame
    Explain
    | Enter
    | Spell
    | Tokenize
    | Read
    | Save
    | Consider
    | Preview
    | Band
    | Attribute
    | Verify
)
