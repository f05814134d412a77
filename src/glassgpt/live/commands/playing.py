"""Commands about the view of a run: its position, its pace, the text and the arrays."""

from __future__ import annotations

from dataclasses import asdict

from glassgpt.live import protocol
from glassgpt.live.bounds import check_sampling
from glassgpt.live.commands.context import Context
from glassgpt.live.new_run import made_of
from glassgpt.model.config import Sampling
from glassgpt.model.sampling import check_draw_seed


async def open_run(context: Context, _: protocol.Open) -> None:
    """Send the run to a page that has connected."""
    await context.hello()


async def play(context: Context, _: protocol.Play) -> None:
    """Start training."""
    context.playback.play()


async def pause(context: Context, _: protocol.Pause) -> None:
    """Pause training."""
    context.playback.pause()


async def pace(context: Context, command: protocol.Pace) -> None:
    """Set how many steps are taken a second."""
    context.playback.set_pace(command.steps_per_second)


async def seek(context: Context, command: protocol.Seek) -> None:
    """Go to a step."""
    await context.playback.seek(command.step)


async def sample(context: Context, command: protocol.Sample) -> None:
    """Set how samples are drawn."""
    workspace = context.workspace
    wanted = made_of(Sampling, {**asdict(workspace.sampling), **command.sampling})
    seed = check_draw_seed(command.seed)
    workspace.sampling, workspace.sample_seed = check_sampling(wanted, workspace.session), seed


async def watch(context: Context, command: protocol.Watch) -> None:
    """Set which arrays are sent, and the text that the model is run on."""
    context.workspace.watch(command.arrays, command.document)
