"""The results of jobs, as events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from glassgpt.analysis.attribution import Attribution
from glassgpt.analysis.baselines import Baselines, seen_count, validation_documents
from glassgpt.analysis.benchmark import EngineComparison
from glassgpt.analysis.comparison import Parting
from glassgpt.analysis.preview import Band, PreviewRun
from glassgpt.analysis.probe import Sampled
from glassgpt.analysis.verify import Verification
from glassgpt.analysis.weight_history import WeightHistory
from glassgpt.arrays import array
from glassgpt.data.nearest import Nearest
from glassgpt.live import protocol
from glassgpt.live.presenters import Told
from glassgpt.live.presenters.run import link
from glassgpt.live.workspace import RunTools, Workspace
from glassgpt.training.branches import Branch
from glassgpt.training.session import Session


def samples(
    workspace: Workspace, branch: Branch, step: int, written: list[protocol.Written]
) -> protocol.Samples:
    """Return the samples of a branch at a position."""
    sampling, seed = workspace.sampling, workspace.sample_seed
    return protocol.Samples(branch.number, step, asdict(sampling), seed, written, link(workspace))


def written(one: Sampled, documents: Nearest, *, look: bool = True) -> protocol.Written:
    """Return a sample, compared with the documents.

    Without `look` the nearest document is left out.
    """
    nearest, distance = documents.of(one.text) if look else ("", 0)
    seen = documents.knows(one.text)
    return protocol.Written(one.text, seen, one.probability, one.ended, nearest, distance)


def baselines(found: Baselines) -> protocol.Baselines:
    """Return the baselines of the documents."""
    return protocol.Baselines(**asdict(found))


def validation_loss(session: Session, tools: RunTools) -> protocol.ValidationLoss:
    """Return the validation loss of a session at its position; needs a validator."""
    loss = tools.validation_loss(session)
    assert tools.validator is not None
    count = len(validation_documents(session.documents))
    seen = seen_count(session.documents, session.step)
    return protocol.ValidationLoss(session.step, loss, count, seen, tools.validator.name)


def engines(found: EngineComparison) -> protocol.EnginesCompared:
    """Return how fast the engines are on this run, and how much they differ."""
    return protocol.EnginesCompared(found.rates, found.steps, found.difference)


def difference(
    here: Branch,
    other: Branch,
    document: str,
    first: int | None,
    parted: tuple[Parting, str],
    losses: list[float],
) -> protocol.Difference:
    """Return how two branches differ: from step index `first` on, and on `document`."""
    parting, problem = parted
    return protocol.Difference(
        branch=other.number,
        step=here.history.session.step,
        other_step=other.history.session.step,
        first_step=None if first is None else first + 1,
        document=document,
        site=parting.site,
        index=list(parting.index),
        largest=parting.largest,
        largest_site=parting.largest_site,
        problem=problem,
        validation_loss=losses,
    )


def preview(run: PreviewRun, first: int, texts: list[protocol.Written], loss: float | None) -> Told:
    """Return a preview run as far as it is computed, its losses from index `first` on."""
    new = run.losses[first:]
    arrays = {"losses": array(new, (len(new),))} if new else {}
    event = protocol.Previewed(
        config=asdict(run.session.config),
        done=run.done,
        first=first,
        taken=len(run.losses),
        written=texts,
        validation_loss=loss,
        seconds=run.seconds,
        stopped=run.stopped,
        arrays=protocol.heads(arrays),
    )
    return event, list(arrays.values())


def seed_band(band: Band) -> Told:
    """Return the spread of the seeds that have finished."""
    names = ("positions", "low", "median", "high")
    columns: tuple[Sequence[float], ...] = (band.positions, *band.spread())
    arrays: dict[str, memoryview[Any]] = {
        name: array(values, (len(values),)) for name, values in zip(names, columns, strict=True)
    }
    event = protocol.SeedBand(band.seeds, band.finished, protocol.heads(arrays))
    return event, list(arrays.values())


def attribution(attribution: Attribution) -> Told:
    """Return which steps moved a probability most, or how far the search has come."""
    curve = array(attribution.curve, (len(attribution.curve),)) if attribution.done else None
    arrays = {} if curve is None else {"curve": curve}
    event = protocol.Attribution(
        context=attribution.context,
        token=attribution.token,
        begin=attribution.begin,
        step=attribution.end,
        taken=len(attribution.curve) - 1,
        done=attribution.done,
        moves=[
            protocol.MoveFacts(move.step, move.document, move.words, move.change)
            for move in attribution.top()
        ]
        if attribution.done
        else [],
        arrays=protocol.heads(arrays),
    )
    return event, list(arrays.values())


def weight_history(past: WeightHistory) -> Told:
    """Return the value of a weight at every position."""
    steps, values = past.told()
    size = (len(values),)
    arrays = {"steps": array(steps, size), "past": array(values, size)}
    address = f"value:{past.name}[{','.join(map(str, past.index))}]"
    event = protocol.WeightHistory(address, past.every, protocol.heads(arrays))
    return event, list(arrays.values())


def verification(run: Verification) -> protocol.Verified:
    """Return how much two engines differ so far."""
    gaps = [protocol.GapFacts(**asdict(gap), holds=gap.holds) for gap in run.gaps]
    running = run.step < run.steps
    return protocol.Verified(run.step, run.steps, running, gaps, run.holds, run.recorded)
