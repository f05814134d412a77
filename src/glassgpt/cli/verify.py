"""`glassgpt verify`: checks the numbers of an engine against the reference engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from glassgpt.analysis.verify import ROUNDING, Gap, Verification, is_recorded
from glassgpt.cli.checkpoints import read_checkpoint
from glassgpt.cli.documents import cut_option, data_of, read_data
from glassgpt.cli.options import Place, chosen_engine, given, option_of, setting_options
from glassgpt.cli.tables import rich_table, show_table
from glassgpt.cli.terminal import on_terminal, say
from glassgpt.engines import ENGINES
from glassgpt.errors import ConfigError
from glassgpt.model.config import Config
from glassgpt.training.recipe import Recipe
from glassgpt.training.snapshot import Snapshot

CHUNK = 10  # steps between two comparisons: half a second of the scalar engine
HEAD = ("quantity", "compared", "largest difference", "where", "")


@click.command()
@click.argument("directory", type=Place(), required=False)
@click.option("--data", help="A text file instead of the built-in names.")
@cut_option
@click.option(
    "--engine", type=click.Choice(ENGINES), help="The engine to compare with the scalar one."
)
@setting_options(Config)
@click.pass_context
def verify(
    context: click.Context,
    /,
    directory: Path | None,
    data: str | None,
    way: str | None,
    engine: str | None,
    **_: object,
) -> None:
    """Check an engine against the scalar engine: train with both, and show the differences.

    The scalar engine is the algorithm written out in Python (engines/scalar.py), so it is slow:
    about 25 steps a second. With the default settings on the documents of microgpt.py, it is also
    compared with the losses and samples of that program. With DIRECTORY the run saved there is
    trained again from its first step, and the saved weights are compared too.

    The exit code is 1 if anything differs by more than rounding.

    \b
    glassgpt verify --steps 100
    glassgpt verify --data names.txt      makemore's names.txt: compared with microgpt.py
    glassgpt verify runs/names
    """
    snapshot = read_checkpoint(directory) if directory is not None else None
    recipe = _recipe(context, snapshot)
    found = read_data(data, way) if snapshot is None else data_of(snapshot.recipe, data, way)
    documents = found.documents
    steps = None if snapshot is None else snapshot.step
    engine = chosen_engine(engine)
    recorded = snapshot is None and is_recorded(recipe.config, documents)
    if engine == "scalar" and snapshot is None and not recorded:
        raise ConfigError(
            "--engine scalar cannot be compared with itself",
            "leave it out, or give a saved run, or microgpt's own names: --data names.txt",
        )
    run = Verification(recipe, documents, engine, steps)
    if recorded:
        say("these are the settings and the documents of the recorded run of microgpt.py")
    _watch(run)
    if snapshot is not None:
        run.compare_kept(snapshot.state, str(directory))
    show_table(HEAD, [_row(gap) for gap in run.gaps])
    say(f"a difference up to {ROUNDING:g} is rounding: the same sums, added in another order")
    if not run.holds:
        raise ConfigError(
            "the numbers differ by more than rounding",
            "the settings and changes in this file do not lead to its weights"
            if snapshot is not None
            else "training that is close to divergence amplifies rounding; try a smaller rate",
        )


def _recipe(context: click.Context, snapshot: Snapshot | None) -> Recipe:
    values = given(context, Config)
    if snapshot is None:
        return Recipe(Config(**values))
    if values:
        raise ConfigError(
            "a saved run has its own settings, so "
            f"{', '.join(map(option_of, values))} cannot be given",
            "leave them out, or leave the directory out",
        )
    return snapshot.recipe


def _watch(run: Verification) -> None:
    show, close = _terminal(run) if on_terminal() else (_lines(run), lambda: None)
    try:
        while run.step < run.steps:
            run.advance(CHUNK)
            show()
    finally:
        close()


def _terminal(run: Verification) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return functions that draw a live table and that remove it."""
    from rich.console import Group
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    live = Live(transient=True, auto_refresh=False)
    live.start()

    def show() -> None:
        head = Text(f"step {run.step:,} of {run.steps:,}")
        bar = ProgressBar(total=run.steps, completed=run.step)
        live.update(
            Group(head, bar, rich_table(HEAD, [_row(gap) for gap in run.gaps])), refresh=True
        )

    return show, live.stop


def _lines(run: Verification) -> Callable[[], None]:
    """Return a function that prints a line at intervals."""
    every = max(CHUNK, run.steps // 10)

    def show() -> None:
        if run.step % every < CHUNK or run.step == run.steps:
            worst = max(run.gaps, key=lambda gap: gap.largest, default=None)
            found = f"  largest difference {worst.largest:.1e} ({worst.quantity})" if worst else ""
            say(f"step {run.step}/{run.steps}{found}")

    return show


def _row(gap: Gap) -> tuple[str, ...]:
    verdict = "identical" if gap.largest == 0 else "rounding" if gap.holds else "DIFFERENT"
    largest = "0" if gap.largest == 0 else f"{gap.largest:.1e}"
    name = f"{gap.quantity}, {gap.one} and {gap.other}"
    return name, f"{gap.compared:,}", largest, gap.where or "–", verdict
