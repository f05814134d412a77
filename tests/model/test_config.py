from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import Config, Sampling
from glassgpt.errors import ConfigError
from glassgpt.model.config import hyper, settings
from glassgpt.training.interventions import extended

ALL = [(owner, setting) for owner in (Config, Sampling) for setting in settings(owner)]


@pytest.mark.parametrize(("owner", "setting"), ALL, ids=lambda x: getattr(x, "name", ""))
def test_every_setting_accepts_its_bounds_and_refuses_values_outside(owner, setting) -> None:
    numeric = not isinstance(setting.default, str)
    kind = type(setting.default)
    inside = [kind(setting.low), kind(setting.high)] if numeric else ["", "a" * int(setting.high)]
    if numeric:
        outside = [setting.low - 1, setting.high * 2 + 1, math.nan, math.inf, "1", None, True]
    else:
        outside = ["a" * (int(setting.high) + 1), 3]
    for value in inside:
        assert setting.check(value) == value
    for value in outside:
        with pytest.raises(ConfigError, match=setting.option):
            owner(**{setting.name: value})


def test_a_refusal_says_the_value_the_bounds_and_what_is_usual() -> None:
    with pytest.raises(ConfigError) as caught:
        Config(block_size=0)
    assert str(caught.value) == (
        "block_size is 0, but must be between 1 and 1,024\n"
        "hint: context length: positions that the model can see; if in doubt, use 16"
    )


def test_a_fraction_of_a_layer_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"n_layer is 1\.5, but must be a whole number"):
        Config(n_layer=1.5)  # type: ignore[arg-type]


def test_heads_must_share_the_channels() -> None:
    with pytest.raises(ConfigError, match=r"multiple of n_head, which is 4.*\nhint: .*instance 16"):
        Config(n_embd=18)


def test_a_whole_number_becomes_a_float_where_one_belongs() -> None:
    assert repr(Config(learning_rate=1).learning_rate) == "1.0"


@given(st.integers(1, 50), st.floats(0, 10))
def test_the_rate_falls_linearly_to_zero_and_never_below(num_steps: int, rate: float) -> None:
    config = Config(num_steps=num_steps, learning_rate=rate)
    rates = [hyper(config, step).learning_rate for step in range(num_steps + 3)]
    assert rates[0] == rate
    assert rates[num_steps:] == [0, 0, 0]
    assert rates == sorted(rates, reverse=True)
    assert rates[:num_steps] == [rate * (1 - s / num_steps) for s in range(num_steps)]


def test_live_settings_and_steps_may_change_and_others_not() -> None:
    live = {setting.name for setting in settings(Config) if setting.live} | {"num_steps"}
    for field in dataclasses.fields(Config):
        value = getattr(Config(), field.name)
        change: dict[str, Any] = {field.name: value / 2 if isinstance(value, float) else value * 2}
        if field.name in live:
            assert extended(Config(), 10, **change) == dataclasses.replace(Config(), **change)
        else:
            with pytest.raises(ConfigError, match=f"{field.name} is .* in this run and cannot"):
                extended(Config(), 10, **change)


def test_a_run_cannot_end_before_where_it_is() -> None:
    with pytest.raises(ConfigError, match=r"already taken 500 steps, so it cannot end after 499"):
        extended(Config(), 500, num_steps=499)
    assert extended(Config(), 500, num_steps=500).num_steps == 500
