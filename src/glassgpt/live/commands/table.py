"""The function that executes each command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from glassgpt.errors import ProtocolError
from glassgpt.live import protocol
from glassgpt.live.commands import playing, questions, runs
from glassgpt.live.commands.context import Context

Handler: TypeAlias = Callable[[Context, Any], Awaitable[None]]

HANDLERS: dict[type[protocol.Command], Handler] = {
    protocol.Open: playing.open_run,
    protocol.Play: playing.play,
    protocol.Pause: playing.pause,
    protocol.Pace: playing.pace,
    protocol.Seek: playing.seek,
    protocol.Sample: playing.sample,
    protocol.Watch: playing.watch,
    protocol.Start: runs.start,
    protocol.Load: runs.load,
    protocol.Consider: runs.consider,
    protocol.Tune: runs.change,
    protocol.Edit: runs.change,
    protocol.Ablate: runs.change,
    protocol.StopAblating: runs.change,
    protocol.Undo: runs.undo,
    protocol.Redo: runs.redo,
    protocol.Choose: runs.choose,
    protocol.Drop: runs.drop,
    protocol.Compare: runs.compare,
    protocol.Explain: questions.explain,
    protocol.Spell: questions.spell,
    protocol.Enter: questions.enter,
    protocol.Tokenize: questions.tokenize,
    protocol.Read: questions.read,
    protocol.Save: questions.save,
    protocol.Preview: questions.preview,
    protocol.Band: questions.band,
    protocol.Attribute: questions.attribute,
    protocol.Verify: questions.verify,
}


async def follow(context: Context, command: protocol.Command) -> None:
    """Execute a command; raises `GlassError` if that is not possible."""
    handler = HANDLERS.get(type(command))
    if handler is None:
        raise ProtocolError(f"{type(command).__name__} is not a command for a run")
    await handler(context, command)
