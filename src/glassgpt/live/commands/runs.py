"""Commands that begin runs and branches, or show another branch."""

from __future__ import annotations

from collections.abc import Callable

from glassgpt.errors import ProtocolError
from glassgpt.live import protocol
from glassgpt.live.commands.context import Context
from glassgpt.live.new_run import NewRun, made_of
from glassgpt.live.presenters import answers, results
from glassgpt.live.presenters import run as present
from glassgpt.model.config import Config
from glassgpt.training import interventions
from glassgpt.training.branches import Branch
from glassgpt.training.checkpoint import load_checkpoint_bytes
from glassgpt.training.recipe_text import read

# -- runs


async def start(context: Context, command: protocol.Start) -> None:
    """Begin a new run, in addition to the others or in their place."""
    workspace = context.workspace
    before, sha256 = workspace.tools.source, workspace.session.recipe.data_sha256
    source = context.sources.wanted(command, context.file, before)
    config, done = made_of(Config, command.config), read(command.do)
    run = NewRun(source, config, command.engine, interventions=done)
    begin = workspace.begin if command.keep else workspace.restart
    await context.compute(lambda: begin(run))
    context.sources.learned(before, sha256)
    await _show_new_run(context)
    if command.play:
        context.playback.play()


async def load(context: Context, command: protocol.Load) -> None:
    """Continue the run of a checkpoint; the existing branches stay."""
    workspace, octets = context.workspace, context.file
    if octets is None:
        raise ProtocolError("no checkpoint came with the command", "choose the file again")
    snapshot = await context.compute(lambda: load_checkpoint_bytes(octets, command.data_name))
    source = await context.compute(lambda: context.sources.of_checkpoint(snapshot, workspace))
    run = NewRun(source, snapshot.config, snapshot=snapshot)
    await context.compute(lambda: workspace.begin(run))
    await _show_new_run(context)


async def consider(context: Context, command: protocol.Consider) -> None:
    """Describe a new run without beginning it."""
    tools, session = context.workspace.tools, context.workspace.session
    source = context.sources.wanted(command, context.file, tools.source)
    text = context.sources.text if command.data == "sent" else None
    await context.answer(
        await context.compute(lambda: answers.considered(source, command.config, text))
    )
    if command.engine == "scalar":
        found = await context.compute(lambda: tools.engine_comparison(session))
        if found is not None:
            await context.answer(results.engines(found))


async def _show_new_run(context: Context) -> None:
    workspace = context.workspace
    workspace.notice, workspace.pending_link = workspace.history.recipe.doubt, None
    await _show_run(context)


async def _show_run(context: Context) -> None:
    context.playback.begin_again()
    context.frames.restart()
    await context.hello()


# -- branches


async def change(
    context: Context,
    command: protocol.Tune | protocol.Edit | protocol.Ablate | protocol.StopAblating,
) -> None:
    """Fork the run at its position by a change."""
    wanted = change_of(command)
    await _turn_to(context, lambda: context.workspace.branches.intervene(wanted))


async def undo(context: Context, _: protocol.Undo) -> None:
    """Return to the branch before the last change, at the same step."""
    step = context.playback.position
    if await _turn_to(context, context.workspace.branches.undo):
        await context.playback.seek(step)


async def redo(context: Context, _: protocol.Redo) -> None:
    """Redo the last undone change, at the same step."""
    step = context.playback.position
    if await _turn_to(context, context.workspace.branches.redo):
        await context.playback.seek(step)


async def choose(context: Context, command: protocol.Choose) -> None:
    """Show another branch, at the same step if it has reached that step."""
    step, branches = context.playback.position, context.workspace.branches
    if await _turn_to(context, lambda: branches.choose(command.branch)):
        await context.playback.seek(min(step, context.workspace.history.reached))


async def drop(context: Context, command: protocol.Drop) -> None:
    """Forget a branch."""
    context.workspace.drop(command.branch)


async def compare(context: Context, command: protocol.Compare) -> None:
    """Compare with another branch."""
    context.workspace.compared = context.workspace.branches[command.branch].number


async def _turn_to(context: Context, turn: Callable[[], Branch]) -> bool:
    """Show the branch that `turn` makes the current one; return whether it is another one."""
    workspace, page = context.workspace, context.page
    before = workspace.branches.current
    after = await context.compute(turn)
    if after is before:
        return False
    workspace.compared = before.number
    if after.run != before.run:
        workspace.fit_choices()
        await _show_run(context)
        return True
    if page is not None:
        page.first = min(page.first, workspace.branches.common(before, after))
    context.playback.restart_clock()
    await context.answer(present.settings_of(workspace))
    return True


def change_of(
    command: protocol.Tune | protocol.Edit | protocol.Ablate | protocol.StopAblating,
) -> interventions.Change:
    """Return the change that a command describes."""
    match command:
        case protocol.Tune(changes):
            return interventions.Tune(tuple(changes.items()))
        case protocol.Edit(param, row, column, value):
            return interventions.Edit(param, row, column, value)
        case protocol.Ablate(part, layer, number, hold):
            return interventions.Ablate(part, layer, number, hold)
        case protocol.StopAblating(part, layer, number):
            return interventions.StopAblating(part, layer, number)
