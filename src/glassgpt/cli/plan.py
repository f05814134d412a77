"""The plan of `glassgpt train`: a run, its last step, its changes, and the samples to draw."""

from __future__ import annotations

from dataclasses import dataclass, replace

import click

from glassgpt.cli.documents import Data, data_of
from glassgpt.cli.options import chosen_engine, given, option_of
from glassgpt.data.documents import split_documents
from glassgpt.errors import ConfigError, DataError
from glassgpt.model.config import Config, Sampling
from glassgpt.model.sampling import check_room
from glassgpt.training.link import Experiment, read_link
from glassgpt.training.recipe import Recipe
from glassgpt.training.session import Session

# what only the page reads of a link: web/src/state/link.ts
OF_THE_PAGE = ("at", "show", "watch", "hide", "ask", "story", "view")


@dataclass(frozen=True, slots=True)
class Plan:
    """Train `session` to step `end` by its whole `recipe`, then draw samples."""

    session: Session
    recipe: Recipe
    end: int
    sampling: Sampling
    draw_seed: int | None = None

    def __post_init__(self) -> None:
        """Raise the error of an invalid prefix before training instead of after it."""
        prefix = self.session.tokenizer.encode(self.sampling.prefix)
        check_room(prefix, self.session.config.block_size)

    @classmethod
    def to_the_end(cls, session: Session, sampling: Sampling) -> Plan:
        """Return the plan of all steps that are left."""
        return cls(session, session.recipe, session.config.num_steps, sampling)

    def until_change(self) -> int:
        """Return how many steps are left until the end or the next change."""
        step = self.session.step
        return int(min(self.end, self.recipe.next_after(step))) - step

    def undone(self) -> str:
        """Return the changes still to come as a phrase, "" if there are none."""
        done = len(self.session.recipe.interventions)
        return ", ".join(
            f"{later.change.words()} at step {later.step}"
            for later in self.recipe.interventions[done:]
            if later.step <= self.end
        )


def plan_of_link(
    context: click.Context, link: str, data: str | None, way: str | None, engine: str | None
) -> Plan:
    """Return the plan of the run that a link names, on its documents or those of the file `data`.

    Typed options of the samples override those of the link. Raises `ConfigError` if the link has
    no run, or if settings of the run were typed too.
    """
    asked = read_link(link)
    if unknown := [name for name in asked.others if name not in OF_THE_PAGE]:
        raise ConfigError(
            f"the link has {unknown[0][:40]!r}, which is neither a setting nor a part of the page",
            "copy the whole link from the page, or from glassgpt inspect",
        )
    if typed := given(context, Config):
        raise ConfigError(
            "the link has the settings of its run, so "
            f"{', '.join(map(option_of, typed))} cannot be given",
            "leave them out, or leave the link out",
        )
    sampling = replace(asked.sampling, **given(context, Sampling))
    return Plan(
        _begun(asked, data, way, engine), asked.recipe, _end(asked), sampling, asked.sample_seed
    )


def _end(asked: Experiment) -> int:
    """Return the step that a link names, or the last one of its run."""
    last = asked.recipe.config_at().num_steps
    if asked.step is not None and asked.step > last:
        raise ConfigError(
            f"the link has step={asked.step}, but its run ends at step {last:,}",
            "correct the link, or remove its step",
        )
    return last if asked.step is None else asked.step


def _begun(asked: Experiment, data: str | None, way: str | None, engine: str | None) -> Session:
    found = _documents(asked, data, way)
    session = Session(
        asked.recipe.config,
        found.documents,
        engine=chosen_engine(engine or asked.engine),
        data_name=found.name,
        cut=found.cut,
    )
    asked.recipe.check(session.tokenizer.vocab_size)
    return session


def _documents(asked: Experiment, data: str | None, way: str | None) -> Data:
    recipe = asked.recipe
    if not asked.documents:
        return data_of(recipe, data, way)
    if data is not None:
        raise DataError("the link contains its documents", "leave DATA out")
    octets = asked.documents.encode("utf-8-sig")  # a first BOM is not one of the text
    return Data(split_documents(octets, recipe.data_name), recipe.data_name)
