"""Sweeps: many runs over a grid of settings, on all cores.

`train(config, documents)` trains one run and returns its figures, in this process, without
output. `run_all` calls it for many settings in separate processes.
"""

from __future__ import annotations

import itertools
import math
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from functools import partial

from glassgpt.analysis.baselines import seen_count, validation_documents, validation_loss
from glassgpt.analysis.workers import Lost, call_all
from glassgpt.errors import ConfigError, DivergenceError
from glassgpt.model.config import Config, Scalar, Setting, settings
from glassgpt.training.session import Session

_WHOLE_NUMBERS = re.compile(r"(?<![^,])(\d+),(\d+)(?![^,])")  # side by side: a decimal comma?
LAST = 100  # steps that the training loss is the mean of


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one run.

    `loss` is the mean of the last hundred training losses. The documents of `validation_loss` are
    `unseen` if the run has trained on none of their texts. Both losses are NaN if the run diverged;
    `stopped` is then the reason.
    """

    config: Config
    loss: float
    validation_loss: float
    unseen: bool
    seconds: float
    engine: str
    stopped: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the result as plain JSON, NaN as null."""
        facts = asdict(self)
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in facts.items()}

    @classmethod
    def from_json(cls, facts: Mapping[str, object]) -> Result:
        """Return the result that `to_json` gave; raises `KeyError` or `TypeError` otherwise."""
        known = {field.name: facts[field.name] for field in fields(cls)}
        known = {k: math.nan if v is None else v for k, v in known.items()}
        config = known.pop("config")
        if not isinstance(config, dict):
            raise TypeError("no config")
        return cls(config=Config(**config), **known)  # type: ignore[arg-type]


def train(config: Config, documents: Sequence[str], engine: str = "") -> Result:
    """Train one model from its first step to its last and return its figures."""
    began = time.perf_counter()
    session = Session(config, documents, engine=engine)
    losses: Sequence[float] = ()
    held, stopped = math.nan, ""
    try:
        losses = session.run().losses[-LAST:]
        held = validation_loss(
            session.engine, session.token_lists(validation_documents(session.documents))
        )
    except DivergenceError as error:
        losses, stopped = (), error.what
    return Result(
        config=config,
        loss=math.fsum(losses) / len(losses) if losses else math.nan,
        validation_loss=held,
        unseen=not seen_count(session.documents, session.step),
        seconds=time.perf_counter() - began,
        engine=session.engine.name,
        stopped=stopped,
    )


def grid(base: Config, values: Mapping[str, Sequence[Scalar]], seeds: int = 1) -> list[Config]:
    """Return `base` with every combination of the values by setting, each with `seeds` seeds."""
    _check_seeds(base.seed, seeds, listed="seed" in values)
    points = [
        dict(zip(values, combination, strict=True))
        for combination in itertools.product(*values.values())
    ]
    return [
        replace(base, **{"seed": base.seed + i, **point})  # type: ignore[arg-type]
        for point in points
        for i in range(1 if "seed" in values else seeds)
    ]


def size(values: Mapping[str, Sequence[Scalar]], seeds: int = 1) -> int:
    """Return how many runs `grid` would make, without making them."""
    return math.prod(map(len, values.values())) * (1 if "seed" in values else seeds)


def estimate(config: Config, documents: Sequence[str], engine: str, part: int = 20) -> float:
    """Return about how many seconds `train` takes: its set-up, its steps and its evaluation.

    Of the steps and of the validation documents only `part` are computed.
    """
    began = time.perf_counter()
    session = Session(config, documents, engine=engine)
    held = session.token_lists(validation_documents(session.documents))
    seen_count(session.documents, config.num_steps)
    once = time.perf_counter() - began
    steps, some = min(part, config.num_steps), min(part, len(held))
    training = _seconds(lambda: session.run(steps)) / steps * config.num_steps
    testing = (
        _seconds(lambda: validation_loss(session.engine, held.part(0, some))) / some * len(held)
    )
    return once + training + testing


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    with suppress(DivergenceError):
        work()
    return time.perf_counter() - began


def _check_seeds(first: int, seeds: int, *, listed: bool) -> None:
    """Raise `ConfigError` unless `seeds` seeds from `first` on are valid."""
    most = next(int(setting.high) for setting in settings(Config) if setting.name == "seed")
    if seeds < 1:
        raise ConfigError(
            f"seeds is {seeds}, but must be 1 or more",
            "give --seeds the number of runs of each point; 1 is usual",
        )
    if listed and seeds > 1:
        raise ConfigError(
            f"the grid lists the seeds, so --seeds {seeds} cannot be given too",
            "leave out --seeds, or seed=… in --grid",
        )
    if first + seeds - 1 > most:
        raise ConfigError(
            f"{seeds:,} seeds from {first} on exceed the largest seed, {most}",
            f"give --seed {max(0, most - seeds + 1)} or a smaller one",
        )


def parse_axis(text: str) -> tuple[str, list[Scalar]]:
    """Return the setting and the values in `name=value,value,…`."""
    name, equals, listed = text.partition("=")
    by_name = {setting.name: setting for setting in settings(Config)}
    by_name |= {setting.option: setting for setting in settings(Config)}
    setting = by_name.get(name.strip().replace("-", "_"))
    if setting is None:
        raise ConfigError(
            f"{name!r} is not a setting",
            f"a setting is one of: {', '.join(s.name for s in settings(Config))}",
        )
    example = f"write for instance {setting.name}={_two_values(setting)}"
    if not equals or not listed:
        raise ConfigError(f"{setting.name} has no value", example)
    kind = type(setting.default)
    if kind is float and (two := _WHOLE_NUMBERS.search(listed)):
        raise ConfigError(
            f"{two[1]},{two[2]} may be one number or two",
            f"write {two[1]}.{two[2]} for one number; for two, {float(two[1])},{float(two[2])}",
        )
    values = []
    for value in listed.split(","):
        try:
            values.append(setting.check(kind(value)))
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            raise ConfigError(f"{setting.name}={value!r} is not {what}", example) from None
    return setting.name, values


def _two_values(setting: Setting) -> str:
    """Return two values that a grid may list: the default and its double."""
    assert not isinstance(setting.default, str)
    return f"{setting.default:g},{min(2 * setting.default, setting.high):g}"


def parse_grid(axes: Sequence[str]) -> dict[str, list[Scalar]]:
    """Return the values of several `name=value,…` by setting, each setting once."""
    values: dict[str, list[Scalar]] = {}
    for name, listed in map(parse_axis, axes):
        twice = next((value for value in listed if listed.count(value) > 1), None)
        if name in values or twice is not None:
            raise ConfigError(
                f"the grid gives {name}{'' if twice is None else f'={twice}'} twice",
                f"list each value once, all of them in one --grid {name}=…,…",
            )
        values[name] = listed
    return values


def run_all(
    configs: Sequence[Config], documents: Sequence[str], *, engine: str = "", jobs: int = 0
) -> Iterator[Result | Lost[Config]]:
    """Yield the result of each run as it is done, `jobs` at a time (all cores, if 0).

    A run whose process is killed is tried once more; `Lost` stands for one that is killed twice.
    Closing the iterator, or Ctrl-C, ends the runs that are not done.
    """
    function = partial(train, documents=documents, engine=engine)
    yield from call_all(function, configs, jobs or os.cpu_count() or 1)
