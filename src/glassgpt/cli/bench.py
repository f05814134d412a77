"""`glassgpt bench`: how fast the engines are on this machine."""

from __future__ import annotations

import json
import platform
import time

import click

from glassgpt.analysis.benchmark import SCALING, Timing, largest_difference, scaling, time_engine
from glassgpt.cli.documents import read_data
from glassgpt.cli.tables import show_table
from glassgpt.cli.terminal import say
from glassgpt.engines import ENGINES, create, default_engine
from glassgpt.engines.kernel_binding import core_peak
from glassgpt.model.config import Config


@click.command()
@click.option("--data", help="A text file instead of the built-in names.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def bench(data: str | None, as_json: bool) -> None:
    """Time the engines, and how the fast one's cost grows with the model.

    Times are the smallest of several rounds in one process. Shares are relative to the peak of
    this core, measured just before. Close other programs to get stable figures.
    """
    documents = read_data(data).documents
    fastest, why_not = default_engine()
    if why_not:
        say(f"note: {why_not}", err=True)
    engines = [name for name in ENGINES if name == "scalar" or name == fastest]
    peak = measure_peak() if fastest == "fast" else float("nan")
    timings = [time_engine(name, Config(), documents) for name in engines]
    differences = [largest_difference(name, Config(), documents, 20) for name in engines]
    growth = scaling(Config(), fastest) if fastest == "fast" else []
    if as_json:
        say(json.dumps(_facts(timings, differences, growth, peak), indent=2))
        return
    say(f"{machine()}, {create(fastest, Config(), 27).instruction_set}")
    say(f"one core does at most {peak / 1e9:.1f} billion operations a second\n")
    rows = [
        (t.engine, f"{t.seconds * 1e6:,.2f}", f"{1 / t.seconds:,.0f}", share(t, peak), f"{d:.1e}")
        for t, d in zip(timings, differences, strict=True)
    ]
    show_table(("engine", "µs/step", "steps/s", "of peak", "largest loss difference"), rows)
    if growth:
        say("\nfull contexts of random letters; all else as in the default model\n")
        show_table(("size", "µs/step", "Mflop/step", "of peak"), _growth_rows(growth, peak))


def measure_peak(instruction_set: str = "") -> float:
    """Return the operations a second that one core does in registers, the best of several tries."""
    core_peak(instruction_set, 1_000_000)

    def once() -> float:
        began = time.perf_counter()
        return core_peak(instruction_set, 2_000_000) / (time.perf_counter() - began)

    return max(once() for _ in range(7))


def machine() -> str:
    """Return the system, the processor and the Python version."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{platform.system()} {platform.machine()}, {python}"


def share(timing: Timing, peak: float) -> str:
    """Return how much of the core's peak an engine reaches."""
    return f"{timing.rate / peak:.1%}" if timing.engine == "fast" else "–"


def _growth_rows(growth: list[Timing], peak: float) -> list[tuple[str, ...]]:
    return [
        (
            ", ".join(f"{name} {size}" for name, size in sizes.items()),
            f"{timing.seconds * 1e6:,.1f}",
            f"{timing.operations / 1e6:,.2f}",
            share(timing, peak),
        )
        for sizes, timing in zip(SCALING, growth, strict=True)
    ]


def _facts(
    timings: list[Timing], differences: list[float], growth: list[Timing], peak: float
) -> dict[str, object]:
    def facts(timing: Timing) -> dict[str, object]:
        return {
            "engine": timing.engine,
            "n_embd": timing.config.n_embd,
            "n_layer": timing.config.n_layer,
            "block_size": timing.config.block_size,
            "us_per_step": timing.seconds * 1e6,
            "flop_per_step": timing.operations,
            "share_of_peak": timing.rate / peak,
        }

    return {
        "machine": machine(),
        "peak_flop_per_second": peak,
        "engines": [
            facts(timing) | {"largest_loss_difference": difference}
            for timing, difference in zip(timings, differences, strict=True)
        ],
        "scaling": [facts(timing) for timing in growth],
    }
