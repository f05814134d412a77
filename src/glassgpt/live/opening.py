"""Opens the run of a link: uses the valid parts, and states which were left out.

Independent of pages and sockets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from glassgpt.data.documents import BUILTIN, fingerprint, split_documents
from glassgpt.errors import ConfigError, GlassError
from glassgpt.live.bounds import check_sampling
from glassgpt.live.new_run import Source
from glassgpt.live.workspace import Workspace
from glassgpt.model.config import Config, Sampling
from glassgpt.training.link import Experiment, read_leniently
from glassgpt.training.snapshot import Snapshot

TOO_LARGE = (
    "This link's run learned from {name!r}, which is too large to travel in a link. Choose that "
    "file under set-up: the other settings of the link then come with it."
)
MISSING = (
    "This link's run learned from {name!r}, but its text is missing from the link, as if the link "
    "had been cut. Copy the whole link again, or choose that file under set-up: the other settings "
    "of the link then come with it."
)


@dataclass(frozen=True, slots=True)
class Opened:
    """The run of a link, and the position to go to."""

    workspace: Workspace
    step: int | None = None


def is_default(link: str) -> bool:
    """Return whether the run of a link is the default run of the server."""
    return _run_of(read_leniently(link)[0]) == Experiment()


def open_link(
    link: str, source: Source, snapshot: Snapshot | None = None, ready: Workspace | None = None
) -> Opened:
    """Return the run of a link on a server that shows `source`, or the saved run of `snapshot`.

    `ready` is the run of a default link, if it was made before. Raises `GlassError` if not even
    that can be made.
    """
    asked, faults = read_leniently(link)
    if _lacks_data(asked, source):
        workspace = ready or _made(Experiment(), source, snapshot)
        missing = TOO_LARGE if asked.recipe.data_sha256 else MISSING
        notice = missing.format(name=asked.recipe.data_name) + _left_out(faults)
        workspace.notice, workspace.pending_link = notice, asked
        return Opened(workspace)
    workspace, kept, more = _possible(asked, source, snapshot, ready)
    told = [*faults, *more, *_sample_as(kept, workspace), *_check_step(kept, workspace)]
    workspace.notice = f"{workspace.history.recipe.doubt}{_left_out(told)}".lstrip()
    return Opened(workspace, kept.step)


def _run_of(experiment: Experiment) -> Experiment:
    """Return the experiment without the values that are valid for any run."""
    return replace(experiment, step=None, sampling=Sampling(), sample_seed=None, others={})


def _lacks_data(asked: Experiment, source: Source) -> bool:
    recipe = asked.recipe
    if recipe.data_name == BUILTIN and not recipe.data_sha256:
        return False
    return not asked.documents and recipe.data_sha256 != fingerprint(source.documents)


def _possible(
    asked: Experiment, source: Source, snapshot: Snapshot | None, ready: Workspace | None
) -> tuple[Workspace, Experiment, list[GlassError]]:
    """Return the nearest valid run, and why it differs from the one in the link."""
    faults: list[GlassError] = []
    for one in _reduced(asked):
        try:
            if ready is not None and _run_of(one) == Experiment():
                return ready, one, faults[:1]
            return _made(one, source, snapshot), one, faults[:1]
        except GlassError as error:
            faults.append(error)
    raise faults[0]


def _reduced(asked: Experiment) -> Iterator[Experiment]:
    """Yield the experiment, then versions with fewer of the values that may be invalid."""
    unchanged = replace(asked.recipe, interventions=())
    yield asked
    yield replace(asked, engine="")
    yield replace(asked, recipe=unchanged)
    usual = replace(unchanged, config=Config(seed=unchanged.config.seed))
    yield replace(asked, engine="", recipe=usual)
    yield Experiment()


def _made(asked: Experiment, source: Source, snapshot: Snapshot | None) -> Workspace:
    if asked.documents:
        octets = asked.documents.encode("utf-8-sig")  # a first BOM is not one of the text
        source = Source(
            asked.recipe.data_name, tuple(split_documents(octets, asked.recipe.data_name))
        )
    if snapshot is not None and _run_of(asked) == Experiment():
        return Workspace(source, snapshot.config, snapshot=snapshot)
    recipe = asked.recipe
    return Workspace(source, recipe.config, asked.engine, interventions=recipe.interventions)


def _sample_as(asked: Experiment, workspace: Workspace) -> list[GlassError]:
    """Set the sampling of the link, without its prefix or count if that is not valid."""
    asks, usual = asked.sampling, Sampling()
    workspace.sample_seed = asked.sample_seed
    faults: list[GlassError] = []
    for sampling in (
        asks,
        replace(asks, prefix=usual.prefix),
        replace(asks, num_samples=usual.num_samples),
        replace(usual, temperature=asks.temperature),
    ):
        try:
            workspace.sampling = check_sampling(sampling, workspace.session)
            break
        except GlassError as error:
            faults.append(error)
    return faults[:1]


def _check_step(asked: Experiment, workspace: Workspace) -> list[GlassError]:
    last = workspace.history.config.num_steps
    if asked.step is None or asked.step <= last:
        return []
    return [ConfigError(f"the link has step={asked.step}, but its run ends at step {last:,}")]


def _left_out(faults: Iterable[GlassError]) -> str:
    told = [f"{error.what}{f' ({error.hint})' if error.hint else ''}" for error in faults]
    if not told:
        return ""
    return (
        f" Not all of the link could be used: {'; '.join(told)}. The rest of it applies, and the "
        "address stays as it is until you change something."
    )
