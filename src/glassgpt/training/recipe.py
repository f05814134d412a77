"""The recipe of a run: one value that decides every number of it.

Checkpoint, link and saved script write this value, and whoever reads it takes the same run again.
The run at a step follows from the recipe: its state is only kept to save the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from glassgpt.data.documents import BUILTIN
from glassgpt.model.config import Config
from glassgpt.model.read_only import read_only
from glassgpt.training.interventions import Intervention, Interventions, check, config_at


@read_only("dataclasses.replace(recipe, config=Config()) makes another")
@dataclass(frozen=True, slots=True)
class Recipe:
    """`config` at step 0, the documents by name and fingerprint, each change with its step.

    `data_sha256` is empty where the documents are the built-in names or come along. `cut` says how
    they were cut out of a text: by its lines if empty, or one of `segmentation.WAYS`. `assumed`
    marks a recipe that an older checkpoint does not hold whole: `doubt` says what is missing.
    """

    config: Config = field(default_factory=Config)
    data_name: str = BUILTIN
    data_sha256: str = ""
    cut: str = ""
    interventions: Interventions = ()
    assumed: bool = False

    @property
    def doubt(self) -> str:
        """What is not known of the run, or nothing."""
        if not self.assumed:
            return ""
        return (
            "this checkpoint is of an older format, which does not hold the settings at step 0: "
            "its earlier steps and its link assume that the settings were never changed"
        )

    def config_at(self, step: float = math.inf) -> Config:
        """Return the settings that hold at `step`, or at the end of the run."""
        return config_at(self.config, self.interventions, step)

    def next_after(self, step: int) -> float:
        """Return the first step after `step` at which something changes, infinity if none does."""
        return min((done.step for done in self.interventions if done.step > step), default=math.inf)

    def with_more(self, *more: Intervention) -> Recipe:
        """Return the recipe with further changes."""
        return replace(self, interventions=(*self.interventions, *more))

    def check(self, vocab_size: int) -> None:
        """Raise `ConfigError` unless a run with so many tokens can follow it."""
        check(self.interventions, self.config, vocab_size)
