"""Commands that change nothing: questions that are answered at once, and requests for jobs."""

from __future__ import annotations

from glassgpt.analysis.attribution import Attribution
from glassgpt.analysis.preview import Band, PreviewRun
from glassgpt.analysis.verify import Verification
from glassgpt.analysis.weight_history import WeightHistory
from glassgpt.errors import ConfigError
from glassgpt.live import protocol
from glassgpt.live.bounds import check_graph, check_model
from glassgpt.live.commands.context import Context
from glassgpt.live.exports import file
from glassgpt.live.new_run import made_of
from glassgpt.live.presenters import answers
from glassgpt.model.address import parse_address
from glassgpt.model.config import Config
from glassgpt.training.recipe import Recipe

MAX_VERIFIED = 1000  # steps of the scalar engine

# -- answered at once


async def explain(context: Context, command: protocol.Explain) -> None:
    """Send the explanation of a number, and request the history of a weight."""
    workspace = context.workspace
    event = await context.compute(lambda: answers.explained(workspace, command.address))
    await context.answer(event)
    if event.explanation is None or event.explanation.update is None:
        return
    where, history = parse_address(command.address), workspace.history
    past = workspace.weight_history
    if past is None or not past.is_of(history, where.name, where.index):
        past = await context.compute(lambda: WeightHistory(history, where.name, where.index))
    workspace.weight_history = past
    workspace.ask("weight history", past, context.command)


async def spell(context: Context, command: protocol.Spell) -> None:
    """Send one sample, draw by draw."""
    told = await context.compute(lambda: answers.spelling(context.workspace, command.index))
    await context.answer(*told)


async def enter(context: Context, command: protocol.Enter) -> None:
    """Send a node of the scalar engine's graph."""
    told = await context.compute(lambda: answers.neighbours(context.workspace, command))
    await context.answer(told)


async def tokenize(context: Context, command: protocol.Tokenize) -> None:
    """Send the tokens of a text."""
    await context.answer(answers.tokens(context.workspace, command.text))


async def read(context: Context, command: protocol.Read) -> None:
    """Send documents."""
    await context.answer(answers.documents(context.workspace, command.first, command.count))


async def save(context: Context, command: protocol.Save) -> None:
    """Send a file."""
    name, kind, octets = await context.compute(lambda: file(context.workspace, command.what))
    await context.answer(*answers.saved(name, kind, octets))


# -- answered by a job


async def preview(context: Context, command: protocol.Preview) -> None:
    """Request a preview: the complete run with other settings on the current documents."""
    workspace, config = context.workspace, made_of(Config, command.config)
    check_model(config, workspace.session.tokenizer.vocab_size)
    documents = workspace.tools.source.documents
    preview = await context.compute(lambda: PreviewRun(Recipe(config), documents))
    workspace.ask("preview", preview, context.command, any_branch=True)


async def band(context: Context, command: protocol.Band) -> None:
    """Request the spread of the run over other seeds; 0 ends it."""
    workspace, documents = context.workspace, context.workspace.tools.source.documents
    workspace.requests.end("seed band", stopped=True)
    if command.seeds:
        recipe = workspace.history.recipe
        made = await context.compute(lambda: Band(recipe, documents, command.seeds))
        workspace.ask("seed band", made, context.command)


async def attribute(context: Context, command: protocol.Attribute) -> None:
    """Request the steps that moved a probability most."""
    workspace, position = context.workspace, command.position
    tokens = workspace.session.tokens(command.document)
    if not 0 <= position < len(tokens) - 1:
        raise ConfigError(
            f"{command.document!r} has no position {position}",
            f"it has {len(tokens) - 1}, counted from 0",
        )
    seen, history = tokens[: position + 1], workspace.history
    attribution = await context.compute(lambda: Attribution(history, seen, command.token))
    workspace.ask("attribution", attribution, context.command)


async def verify(context: Context, command: protocol.Verify) -> None:
    """Request the check of the first steps against the scalar engine; 0 ends it."""
    workspace, history = context.workspace, context.workspace.history
    workspace.requests.end("verification", stopped=True)
    steps = max(0, min(command.steps, MAX_VERIFIED))
    if not steps:
        return
    check_graph(workspace.session.config, workspace.session.tokenizer.vocab_size)
    documents, engine = workspace.tools.source.documents, workspace.session.engine.name
    run = await context.compute(lambda: Verification(history.recipe, documents, engine, steps))
    workspace.ask("verification", run, context.command)
