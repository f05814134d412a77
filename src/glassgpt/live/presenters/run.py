"""A run and its position, as events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from glassgpt.analysis.baselines import validation_documents
from glassgpt.arrays import array
from glassgpt.engines import ENGINES, default_engine, unavailable
from glassgpt.errors import DivergenceError
from glassgpt.live import protocol
from glassgpt.live.presenters import Told
from glassgpt.live.workspace import Workspace
from glassgpt.model import parameters as params
from glassgpt.model.activations import sites
from glassgpt.model.config import Config, Sampling, Setting, hyper, settings
from glassgpt.training.branches import MAX_BRANCHES, Branch
from glassgpt.training.history import History
from glassgpt.training.interventions import ablated
from glassgpt.training.link import Experiment, carried, write_link
from glassgpt.training.recipe_text import write

POINTS = 101  # of the learning rate's schedule


def hello(workspace: Workspace, run: str, pace: float) -> protocol.Hello:
    """Return the whole run."""
    session, history = workspace.session, workspace.history
    config, size = session.config, session.tokenizer.vocab_size
    lengths = sorted(len(document) + 1 for document in session.documents)
    context = config.block_size
    return protocol.Hello(
        version=protocol.VERSION,
        run=run,
        engine=protocol.EngineFacts(session.engine.name, session.engine.instruction_set),
        engines=[name for name in ENGINES if not unavailable(name)],
        settings=[_setting_facts(setting) for setting in settings(Config)],
        sampling_settings=[_setting_facts(setting) for setting in settings(Sampling)],
        config=asdict(history.config),
        sampling=asdict(workspace.sampling),
        sample_seed=workspace.sample_seed,
        sites=[
            protocol.SiteFacts(s.name, list(s.axes), s.op, list(s.inputs), s.sentence, s.weight)
            for s in sites(config)
        ],
        params=[
            protocol.ParamFacts(name, list(shape))
            for name, shape in params.shapes(config, size).items()
        ],
        parameters=params.count(config, size),
        characters=list(session.tokenizer.characters),
        data_name=session.recipe.data_name,
        data_sha256=session.recipe.data_sha256,
        documents=len(session.documents),
        validation_from=len(session.documents) - len(validation_documents(session.documents)),
        longest=min(context, lengths[-1]),
        typical=min(context, lengths[int(0.98 * (len(lengths) - 1))]),
        clipped=sum(length > context for length in lengths),
        begin=history.begin,
        reached=history.reached,
        pace=pace,
        schedule=_schedule(history),
        link=link(workspace),
        notice=workspace.notice,
        pending_link=None
        if workspace.pending_link is None
        else _pending_link(workspace.pending_link),
    )


def settings_of(workspace: Workspace) -> protocol.Settings:
    """Return the settings as they are after a change."""
    history = workspace.history
    return protocol.Settings(asdict(history.config), _schedule(history), link(workspace))


def link(workspace: Workspace) -> str:
    """Return the link of the run without its position, which the page adds."""
    engine = workspace.session.engine.name
    return write_link(
        Experiment(
            recipe=workspace.history.recipe,
            sampling=workspace.sampling,
            sample_seed=workspace.sample_seed,
            engine="" if engine == default_engine()[0] else engine,
            documents=carried(workspace.tools.source.documents),
        )
    )


def frame(
    workspace: Workspace,
    arrays: Sequence[str],
    first: int,
    *,
    playing: bool,
    busy: bool,
    pace: float,
    speed: float,
) -> Told:
    """Return the run at its position: these arrays, and the losses from index `first` on."""
    history, session = workspace.history, workspace.session
    document, tokens = workspace.passed()
    state = session.engine.state()
    seen = {
        **_curves(history, first),
        **workspace.tools.probe.look(arrays, state, history.before, tokens),
    }
    event = protocol.Frame(
        step=session.step,
        reached=history.reached,
        playing=playing,
        busy=busy,
        pace=pace,
        speed=speed,
        rate=hyper(session.config, session.step).learning_rate,
        document=document,
        tokens=tokens,
        watching=workspace.document is not None,
        first=first,
        arrays=protocol.heads(seen),
    )
    return event, list(seen.values())


def stopped(step: int, error: DivergenceError) -> protocol.Stopped:
    """Return why training stopped before its next step."""
    return protocol.Stopped(step, error.what, error.hint, error.site, list(error.index))


def branches(workspace: Workspace) -> protocol.Branches:
    """Return all branches."""
    tree, compared = workspace.branches, workspace.compared_branch
    return protocol.Branches(
        current=tree.current.number,
        compared=None if compared is None else compared.number,
        undo=tree.current.parent is not None,
        redo=tree.can_redo,
        most=MAX_BRANCHES,
        branches=[_branch_facts(branch) for branch in tree],
    )


def curve(branch: Branch) -> Told:
    """Return the losses of a branch from its fork on."""
    history = branch.history
    first = min(max(branch.fork, history.begin), history.reached)
    own = history.losses[first:]
    arrays = {"losses": array(own, (len(own),))} if own else {}
    return protocol.Curve(branch.number, first, protocol.heads(arrays)), list(arrays.values())


def _curves(history: History, first: int) -> dict[str, memoryview[Any]]:
    count = history.reached - first
    if not count:
        return {}
    new = slice(first, history.reached)
    return {
        "losses": array(history.losses[new], (count,)),
        "rates": array(history.rates[new], (count,)),
    }


def _schedule(history: History) -> list[float]:
    """Return the learning rate at evenly spaced positions, from the first to the last."""
    places = [round(i * history.config.num_steps / (POINTS - 1)) for i in range(POINTS)]
    configs = (history.recipe.config_at(place) for place in places)
    return [hyper(c, place).learning_rate for c, place in zip(configs, places, strict=True)]


def _branch_facts(branch: Branch) -> protocol.BranchFacts:
    history = branch.history
    return protocol.BranchFacts(
        number=branch.number,
        parent=branch.parent,
        run=branch.run,
        fork=branch.fork,
        words=[f"{done.change.words()} at step {done.step}" for done in branch.changes],
        changes=write(branch.changes),
        ablated=[ablation.name for ablation in ablated(history.recipe.interventions)],
        config=asdict(history.config),
        data_name=history.recipe.data_name,
        engine=history.session.engine.name,
    )


def _setting_facts(setting: Setting) -> protocol.SettingFacts:
    return protocol.SettingFacts(**asdict(setting), type=type(setting.default).__name__)


def _pending_link(asked: Experiment) -> protocol.PendingLink:
    recipe = asked.recipe
    return protocol.PendingLink(
        config=asdict(recipe.config),
        engine=asked.engine,
        sampling=asdict(asked.sampling),
        sample_seed=asked.sample_seed,
        step=asked.step,
        data_name=recipe.data_name,
        data_sha256=recipe.data_sha256,
        cut=recipe.cut,
        do=write(recipe.interventions),
    )
