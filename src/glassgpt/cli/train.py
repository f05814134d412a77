"""`glassgpt train`: documents in, a trained model and its samples out."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from glassgpt import params
from glassgpt.checkpoint import FILENAME, load_checkpoint, prepare_directory, save_checkpoint
from glassgpt.cli.log import Log
from glassgpt.cli.options import (
    chosen_engine,
    documents_from,
    documents_of,
    given,
    setting_options,
)
from glassgpt.cli.progress import Progress, progress_for
from glassgpt.cli.terminal import say, say_sample
from glassgpt.config import Config, Sampling
from glassgpt.data import BUILTIN
from glassgpt.engines import ENGINES
from glassgpt.errors import CheckpointError, DivergenceError
from glassgpt.interventions import Tune
from glassgpt.sampling import check_room
from glassgpt.session import Session, StepRecords
from glassgpt.tokenizer import shorten

CHUNK_SECONDS = 0.05  # how long one call of the engine may keep Ctrl-C and the progress waiting


@click.command()
@click.argument("data", required=False)
@setting_options(Config)
@click.option(
    "--engine", type=click.Choice(ENGINES), help=f"What computes it.  [default: {ENGINES[0]}]"
)
@setting_options(Sampling)
@click.option(
    "--log", type=click.Path(path_type=Path), help="Write one JSON object a step to this file."
)
@click.option("--out", type=click.Path(path_type=Path), help="Keep the model in this directory.")
@click.option(
    "--resume", type=click.Path(path_type=Path), help="Go on with the run kept in this directory."
)
@click.option("--overwrite", is_flag=True, help="Let --out replace a model that is already there.")
@click.option(
    "--save-every",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Steps between two checkpoints.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print the samples and nothing else.")
@click.pass_context
def train(
    context: click.Context,
    /,
    data: str | None,
    engine: str | None,
    log: Path | None,
    out: Path | None,
    resume: Path | None,
    overwrite: bool,
    save_every: int,
    quiet: bool,
    **_settings: object,
) -> int:
    """Train a GPT on DATA and print what it writes.

    DATA is a text file, one document a line, or - for standard input; without it, the built-in
    names. One step learns from one document.

    \b
    glassgpt train --steps 200 --n-embd 32
    glassgpt train poems.txt --block-size 64 --out run --log run.jsonl
    glassgpt train poems.txt --resume run --steps 3000

    With --resume, DATA must be what the run was trained on, and the model is kept in the same
    directory unless --out names another. --learning-rate, --beta1, --beta2, --eps and --steps may
    be given anew; they hold from the checkpoint's step on, with the same linear decay over the new
    number of steps.
    """
    values = context.params
    sampling = Sampling(values["temperature"], values["num_samples"], values["prefix"])
    if resume is not None:
        session = _resumed(context, resume, data, engine)
        resume = resume.parent if resume.is_file() else resume
        out = out or resume
        overwrite = overwrite or out.resolve() == resume.resolve()
    else:
        documents, name = documents_from(data)
        settings = {field: values[field] for field in Config.__dataclass_fields__}
        session = Session(
            Config(**settings), documents, engine=chosen_engine(engine), data_name=name
        )
    # a prefix that it cannot write is found before training
    check_room(session.tokenizer.encode(sampling.prefix), session.config.block_size)
    if out is not None and not overwrite and (out / FILENAME).exists():
        raise CheckpointError(
            f"{str(out)!r} already holds a model",
            f"go on with it (--resume {out}), name another directory, or --overwrite",
        )
    if out is not None:
        prepare_directory(out)  # an --out that cannot be written is found before training
    run_log = Log(log, session.step) if log is not None else None
    if not quiet:
        _introduce(session)
    total = session.config.num_steps
    with _signals() as caught, progress_for(session.step, total, quiet=quiet) as progress:
        _train(session, progress, run_log, out, save_every, caught)
    if caught:
        _say_interrupted(session, data, out, log)
        return 128 + caught[0]
    _print_samples(session, sampling, quiet)
    return 0


def _resumed(context: click.Context, resume: Path, data: str | None, engine: str | None) -> Session:
    snapshot = load_checkpoint(resume)
    session = Session.resumed(
        snapshot, documents_of(snapshot, data), engine=chosen_engine(engine, snapshot.engine)
    )
    now = session.config
    changes = {k: v for k, v in given(context, Config).items() if v != getattr(now, k)}
    if changes:
        session.apply(Tune(tuple(changes.items())))
    if (
        session.engine.name != snapshot.engine
        or session.engine.instruction_set != snapshot.instruction_set
    ):
        say(
            f"note: the run was computed by {snapshot.engine} ({snapshot.instruction_set}) so far; "
            f"{session.engine.name} ({session.engine.instruction_set}) agrees within rounding",
            err=True,
        )
    return session


def _introduce(session: Session) -> None:
    config, tokenizer = session.config, session.tokenizer
    documents = session.documents
    facts: list[tuple[str, str, str]] = [
        ("documents", f"{len(documents):,}", _origin(session.data_name)),
        ("vocabulary", f"{tokenizer.vocab_size:,}", f"{shorten(tokenizer.characters, 40)} and BOS"),
        (
            "parameters",
            f"{params.count(config, tokenizer.vocab_size):,}",
            f"computed by the {session.engine.name} engine",
        ),
    ]
    if session.step:
        left = "" if session.steps_left else "; nothing is left to train, --steps gives more"
        taken = f"steps taken of {config.num_steps:,}{left}"
        facts.append(("resumed", f"{session.step:,}", taken))
    for name, number, remark in facts:
        say(f"{name:<11} {number:>9}  {remark}")
    long = [document for document in documents if len(document) > config.block_size]
    if long:
        longest = max(long, key=len)
        say(
            f"note: {len(long):,} of the documents are longer than the context of "
            f"{config.block_size}; of each only as many characters are learned "
            f"(the longest has {len(longest):,}: {shorten(longest, 30)!r})"
        )


def _origin(data_name: str) -> str:
    if data_name == BUILTIN:
        return "built-in names"
    return "lines of standard input" if data_name == "-" else f"lines of {data_name}"


def _train(
    session: Session,
    progress: Progress,
    log: Log | None,
    out: Path | None,
    save_every: int,
    caught: list[int],
) -> None:
    """Train to the end or to a signal; whatever happens, the last whole step is saved."""
    saved = -1
    chunk = 1
    try:
        while session.steps_left and not caught:
            until_save = save_every - session.step % save_every
            began = time.perf_counter()
            records = _run(session, min(chunk, until_save, session.steps_left), log)
            chunk = _next_chunk(len(records), time.perf_counter() - began)
            progress.show(records)
            if out is not None and session.step % save_every == 0:
                save_checkpoint(session.snapshot(), out)
                saved = session.step
    finally:
        if out is not None and saved != session.step:
            save_checkpoint(session.snapshot(), out)


def _run(session: Session, steps: int, log: Log | None) -> StepRecords:
    """Take the steps and log them; those before a divergence too."""
    start = session.step
    try:
        records = session.run(steps)
    except DivergenceError as error:
        if log is not None:
            log.write(session.records(start, error.losses))
        raise
    if log is not None:
        log.write(records)
    return records


def _next_chunk(steps: int, seconds: float) -> int:
    """Return how many steps to ask for next, so that a call takes about `CHUNK_SECONDS`."""
    wanted = steps * CHUNK_SECONDS / max(seconds, 1e-9)
    return max(1, min(int(wanted), 4 * steps))


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect Ctrl-C and a polite kill in the list, once; a second one interrupts at once."""
    caught: list[int] = []
    watched = (signal.SIGINT, signal.SIGTERM)
    before: dict[signal.Signals, Any] = {}

    def note(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        for each in watched:
            signal.signal(
                each, signal.SIG_DFL if each == signal.SIGTERM else signal.default_int_handler
            )

    for each in watched:
        before[each] = signal.signal(each, note)
    try:
        yield caught
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _say_interrupted(
    session: Session, data: str | None, out: Path | None, log: Path | None
) -> None:
    named, logged = f"{data} " if data else "", f" --log {log}" if log else ""
    kept = (
        f"go on with: glassgpt train {named}--resume {out}{logged}"
        if out
        else "nothing was kept; --out DIR keeps the model"
    )
    say(f"stopped after step {session.step:,} of {session.config.num_steps:,}; {kept}", err=True)


def _print_samples(session: Session, sampling: Sampling, quiet: bool) -> None:
    if sampling.num_samples and not quiet:
        say("")
    for text in session.sample(sampling):
        say_sample(text)
