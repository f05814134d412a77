"""Attribution: every change of a probability, measured by taking the steps again."""

from __future__ import annotations

import math

import pytest

from glassgpt import Config, Session
from glassgpt.analysis.attribution import Attribution
from glassgpt.arrays import numbers
from glassgpt.engines import default_engine
from glassgpt.errors import ConfigError
from glassgpt.model.sampling import probabilities
from glassgpt.training.history import History
from glassgpt.training.interventions import Ablate, Edit, Intervention

DOCUMENTS = ["ab", "ba", "abba", "baab", "aab"]
SMALL = Config(n_embd=4, n_head=2, block_size=4, num_steps=40)
RECIPE = (
    Intervention(5, Ablate("head", 0, 1, hold=True)),
    Intervention(12, Edit("lm_head", 1, 2, 2.0)),
)


def lived(engine: str, steps: int) -> History:
    history = History(Session(SMALL, DOCUMENTS, engine=engine))
    history = history.forked(history.first, RECIPE)
    history.advance(steps)
    return history


@pytest.mark.parametrize("engine", sorted({"scalar", default_engine()[0]}))
def test_the_curve_is_log_p_at_every_position(engine: str) -> None:
    history = lived(engine, 20)
    context = [2, 0, 1]
    attribution = Attribution(history, context, 1)
    while not attribution.done:
        attribution.go_on(0.0)
    for step in (0, 4, 5, 12, 20):
        history.approach(step)
        history.advance(step - history.session.step)
        p = probabilities(numbers(history.session.engine.logits(context)), 1.0)[1]
        assert attribution.curve[step] == pytest.approx(math.log(p), abs=1e-12)


def test_the_moves_sum_to_what_was_learned_and_interventions_are_among_them() -> None:
    attribution = Attribution(lived("", 20), [2, 0, 1], 1)
    attribution.go_on()
    learned = attribution.curve[-1] - attribution.curve[0]
    assert math.fsum(move.change for move in attribution._moves) == pytest.approx(
        learned, abs=1e-12
    )
    top = attribution.top()
    sizes = [abs(move.change) for move in top]
    assert sizes == sorted(sizes, reverse=True)
    assert "lm_head[1,2] set to 2" in [move.words for move in top]
    step = next(move for move in top if not move.words)
    assert step.document == lived("", 0).session.document(step.step - 1)


def test_attribution_does_not_change_the_run() -> None:
    history = lived("", 20)
    Attribution(history, [2, 0], 1).go_on()
    history.advance(5)
    assert list(history.losses) == list(lived("", 25).losses)


@pytest.mark.parametrize(("context", "token"), [([], 1), ([0] * 5, 1), ([0], 9), ([-1], 1)])
def test_what_the_model_cannot_see_is_refused(context: list[int], token: int) -> None:
    with pytest.raises(ConfigError):
        Attribution(lived("", 3), context, token)
