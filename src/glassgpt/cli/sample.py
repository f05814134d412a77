"""`glassgpt sample`: samples of a saved model, and the probability of each letter."""

from __future__ import annotations

import random
from pathlib import Path

import click

from glassgpt.cli.options import Place, chosen_engine, setting_options
from glassgpt.cli.terminal import say, say_sample, visible, writable
from glassgpt.engines import create
from glassgpt.model.config import Sampling
from glassgpt.model.sampling import MAX_DRAW_SEED, Draw
from glassgpt.model.tokenizer import Tokenizer
from glassgpt.training.checkpoint import load_checkpoint
from glassgpt.training.samples import draw_samples, text_of

BARS = "▁▂▃▄▅▆▇█"
PLAIN_BARS = "12345678"  # if the encoding has no bars
# from blue (unlikely) to orange (certain), safe for colour-blind eyes
COLOURS = (
    (70, 110, 200),
    (110, 140, 200),
    (150, 160, 190),
    (190, 170, 150),
    (220, 160, 100),
    (230, 130, 40),
)


@click.command()
@click.argument("directory", type=Place())
@setting_options(Sampling)
@click.option(
    "--seed",
    type=click.IntRange(0, MAX_DRAW_SEED),
    help="Draw from this seed instead of the run's own random stream.",
)
@click.option(
    "--probs",
    is_flag=True,
    help="Show the probability that each letter was drawn with, as a small bar.",
)
def sample(
    directory: Path,
    temperature: float,
    num_samples: int,
    prefix: str,
    seed: int | None,
    probs: bool,
) -> None:
    """Print texts drawn from the model in DIRECTORY.

    Without --seed the texts continue the run's own random stream: after
    `glassgpt train --samples 0 --out DIRECTORY` they are what `train` would have printed. The
    model in DIRECTORY is not changed, so the same call prints the same texts again.

    At temperature 0 every text is the same, that of the most likely tokens, and --probs shows the
    probability 1 for each token.

    \b
    glassgpt sample run -n 5 --temperature 0.8
    glassgpt sample run -n 1 --temperature 0
    glassgpt sample run --prefix ma --probs
    """
    sampling = Sampling(temperature, num_samples, prefix)
    snapshot = load_checkpoint(directory)
    tokenizer = snapshot.tokenizer
    engine = create(chosen_engine(None, snapshot.engine), snapshot.config, tokenizer.vocab_size)
    engine.load(snapshot.state)
    rng = snapshot.rng() if seed is None else random.Random(seed)
    bars = BARS if writable(BARS) else PLAIN_BARS
    for draws in draw_samples(engine, tokenizer, snapshot.config, sampling, rng):
        drawn = list(draws)
        text = text_of(drawn, tokenizer, prefix)
        if probs:
            shown = f"{visible(text):<{snapshot.config.block_size}}"
            say(f"{shown}  {_cells(drawn, tokenizer, bars)}", styled=True)
        else:
            say_sample(text)
    if probs:
        say(
            f"\nthe probability each letter was drawn with: {bars[0]} unlikely … "
            f"{bars[-1]} certain; · ends the text"
        )


def _cells(draws: list[Draw], tokenizer: Tokenizer, bars: str) -> str:
    cells = []
    for draw in draws:
        p = draw.probs[draw.token]
        letter = "·" if draw.token == tokenizer.bos else tokenizer.name(draw.token)
        bar = bars[min(int(p * len(bars)), len(bars) - 1)]
        colour = COLOURS[min(int(p * len(COLOURS)), len(COLOURS) - 1)]
        cells.append(visible(letter) + click.style(bar, fg=colour))
    return " ".join(cells)
