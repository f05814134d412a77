"""How long a training step takes, by engine.

    uv run python bench/step.py [--engine scalar] [--steps 200] [--rounds 5]

Trains the default model on the built-in names again and again and prints the median, smallest and
largest time a step. Pin it to a quiet core (taskset -c 1) and compare figures of one run only.
"""

from __future__ import annotations

import platform
import statistics
import time

import click

from glassgpt import Config, Session, builtin_names, read_documents
from glassgpt.engines import ENGINES


def seconds_a_step(documents: list[str], engine: str, steps: int) -> float:
    """Return the mean time of a step over the first `steps` of a fresh run."""
    session = Session(Config(), documents, engine=engine)
    began = time.perf_counter()
    session.run(steps)
    return (time.perf_counter() - began) / steps


@click.command(help=__doc__)
@click.option("--data", help="A text file instead of the built-in names.")
@click.option("--engine", type=click.Choice(ENGINES), default=ENGINES[0], show_default=True)
@click.option("--steps", default=200, show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(data: str | None, engine: str, steps: int, rounds: int) -> None:
    """Measure and print."""
    documents = read_documents(data) if data else builtin_names()
    times = [1e3 * seconds_a_step(documents, engine, steps) for _ in range(rounds)]
    median, low, high = statistics.median(times), min(times), max(times)
    click.echo(f"{platform.python_implementation()} {platform.python_version()}, {steps} steps")
    click.echo(f"{engine}: median {median:.3f} ms/step (smallest {low:.3f}, largest {high:.3f})")


if __name__ == "__main__":
    main()
