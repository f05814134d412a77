"""`glassgpt sweep`: training with many settings and seeds, on all cores."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import click

from glassgpt.analysis.sweep import LAST, Result, estimate, grid, parse_grid, run_all, size
from glassgpt.analysis.workers import TRIES, Lost
from glassgpt.cli.documents import cut_option, read_data
from glassgpt.cli.options import Place, chosen_engine, given, option_of, setting_options
from glassgpt.cli.progress import duration
from glassgpt.cli.records import Records
from glassgpt.cli.tables import show_table
from glassgpt.cli.terminal import say
from glassgpt.data.documents import fingerprint
from glassgpt.engines import ENGINES
from glassgpt.errors import ConfigError, DataError, EngineError, counted
from glassgpt.model.config import Config, Scalar


@click.command()
@click.argument("data", required=False)
@cut_option
@click.option(
    "--grid",
    "axes",
    multiple=True,
    metavar="NAME=V,V,...",
    help="The values of a setting to try; give it again for another setting.",
)
@click.option(
    "--seeds",
    default=1,
    show_default=True,
    help="Number of seeds for each combination of settings.",
)
@click.option("--jobs", type=click.IntRange(1), help="Runs at a time.  [default: all cores]")
@click.option(
    "--max-runs",
    type=click.IntRange(1),
    default=10_000,
    show_default=True,
    help="Refuse a sweep of more runs.",
)
@click.option(
    "--out",
    type=Place(),
    help="Write a line of JSON for each run to this file; - is standard output.",
)
@click.option("--engine", type=click.Choice(ENGINES), help="The engine of the runs.")
@setting_options(Config)
@click.pass_context
def sweep(
    context: click.Context,
    /,
    data: str | None,
    way: str | None,
    axes: tuple[str, ...],
    seeds: int,
    jobs: int | None,
    max_runs: int,
    out: Path | None,
    engine: str | None,
    **settings: Scalar,
) -> None:
    """Train with every combination of settings and compare the results.

    \b
    glassgpt sweep --grid learning_rate=0.003,0.01,0.03 --seeds 20
    glassgpt sweep poems.txt --grid n_embd=16,32 --grid n_layer=1,2 --out sweep.jsonl

    With --out, runs that the file already contains are skipped, so the same command continues a
    sweep after Ctrl-C. With --out - the lines go to standard output, and the table to standard
    error. A run whose process is killed is tried once more; the others continue.
    """
    documents = read_data(data, way).documents
    values = parse_grid(axes)
    _check_listed_once(values, given(context, Config))
    base = Config(**settings)  # type: ignore[arg-type]
    engine, jobs = chosen_engine(engine), jobs or os.cpu_count() or 1
    runs = size(values, seeds)
    if runs > max_runs:
        seconds = _pace(base, values, documents, engine) * runs / min(jobs, os.cpu_count() or 1)
        raise ConfigError(
            f"this sweep has {counted(runs, 'run')}, more than --max-runs {max_runs}; with "
            f"{counted(jobs, 'job')} it would take about {duration(seconds)}",
            f"give --max-runs {runs} to run it all, or fewer values or seeds",
        )
    configs = grid(base, values, seeds)
    results_file = ResultsFile(out, fingerprint(documents), engine)
    with redirect_stdout(sys.stderr) if results_file.is_stdout else nullcontext():
        _run(configs, list(values), results_file, documents, engine, jobs, out)


def _check_listed_once(values: Mapping[str, Sequence[Scalar]], typed: Mapping[str, Any]) -> None:
    """Raise `ConfigError` if a setting is given both in the grid and as an option."""
    for name in values:
        if name in typed:
            option = option_of(name)
            raise ConfigError(
                f"the grid lists {name}, so {option} {typed[name]} cannot be given too",
                f"leave out {option}, or {name}=… in --grid",
            )


def _pace(
    base: Config, values: Mapping[str, Sequence[Scalar]], documents: list[str], engine: str
) -> float:
    """Return about how many seconds a run takes: the mean of the first point and the last."""
    first = {name: listed[:1] for name, listed in values.items()}
    last = {name: listed[-1:] for name, listed in values.items()}
    ends = {config: None for point in (first, last) for config in grid(base, point)}
    return statistics.fmean(estimate(config, documents, engine) for config in ends)


def _run(
    configs: list[Config],
    names: Sequence[str],
    results_file: ResultsFile,
    documents: list[str],
    engine: str,
    jobs: int,
    out: Path | None,
) -> None:
    """Train the runs that the results file does not contain, and print all results."""
    done = [results_file.known[config] for config in configs if config in results_file.known]
    missing = [config for config in configs if config not in results_file.known]
    lost: list[Lost[Config]] = []
    try:
        with click.progressbar(
            run_all(missing, documents, engine=engine, jobs=jobs),
            length=len(missing),
            label=counted(len(missing), "run") + (f", {len(done):,} known" if done else ""),
            file=sys.stderr,
        ) as results:
            for result in results:
                if isinstance(result, Lost):
                    lost.append(result)
                    continue
                results_file.write(result)
                done.append(result)
    except KeyboardInterrupt:
        kept = (
            f"the same command continues from {str(out)!r}" if out else "--out FILE would keep them"
        )
        say(f"stopped after {len(done):,} of {counted(len(configs), 'run')}; {kept}", err=True)
        if done:
            _show(done, names)
        raise
    if done:
        _show(done, names)
    if lost:
        raise EngineError(
            f"{counted(len(lost), 'run')} of {len(configs):,} had no result: the process was "
            f"{lost[0].reason}, {TRIES} times",
            "it may have taken too much memory; --jobs 1 runs one at a time"
            + (", the same command continues with the missing ones" if out else ""),
        )


class ResultsFile:
    """The file of results for these documents and this engine: those it contains, and new ones."""

    def __init__(self, path: Path | None, data_sha256: str, engine: str) -> None:
        self._data, self._engine, self._name = data_sha256, engine, str(path)
        self.known: dict[Config, Result] = {}
        # a file that cannot be written is found before the first run
        self._records = Records(path, "--out", self._read) if path is not None else None

    @property
    def is_stdout(self) -> bool:
        """Whether the results go to standard output."""
        return self._records is not None and self._records.is_stdout

    def _read(self, octets: bytes) -> bytes:
        """Read the results of a file; return its complete lines (a kill may leave half)."""
        whole, _, torn = octets.rpartition(b"\n")
        if torn and not torn.startswith(b'{"config"'[: len(torn)]):
            whole = octets
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                facts = json.loads(line)
                result = Result.from_json(facts)
                if (facts["data_sha256"], result.engine) == (self._data, self._engine):
                    self.known[result.config] = result
            except (ValueError, KeyError, TypeError):
                raise DataError(
                    f"{self._name!r} exists and is not a sweep (line {number})",
                    "choose another --out",
                ) from None
        return whole + b"\n" if whole else b""

    def write(self, result: Result) -> None:
        """Add a result."""
        if self._records is not None:
            self._records.write([result.to_json() | {"data_sha256": self._data}])


def _show(results: Sequence[Result], names: Sequence[str]) -> None:
    """Print a row for each point of the grid, the best first."""
    points: dict[tuple[Scalar, ...], list[Result]] = {}
    for result in results:
        points.setdefault(tuple(getattr(result.config, n) for n in names), []).append(result)
    rows = []
    for point, runs in points.items():
        good = [run for run in runs if not run.stopped]
        held = [run.validation_loss for run in good]
        figures = [_spread(held), _spread([run.loss for run in good])]
        stopped = len(runs) - len(good)
        seconds = statistics.fmean(run.seconds for run in runs)
        order = statistics.fmean(held) if held else float("inf")
        row = [*map(str, point), *figures, str(len(runs)), str(stopped), f"{seconds:.3f}"]
        rows.append((order, row))
    head = [*names, "validation", f"last {LAST} losses", "runs", "diverged", "seconds a run"]
    show_table(head, [row for _, row in sorted(rows, key=lambda pair: pair[0])])
    say("\nmeans in nats, ± the standard deviation over seeds")
    if not all(result.unseen for result in results):
        say("warning: some runs also trained on validation documents")


def _spread(figures: Sequence[float]) -> str:
    if not figures:
        return "–"
    deviation = f" ± {statistics.stdev(figures):.4f}" if len(figures) > 1 else ""
    return f"{statistics.fmean(figures):.4f}{deviation}"
