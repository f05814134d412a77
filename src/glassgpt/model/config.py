"""The settings of a run: their defaults, bounds, help and whether they may change during the run.

They are defined here only. The command line, the page, the link and the reference page derive from
these fields, and all of them refuse a value outside its bounds with the error raised here.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, TypeAlias, cast

from glassgpt.errors import ConfigError, shorten
from glassgpt.model.read_only import read_only

Scalar: TypeAlias = int | float | str
_FITTING: dict[type, type] = {int: Integral, float: Real, str: str}  # NumPy's numbers too


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a settings class, described.

    `low` and `high` are inclusive bounds of a number, or of a text's length. A `live` setting may
    change during a run; any other needs a new model. `option` is its name on the command line
    if that is not the field's name.
    """

    name: str
    default: Scalar
    help: str
    low: float
    high: float
    live: bool
    option: str

    def check(self, value: Any) -> Scalar:
        """Return `value` as this setting's own type; raise `ConfigError` if it is not valid."""
        kind = type(self.default)
        fits = isinstance(value, _FITTING[kind])
        if not fits or isinstance(value, bool):
            raise self._refused(
                value, {int: "a whole number", float: "a number", str: "text"}[kind]
            )
        if isinstance(value, str):
            if not self.low <= len(value) <= self.high:
                raise self._refused(value, f"text of at most {self.high:g} characters")
            return value
        if not self.low <= value <= self.high:  # NaN fails here too
            raise self._refused(value, f"between {_plain(self.low)} and {_plain(self.high)}")
        return kind(value)

    def _refused(self, value: object, wanted: str) -> ConfigError:
        return ConfigError(
            f"{self.option} is {shorten(repr(value))}, but must be {wanted}",
            f"{self.help}; if in doubt, use {self.default!r}",
        )


def _plain(number: float) -> str:
    return f"{number:,.0f}" if number >= 1000 else f"{number:g}"


def _setting(
    default: Scalar, help: str, low: float, high: float, *, live: bool = False, option: str = ""
) -> Any:
    return dataclasses.field(
        default=default,
        metadata={"help": help, "low": low, "high": high, "live": live, "option": option},
    )


def settings(owner: type[Config] | type[Sampling]) -> tuple[Setting, ...]:
    """Return the settings of `Config` or `Sampling` in the order of their fields."""
    return tuple(
        Setting(
            name=field.name,
            default=cast(Scalar, field.default),
            **{**field.metadata, "option": field.metadata["option"] or field.name},
        )
        for field in dataclasses.fields(owner)
    )


def _check_all(owner: Config | Sampling) -> None:
    for setting in settings(type(owner)):
        value = setting.check(getattr(owner, setting.name))
        object.__setattr__(owner, setting.name, value)  # 1 becomes 1.0 where a float belongs


# fmt: off
@read_only("dataclasses.replace(config, n_embd=32) makes another")
@dataclass(frozen=True, slots=True)
class Config:
    """The settings that, with the documents, determine a run. The defaults are microgpt's."""

    n_layer: int = _setting(1, "number of layers, each an attention and an MLP", 1, 64)
    n_embd: int = _setting(16, "embedding size: channels (numbers) of a position", 1, 1024)
    n_head: int = _setting(4, "attention heads in a layer; must divide n_embd", 1, 64)
    block_size: int = _setting(16, "context length: positions that the model can see", 1, 1024)
    num_steps: int = _setting(1000, "training steps, one document each", 1, 10_000_000,
                              option="steps")
    learning_rate: float = _setting(0.01, "Adam's initial step size; it decays linearly to 0",
                                    0, 10, live=True)
    beta1: float = _setting(0.85, "decay rate of Adam's mean of the gradient",
                            0, 0.9999, live=True)
    beta2: float = _setting(0.99, "decay rate of Adam's mean of the squared gradient",
                            0, 0.999999, live=True)
    eps: float = _setting(1e-8, "added to Adam's divisor, so that it is not zero", 1e-15, 1,
                          live=True)
    init_std: float = _setting(0.08, "standard deviation of the initial weights", 0, 10)
    seed: int = _setting(42, "seed of the random stream: shuffle, initial weights, samples",
                         0, 2**32 - 1)

    def __post_init__(self) -> None:
        _check_all(self)
        if self.n_embd % self.n_head:
            fitting = self.n_head * max(1, self.n_embd // self.n_head)
            raise ConfigError(
                f"n_embd is {self.n_embd}, but must be a multiple of n_head, which is "
                f"{self.n_head}",
                f"choose another n_embd, for instance {fitting}",
            )

    @property
    def head_dim(self) -> int:
        """Channels of one head, D = C / H."""
        return self.n_embd // self.n_head

    @property
    def n_hidden(self) -> int:
        """Hidden units of the MLP, F = 4 C."""
        return 4 * self.n_embd


@read_only("dataclasses.replace(sampling, temperature=1) makes another")
@dataclass(frozen=True, slots=True)
class Sampling:
    """How text is drawn from a trained model."""

    temperature: float = _setting(0.5, "below 1 likely tokens become likelier, above 1 less so; "
                                  "0 always takes the most likely (of equals, the lowest id)",
                                  0, 100, live=True)
    num_samples: int = _setting(20, "how many texts to draw", 0, 100_000, live=True,
                                option="samples")
    prefix: str = _setting("", "the text that every sample begins with", 0, 1024, live=True)

    def __post_init__(self) -> None:
        _check_all(self)
# fmt: on


@dataclass(frozen=True, slots=True)
class Hyper:
    """The settings of one Adam update: the rate of this step, and `step` counted from 1."""

    step: int
    learning_rate: float
    beta1: float
    beta2: float
    eps: float


def hyper(config: Config, step: int) -> Hyper:
    """Return the settings of the update that follows `step` done updates.

    The rate decays linearly, learning_rate · (1 − step / num_steps), and is never negative.
    """
    rate = config.learning_rate * max(0.0, 1 - step / config.num_steps)
    assert math.isfinite(rate), f"learning rate {rate} at step {step}"
    return Hyper(step + 1, rate, config.beta1, config.beta2, config.eps)
