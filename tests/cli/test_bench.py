"""`glassgpt bench`: the arithmetic it counts, and the figures it prints."""

from __future__ import annotations

import json

import pytest

from glassgpt import Config, builtin_names
from glassgpt.analysis import benchmark as bench
from tests.support.command import glassgpt


def test_operations_grow_as_the_products_do() -> None:
    # one position, one layer: q, k, v, o (4·C·C), fc1 and fc2 (8·C·C), lm_head (V·C); attention
    # looks at itself (2·C twice); each three times, and twelve for Adam and each weight
    C, V = 16, 27
    products = 2 * (12 * C * C + V * C) + 4 * C
    wanted = 3 * products + 12 * 4_192
    assert bench.operations(Config(), V, 1) == wanted


def test_documents_fill_the_context() -> None:
    assert {len(document) for document in bench.full_documents(33)} == {33}


def test_the_fast_engine_differs_from_the_scalar_one_by_rounding_only() -> None:
    assert bench.largest_difference("fast", Config(), builtin_names(), 5) <= 1e-12


@pytest.mark.slow
def test_bench_prints_engines_and_growth() -> None:
    facts = json.loads(glassgpt("bench", "--json")[0])
    engines = {entry["engine"]: entry for entry in facts["engines"]}
    assert engines["fast"]["us_per_step"] < engines["scalar"]["us_per_step"] / 100
    assert engines["fast"]["largest_loss_difference"] <= 1e-12
    assert 0 < engines["fast"]["share_of_peak"] < 1
    assert len(facts["scaling"]) == len(bench.SCALING)
