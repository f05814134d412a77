"""A few large shapes, where the scalar engine is too slow, against PyTorch in float64."""

from __future__ import annotations

import os

import numpy as np
import pytest

from glassgpt import Config
from glassgpt.engines.fast import FastEngine
from glassgpt.engines.kernel_binding import instruction_sets
from tests.support import models
from tests.support.tokens import tokens_of

if "GLASSGPT_REQUIRE_ALL" not in os.environ:
    pytest.importorskip("torch", reason="PyTorch is not installed")

# fmt: off
LARGE = {  # vocabulary, tokens
    "wide and long":   (Config(n_embd=256, n_head=8, block_size=256), 100, 257),
    "deep":            (Config(n_layer=12, n_embd=256, n_head=4, block_size=32), 27, 33),
    "many tokens":     (Config(n_embd=64, n_head=4, block_size=64), 5_000, 65),
    "odd":             (Config(n_layer=3, n_embd=105, n_head=7, block_size=129), 301, 130),
}
# fmt: on


@pytest.mark.parametrize("isa", instruction_sets())
@pytest.mark.parametrize("shape", LARGE.values(), ids=LARGE.keys())
def test_large_shapes_agree_with_pytorch(isa: str, shape: tuple[Config, int, int]) -> None:
    from tests.engines import torch_model

    config, vocab_size, length = shape
    state = models.random_state(config, vocab_size)
    engine = FastEngine(config, vocab_size, isa)
    engine.load(state)
    tokens = tokens_of(vocab_size, length)
    values = engine.forward(tokens)
    loss, gradients = torch_model.loss_and_gradients(config, state.params, tokens)
    assert values["loss"][()] == pytest.approx(loss, abs=1e-11)
    for name, ours in engine.backward().params.items():
        theirs = gradients[name]
        worst = np.abs(np.asarray(ours) - theirs).max()
        assert worst <= 1e-10 * np.abs(theirs).max(), name
