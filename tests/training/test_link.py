"""The experiment as text in an address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import Config, Sampling
from glassgpt.data.documents import fingerprint
from glassgpt.errors import ConfigError
from glassgpt.model.sampling import MAX_DRAW_SEED
from glassgpt.training.interventions import Ablate, Intervention, Interventions, Tune
from glassgpt.training.link import MAX_LINK, Experiment, read_link, write_link
from glassgpt.training.recipe import Recipe
from tests.support.models import configs, documents, recipes


@given(
    config=configs(),
    temperature=st.floats(0, 100),
    prefix=st.text(max_size=5),
    draw=st.none() | st.integers(0, MAX_DRAW_SEED),
    step=st.none() | st.integers(0, 10**6),
    interventions=recipes,
)
def test_what_is_written_is_read_again(
    config: Config,
    temperature: float,
    prefix: str,
    draw: int | None,
    step: int | None,
    interventions: Interventions,
) -> None:
    recipe = Recipe(config, interventions=interventions)
    said = Experiment(recipe, Sampling(temperature, 7, prefix), draw, "scalar", step)
    assert read_link("#" + write_link(said)) == said


def test_interventions_are_readable_in_the_link() -> None:
    done = (Intervention(250, Tune((("learning_rate", 0.02),))),
            Intervention(400, Ablate("head", 0, 2, hold=True)))  # fmt: skip
    link = write_link(Experiment(Recipe(interventions=done)))
    assert link == "seed=42&do=250:learning_rate=0.02;400:head0.2!"


@given(documents)
def test_small_data_is_part_of_the_link(texts: list[str]) -> None:
    said = Experiment(Recipe(data_name="mine.txt"), documents="\n".join(texts))
    assert read_link(write_link(said)).documents == said.documents


def test_large_data_is_named_by_its_hash() -> None:
    import random

    rng = random.Random(1)
    text = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz\n") for _ in range(40_000))
    said = Experiment(Recipe(Config(), "mine.txt", fingerprint([text])), documents=text)
    heard = read_link(write_link(said))
    assert heard.documents == ""
    assert heard.recipe == said.recipe


def test_the_default_link_is_short_and_not_empty() -> None:
    assert write_link(Experiment()) == "seed=42"
    assert read_link("") == Experiment()


def test_keys_of_the_page_are_ignored() -> None:
    assert read_link("seed=1&at=value:wte[0,1]").others == {"at": "value:wte[0,1]"}


@pytest.mark.parametrize(
    "text",
    [
        "n_embd=wide",
        "n_embd=5",
        "n_embd=1e9",
        "learning_rate=nan",
        "seed=-1",
        "step=-1",
        "step=²",
        "step=99999999999",
        "draw=x",
        f"draw={MAX_DRAW_SEED + 1}",
        "data=a&text=!!!!",
        "data=a&text=AAAA",
        "do=250",
        "do=1:wte[0,0]=?",
        "x" * (MAX_LINK + 1),
    ],
)
def test_what_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        read_link(text)


def test_a_small_link_cannot_unpack_to_huge_data() -> None:
    bomb = write_link(Experiment(Recipe(data_name="bomb"), documents="a" * (2**21)))
    with pytest.raises(ConfigError, match="too large"):
        read_link(bomb)


def test_data_that_is_too_large_is_named_and_its_cut_with_it() -> None:
    said = Experiment(Recipe(Config(), "book.txt", "ab" * 32, "words"))
    link = write_link(said)
    assert "text=" not in link
    assert read_link(link) == said
