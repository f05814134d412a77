"""What the page needs to take the first steps before Python has been loaded, as a file.

It is made under Pyodide when the site's files are built, so that the weights are those that Python
in the browser draws: the two then agree to the last bit. `web/src/prelude/` reads it.
"""

from __future__ import annotations

from array import array as flat_array
from typing import Any

from glassgpt.arrays import array, numbers
from glassgpt.live import protocol
from glassgpt.live.new_run import Source
from glassgpt.live.opening import open_link
from glassgpt.live.pacing import PACE
from glassgpt.live.presenters import run as presenter
from glassgpt.live.protocol.message import Message
from glassgpt.live.protocol.parts import ArrayHead
from glassgpt.model.config import hyper


class First(Message, frozen=True, tag=True):
    """The run of an empty link at step 0.

    The arrays: `weights`, the parameters one after the other; `rates`, the learning rate at every
    position; `lengths` and `tokens` of the document at every position, one after the other.
    """

    hello: protocol.Hello
    watched: list[str]  # the arrays that a page is sent before it asks for others
    arrays: list[ArrayHead]


def first_steps() -> bytes:
    """Return the file: a frame with the event `First`."""
    workspace = open_link("", Source.builtin()).workspace
    session = workspace.session
    positions = range(session.config.num_steps + 1)
    weights = [x for a in session.engine.state().params.values() for x in numbers(a)]
    rates = [hyper(session.config, position).learning_rate for position in positions]
    documents = [session.tokens(session.document(position)) for position in positions]
    arrays: dict[str, memoryview[Any]] = {
        "weights": array(weights, (len(weights),)),
        "rates": array(rates, (len(rates),)),
        "lengths": memoryview(flat_array("B", map(len, documents))),
        "tokens": memoryview(flat_array("B", [id for tokens in documents for id in tokens])),
    }
    event = First(
        presenter.hello(workspace, "", PACE),
        workspace.tools.probe.values(),
        protocol.heads(arrays),
    )
    return protocol.encode_event(event, list(arrays.values()))
