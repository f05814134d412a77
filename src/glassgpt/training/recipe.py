"""The recipe of a run: one value that determines every number of it.

A checkpoint, a link and a saved script contain this value, so each reproduces the same run. The
state at a step follows from the recipe; it is stored only to save time.
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

    `data_sha256` is empty if the documents are the built-in names or are included. `cut` is the
    segmentation of the text: by lines if empty, or one of `segmentation.WAYS`. `assumed` marks the
    incomplete recipe of an older checkpoint; `doubt` states what is missing.
    """

    config: Config = field(default_factory=Config)
    data_name: str = BUILTIN
    data_sha256: str = ""
    cut: str = ""
    interventions: Interventions = ()
    assumed: bool = False

    @property
    def doubt(self) -> str:
        """What the recipe does not contain, as a sentence; "" if it is complete."""
        if not self.assumed:
            return ""
        return (
            "this checkpoint has an older format without the settings at step 0; its earlier "
            "steps and its link assume that the settings were never changed"
        )

    def config_at(self, step: float = math.inf) -> Config:
        """Return the settings at `step`, or at the end of the run."""
        return config_at(self.config, self.interventions, step)

    def next_after(self, step: int) -> float:
        """Return the step of the first change after `step`, infinity if there is none."""
        return min((done.step for done in self.interventions if done.step > step), default=math.inf)

    def with_more(self, *more: Intervention) -> Recipe:
        """Return the recipe with further changes."""
        return replace(self, interventions=(*self.interventions, *more))

    def check(self, vocab_size: int) -> None:
        """Raise `ConfigError` unless it is valid for a vocabulary of this size."""
        check(self.interventions, self.config, vocab_size)
