"""How a link becomes a run: valid values are used, invalid ones are named."""

from __future__ import annotations

from dataclasses import asdict, replace
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import Config, Sampling
from glassgpt.data.documents import BUILTIN
from glassgpt.errors import ConfigError
from glassgpt.live.new_run import Source
from glassgpt.live.opening import is_default, open_link
from glassgpt.live.presenters.run import link
from glassgpt.training.link import Experiment, read_leniently, read_link, write_link
from glassgpt.training.recipe import Recipe
from glassgpt.training.recipe_text import write
from tests.support.models import configs

SOURCE = Source("tiny", ("ab", "ba", "abba", "baab", "aab"))
GOOD = (
    "n_embd=8&n_head=2&block_size=4&num_steps=40&seed=7&temperature=0.7&draw=3&step=6"
    "&do=4:wte[0,0]=0.5"
)
# a bad value, and the part of the link that the notice must name
BAD = {
    "seed=x": "seed",
    "learning_rate=0,03": "learning_rate",
    "n_layer=0": "n_layer",
    "n_embd=9": "n_embd",
    "n_head=3": "n_head",
    "temperature=-1": "temperature",
    "num_samples=1000": "samples",
    "prefix=z": "'z'",
    "draw=-3": "draw",
    "step=2.5": "step",
    "step=41": "ends at step 40",
    "engine=steam": "steam",
    "do=4:wte[0,0": "do=",
    "do=4:wte[99,0]=1": "wte",
    "n_embd=1024&n_layer=64": "parameters",
}


def opened(link: str) -> tuple[dict[str, object], str]:
    """Return the run opened by a link, key by key as in a link, and its notice."""
    found = open_link(link, SOURCE)
    workspace = found.workspace
    recipe = replace(workspace.history.recipe, data_name=BUILTIN)
    said = Experiment(recipe, workspace.sampling, workspace.sample_seed, step=found.step)
    return dict(parse_qsl(write_link(said))), workspace.notice


def test_a_good_link_is_opened_whole_and_nothing_is_said() -> None:
    kept, notice = opened(GOOD)
    assert kept == dict(parse_qsl(GOOD))
    assert notice == ""


@pytest.mark.parametrize("bad", BAD)
def test_one_bad_value_is_named_and_the_rest_is_kept(bad: str) -> None:
    good, spoilt = dict(parse_qsl(GOOD)), dict(parse_qsl(bad))
    kept, notice = opened(urlencode(good | spoilt, safe=":;,=[]"))
    assert BAD[bad] in notice
    assert "Not all of the link could be used" in notice
    lost = set(good.items()) - set(kept.items()) - {(name, good.get(name)) for name in spoilt}
    may_go = {"n_embd", "n_head"} if {"n_embd", "n_head"} & set(spoilt) else set()
    if "parameters" in notice:  # sizes that are possible alone and not together
        may_go |= set(asdict(Config())) | {"do"}
    assert {name for name, _ in lost} <= may_go - {"seed"}


@given(config=configs(), name=st.sampled_from(sorted(asdict(Config()))))
def test_any_setting_that_cannot_be_read_costs_only_itself(config: Config, name: str) -> None:
    link = dict(parse_qsl(write_link(Experiment(Recipe(config), Sampling(0.7)))))
    found, faults = read_leniently(urlencode({**link, name: "so many"}))
    assert len(faults) >= 1
    assert found.sampling == Sampling(0.7)
    kept = found.recipe.config
    others = set(asdict(config)) - {name} - {"n_embd", "n_head"}
    assert {n: getattr(kept, n) for n in others} == {n: getattr(config, n) for n in others}


@pytest.mark.parametrize(
    "link", ["data=mine.txt", "data=mine.txt&text=!!!", "data=mine.txt&cut=words"]
)
def test_a_link_that_lost_its_data_waits_for_it_and_says_so(link: str) -> None:
    workspace = open_link(f"{GOOD}&{link}", SOURCE).workspace
    assert "'mine.txt'" in workspace.notice
    assert "missing from the link" in workspace.notice
    waiting = workspace.pending_link
    assert waiting is not None
    assert waiting.recipe.config.seed == 7
    assert (waiting.step, waiting.recipe.interventions) == (6, read_link(GOOD).recipe.interventions)


def test_a_prepared_run_is_used_for_a_default_link_only() -> None:
    ready = open_link("", SOURCE).workspace
    assert open_link("seed=42&step=3", SOURCE, ready=ready).workspace is ready
    assert open_link("seed=43", SOURCE, ready=ready).workspace is not ready
    assert is_default("step=9&draw=2&at=loss")
    assert not is_default("seed=1")


def test_documents_that_begin_with_a_byte_order_mark_survive_a_link() -> None:
    source = Source("odd", ("\ufeffab", "ba"))
    carried = link(open_link("", source).workspace)
    assert open_link(carried, SOURCE).workspace.tools.source.documents == source.documents


def test_a_strict_reader_raises_the_errors_of_what_a_lenient_one_leaves_out() -> None:
    with pytest.raises(ConfigError, match="seed"):
        read_link("seed=x&num_steps=3")
    assert write(read_leniently("seed=x&do=3:position!")[0].recipe.interventions) == "3:position!"
