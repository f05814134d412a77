"""`glassgpt sweep`: the same training with many settings and seeds, over all cores."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from glassgpt.cli.options import chosen_engine, documents_from, setting_options
from glassgpt.cli.tables import show_table
from glassgpt.cli.terminal import say
from glassgpt.config import Config, Scalar
from glassgpt.data import fingerprint
from glassgpt.engines import ENGINES
from glassgpt.errors import DataError
from glassgpt.sweep import LAST, Result, grid, parse_grid, run_all


@click.command()
@click.argument("data", required=False)
@click.option(
    "--grid",
    "axes",
    multiple=True,
    metavar="NAME=V,V,...",
    help="The values of a setting to try; give it again for another setting.",
)
@click.option("--seeds", default=1, show_default=True, help="Runs of each point, by seed.")
@click.option("--jobs", type=click.IntRange(1), help="Runs at a time.  [default: all cores]")
@click.option("--out", type=click.Path(path_type=Path), help="Keep a line of JSON a run here.")
@click.option("--engine", type=click.Choice(ENGINES), help="What computes the runs.")
@setting_options(Config)
def sweep(
    data: str | None,
    axes: tuple[str, ...],
    seeds: int,
    jobs: int | None,
    out: Path | None,
    engine: str | None,
    **settings: Scalar,
) -> None:
    """Train with every combination of settings and compare what comes out.

    \b
    glassgpt sweep --grid learning_rate=0.003,0.01,0.03 --seeds 20
    glassgpt sweep poems.txt --grid n_embd=16,32 --grid n_layer=1,2 --out sweep.jsonl

    With --out, runs that the file already holds are not run again: Ctrl-C and the same command
    go on where the sweep stood.
    """
    documents, _ = documents_from(data)
    values = parse_grid(axes)
    configs = grid(Config(**settings), values, seeds)  # type: ignore[arg-type]
    engine = chosen_engine(engine)
    book = Book(out, fingerprint(documents), engine)
    done = [book.known[config] for config in configs if config in book.known]
    missing = [config for config in configs if config not in book.known]
    try:
        with click.progressbar(
            run_all(missing, documents, engine=engine, jobs=jobs or os.cpu_count() or 1),
            length=len(missing),
            label=f"{len(missing):,} runs" + (f", {len(done):,} known" if done else ""),
            file=sys.stderr,
        ) as results:
            for result in results:
                book.write(result)
                done.append(result)
    except KeyboardInterrupt:
        kept = f"the same command goes on from {out}" if out else "--out FILE would keep them"
        say(f"stopped after {len(done):,} of {len(configs):,} runs; {kept}", err=True)
        if done:
            _show(done, list(values))
        raise
    _show(done, list(values))


class Book:
    """The results that a file holds for these documents and engine, and where more are added."""

    def __init__(self, path: Path | None, data_sha256: str, engine: str) -> None:
        self._path, self._data, self._engine = path, data_sha256, engine
        self.known: dict[Config, Result] = {}
        if path is not None and path.exists():
            self._read(path)
        self._append("")  # a file that cannot be written is found before the first run

    def _read(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8", errors="replace")
        whole, _, torn = text.rpartition("\n")  # a kill may have left half a line
        if torn and not torn.startswith('{"config"'[: len(torn)]):
            whole = text
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                facts = json.loads(line)
                result = Result.from_json(facts)
                if (facts["data_sha256"], result.engine) == (self._data, self._engine):
                    self.known[result.config] = result
            except (ValueError, KeyError, TypeError):
                raise DataError(
                    f"{str(path)!r} exists and is no sweep (line {number})", "choose another --out"
                ) from None
        if torn:
            path.write_text(whole + "\n" if whole else "", encoding="utf-8")

    def write(self, result: Result) -> None:
        """Add a result."""
        self._append(json.dumps(result.to_json() | {"data_sha256": self._data}) + "\n")

    def _append(self, text: str) -> None:
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise DataError(
                f"{str(self._path)!r} cannot be written: {error.strerror}", "choose another --out"
            ) from None


def _show(results: Sequence[Result], names: Sequence[str]) -> None:
    """Print a row for each point of the grid, the best first."""
    points: dict[tuple[Scalar, ...], list[Result]] = {}
    for result in results:
        points.setdefault(tuple(getattr(result.config, n) for n in names), []).append(result)
    rows = []
    for point, runs in points.items():
        good = [run for run in runs if not run.stopped]
        held = [run.held_out for run in good]
        figures = [_spread(held), _spread([run.loss for run in good])]
        stopped = len(runs) - len(good)
        seconds = statistics.fmean(run.seconds for run in runs)
        order = statistics.fmean(held) if held else float("inf")
        row = [*map(str, point), *figures, str(len(runs)), str(stopped), f"{seconds:.3f}"]
        rows.append((order, row))
    head = [*names, "held-out", f"last {LAST} losses", "runs", "diverged", "seconds a run"]
    show_table(head, [row for _, row in sorted(rows, key=lambda pair: pair[0])])
    say("\nmeans in nats, ± the standard deviation over seeds")
    if not all(result.unseen for result in results):
        say("held-out is not: some runs were long enough to learn from those documents too")


def _spread(figures: Sequence[float]) -> str:
    if not figures:
        return "–"
    deviation = f" ± {statistics.stdev(figures):.4f}" if len(figures) > 1 else ""
    return f"{statistics.fmean(figures):.4f}{deviation}"
