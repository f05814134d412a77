"""How long a training step takes: GlassGPT's engines beside other libraries on the same work.

    taskset -c 0 uv run python bench/step.py [--only numpy] [--rounds 7] [--write]

Everything installed trains the same model from the same weights on the same documents, in rounds
that take turns. A time counts only if the losses are the reference's: see bench/rivals. It is
processor time, of all threads: what a quiet core would take, also on a machine that is not quiet.
"""

from __future__ import annotations

import datetime
import math
import os
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import click

from glassgpt import Config, builtin_names, read_documents
from glassgpt.cli.tables import show_table
from glassgpt.engines.kernel_binding import instruction_sets
from glassgpt.errors import EngineError
from glassgpt.model import parameters as params
from rivals import REFERENCE, RIVALS, TOLERANCE, Rival, Run, Task

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- made by bench/step.py --write -->\n", "<!-- end -->"
CHECKED_STEPS = 100
SLOW_STEPS = 20  # what the scalar engine is timed for
HEAD = ("implementation", "type", "µs/step", "least", "× fast", "loss off by", "ready after")


@dataclass(slots=True)
class Entry:
    """One implementation in the race."""

    rival: Rival
    run: Run
    steps: int
    ready: float  # seconds, once
    difference: float  # the largest, from the reference's losses
    times: list[float] = field(default_factory=list)  # seconds a step, of each round

    @property
    def right(self) -> bool:
        """Whether its losses are the reference's, as its precision allows."""
        return self.difference <= TOLERANCE[self.rival.precision]  # NaN is not

    def time(self) -> None:
        """Take one round."""
        began = time.process_time()
        self.run()
        self.times.append((time.process_time() - began) / self.steps)


def installed(rivals: Sequence[Rival]) -> list[Rival]:
    """Return those whose library is there; say which are not."""
    missing = sorted({rival.library for rival in rivals if not rival.installed})
    if missing:
        click.echo(f"not installed: pip install {' '.join(missing)}", err=True)
    return [rival for rival in rivals if rival.installed]


def prepared(rival: Rival, task: Task, truth: Sequence[float]) -> Entry | str:
    """Return the rival ready to be timed, or why it cannot be."""
    task = task.first(SLOW_STEPS) if rival.key == REFERENCE else task
    began = time.perf_counter()  # compilers are other processes
    try:
        run = rival.prepare(task)
    except Exception as error:  # whatever another library raises is news about that library
        return f"{rival.name}, {rival.precision}: {type(error).__name__}: {str(error)[:200]}"
    ready = time.perf_counter() - began
    entry = Entry(rival, run, task.steps, ready, largest_difference(run(), truth))
    if not entry.right:
        return f"{rival.name}, {rival.precision}: WRONG, a loss is off by {entry.difference:.1e}"
    return entry


def largest_difference(losses: Sequence[float], truth: Sequence[float]) -> float:
    """Return the largest of all differences, infinite where there is one that is no number."""
    differences = [abs(a - b) for a, b in zip(losses, truth)]
    return max(d if math.isfinite(d) else math.inf for d in differences)


def rows(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """Return the table, the fastest first."""
    medians = {e.rival.key: 1e6 * statistics.median(e.times) for e in entries}
    ordered = sorted(entries, key=lambda e: medians[e.rival.key])
    return [
        (
            e.rival.name,
            e.rival.precision,
            f"{medians[e.rival.key]:,.1f}",
            f"{1e6 * min(e.times):,.1f}",
            f"{medians[e.rival.key] / medians['fast']:,.1f}" if "fast" in medians else "–",
            f"{e.difference:.0e}",
            f"{e.ready:.1f} s",
        )
        for e in ordered
    ]


def work(task: Task) -> str:
    """Return what was trained, in words."""
    positions = sum(len(tokens) - 1 for tokens in task.lessons) / task.steps
    weights = params.count(task.config, task.vocab_size)
    return f"{weights:,} parameters, {task.steps:,} steps of {positions:.2f} positions on average"


def circumstances(entries: Iterable[Entry]) -> str:
    """Return machine, versions, date and command."""
    libraries = sorted({entry.rival.library for entry in entries})
    versions = ", ".join(f"{name} {import_module(name).__version__}" for name in libraries)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    today = datetime.date.today().isoformat()
    cores = f"{os.cpu_count()} cores, {instruction_set()}"
    return f"{processor()}, {cores}; {python}, {versions}; {today}; `{command()}`"


def processor() -> str:
    """Return what the processor calls itself."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (*names, platform.processor() or platform.machine())[0]


def instruction_set() -> str:
    """Return what the fast engine uses of the processor."""
    try:
        return instruction_sets()[0]
    except EngineError:
        return platform.machine()


def command() -> str:
    """Return how to repeat this, the choice of a core included."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    pin = f"taskset -c {min(cores)} " if len(cores) == 1 else ""
    return pin + shlex.join(["python", "bench/step.py", *sys.argv[1:]])


def write(entries: Sequence[Entry], task: Task) -> None:
    """Put the table in its place in docs/performance.md."""
    lines = [HEAD, ("---", "---", *["---:"] * (len(HEAD) - 2)), *rows(entries)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    text = f"{work(task)[0].upper()}{work(task)[1:]}. {circumstances(entries)}.\n\n{table}\n\n"
    PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{after}", encoding="utf-8")


@click.command(help=__doc__)
@click.option("--data", help="A text file instead of the built-in names.")
@click.option("--steps", default=1000, show_default=True)
@click.option("--rounds", default=7, show_default=True)
@click.option("--only", type=click.Choice([rival.key for rival in RIVALS]), multiple=True)
@click.option("--write", "writes", is_flag=True, help="Write the table to docs/performance.md.")
def main(data: str | None, steps: int, rounds: int, only: tuple[str, ...], writes: bool) -> None:
    """Prepare, check, time in turns, print."""
    documents = read_documents(data) if data else builtin_names()
    task = Task.of(Config(num_steps=max(steps, Config().num_steps)), documents, steps)
    reference = next(rival for rival in RIVALS if rival.key == REFERENCE)
    truth = reference.prepare(task.first(CHECKED_STEPS))()
    entries = []
    for rival in installed([r for r in RIVALS if not only or r.key in (*only, "fast")]):
        found = prepared(rival, task, truth)
        click.echo(found, err=True) if isinstance(found, str) else entries.append(found)
    for _ in range(rounds):
        for entry in entries:
            entry.time()
    click.echo(f"{work(task)}\n{circumstances(entries)}\n")
    show_table(HEAD, rows(entries))
    if writes:
        write(entries, task)


if __name__ == "__main__":
    main()
