"""Validation of a checkpoint's metadata and numbers.

A checksum detects damage, but not a forged file with a new checksum. Each function here returns a
value in its own type, or raises `ValueError` with a sentence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from glassgpt.arrays import Array, numbers
from glassgpt.data.segmentation import WAYS
from glassgpt.engines import INSTRUCTION_SETS_OF
from glassgpt.model.config import Config, Setting, settings
from glassgpt.model.parameters import Block
from glassgpt.training.interventions import Ablate, Edit, Interventions, ablated
from glassgpt.training.recipe import Recipe

MAX_WEIGHT = 1e100  # largest magnitude: training diverges long before

RandomState: TypeAlias = tuple[Any, ...]  # what random.Random.getstate() returns
_WORDS = 624  # 32-bit words of the Mersenne Twister, followed by the number used
_MAX_GAUSS = 9.0  # the largest normal deviate of a 53-bit uniform number is √(106 ln 2) ≈ 8.6


def valid_config(facts: object) -> Config:
    """Return the settings; all must be there, each with its own type."""
    known = {setting.name: setting for setting in settings(Config)}
    if not isinstance(facts, dict) or set(facts) != set(known):
        raise ValueError(f"its settings are not {', '.join(known)}")
    return Config(**{name: _valid_setting(known[name], value) for name, value in facts.items()})


def _valid_setting(setting: Setting, value: object) -> Any:
    if type(value) is not type(setting.default):
        raise ValueError(f"its setting {setting.name} is {value!r}")
    return value


def valid_step(value: object, config: Config) -> int:
    """Return the number of updates taken."""
    if not _is_whole(value, config.num_steps):
        raise ValueError(f"its step is {value!r}, not 0 to {config.num_steps}")
    return value  # type: ignore[return-value]


def valid_vocabulary(value: object) -> str:
    """Return the characters, each once and in order."""
    if not isinstance(value, str) or list(value) != sorted(set(value)):
        raise ValueError("its vocabulary is not a text of distinct characters in order")
    if _has_surrogates(value):
        raise ValueError("its vocabulary holds half of a surrogate pair, not a character")
    return value


def valid_data(name: object, sha256: object, cut: object = "") -> tuple[str, str, str]:
    """Return the name of the documents, their fingerprint, and their segmentation."""
    if not isinstance(name, str) or not name or _has_surrogates(name):
        raise ValueError(f"the name of its data is {name!r}")
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"the fingerprint of its data is {sha256!r}, which is not a SHA-256")
    if not isinstance(cut, str) or cut not in ("", *WAYS):
        raise ValueError(f"its data were cut into {cut!r}")
    return name, sha256, cut


def valid_engine(name: object, instruction_set: object) -> tuple[str, str]:
    """Return the engine that computed the run, and its instruction set."""
    if not isinstance(name, str) or instruction_set not in INSTRUCTION_SETS_OF.get(name, ()):
        raise ValueError(
            f"it was computed by {name!r} ({instruction_set!r}), which is not an engine"
        )
    return name, str(instruction_set)


def valid_random_state(value: Any) -> RandomState:
    """Return a state that is valid for `random.Random.setstate`."""
    match value:
        case [3, [*words], (None | float()) as gauss] if _is_twister(words) and (
            gauss is None or abs(gauss) <= _MAX_GAUSS
        ):
            return 3, tuple(words), gauss
        case _:
            raise ValueError("its random state is not valid for Python's generator")


def _is_twister(words: list[Any]) -> bool:
    fits = len(words) == _WORDS + 1 and all(_is_whole(word, 2**32 - 1) for word in words)
    return fits and words[-1] <= _WORDS and any(words[:-1])


def check_recipe(recipe: Recipe, step: int, config: Config, params: Mapping[str, Array]) -> None:
    """Raise unless the recipe leads to the settings `config` and these weights at `step`."""
    recipe.check(len(params["wte"]))
    done = recipe.interventions
    if done and done[-1].step > step:
        raise ValueError(f"its step is {step}, before its change at step {done[-1].step}")
    if recipe.config_at() != config:
        raise ValueError("its changes do not lead to its current settings")
    for block, value in _set_last(done, step, config).items():
        a = params[block.param]
        rows, columns = range(block.top, block.bottom), range(block.left, block.right)
        if any(a[row, column] != value for row in rows for column in columns):
            raise ValueError(f"{block.param} is not what its changes set it to")


def _set_last(interventions: Interventions, step: int, config: Config) -> dict[Block, float]:
    """Return the cells whose value is known: held at zero, or set at this very step.

    Where changes overlap, only the value after the last is known, so earlier ones are left out.
    """
    found = {ablation.block(config): 0.0 for ablation in ablated(interventions)}
    for done in interventions:
        if done.step == step and isinstance(done.change, Edit | Ablate):
            block = done.change.block(config)
            found = {other: value for other, value in found.items() if not _meet(block, other)}
            found[block] = done.change.value if isinstance(done.change, Edit) else 0.0
    return found


def _meet(a: Block, b: Block) -> bool:
    return (
        a.param == b.param
        and max(a.top, b.top) < min(a.bottom, b.bottom)
        and max(a.left, b.left) < min(a.right, b.right)
    )


def check_numbers(step: int, groups: Iterator[tuple[str, Mapping[str, Array]]]) -> None:
    """Raise `ValueError` for weights and moments that are impossible after `step` updates."""
    for prefix, group in groups:
        for name, a in group.items():
            cells = numbers(a)
            if not all(map(math.isfinite, cells)):
                raise ValueError(f"{prefix}{name} holds a number that is not finite")
            least, most = min(cells), max(cells)
            if not prefix and max(-least, most) > MAX_WEIGHT:
                raise ValueError(f"{name} holds a weight beyond ±{MAX_WEIGHT:g}")
            if prefix == "adam.v." and least < 0:
                raise ValueError(f"{prefix}{name}, a mean of squares, is negative in places")
            if prefix and not step and (least or most):
                raise ValueError(f"{prefix}{name} is not zero before the first step")


def _has_surrogates(text: str) -> bool:
    """Return whether UTF-8 cannot encode it."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def _is_whole(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value <= most
