"""`glassgpt train`: trains a model on documents and prints samples."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import click

from glassgpt.cli.checkpoints import read_checkpoint
from glassgpt.cli.documents import Data, cut_option, data_of, read_data
from glassgpt.cli.introduction import introduce
from glassgpt.cli.log import Log
from glassgpt.cli.options import Place, chosen_engine, given, setting_options
from glassgpt.cli.plan import Plan, plan_of_link
from glassgpt.cli.progress import Progress, progress_for
from glassgpt.cli.signals import collected
from glassgpt.cli.terminal import command_line, say, say_error, say_sample
from glassgpt.engines import ENGINES
from glassgpt.errors import CheckpointError, ConfigError, DivergenceError
from glassgpt.model.config import Config, Sampling
from glassgpt.training.checkpoint import (
    FILENAME,
    load_checkpoint,
    prepare_directory,
    save_checkpoint,
)
from glassgpt.training.interventions import Tune
from glassgpt.training.records import StepRecords
from glassgpt.training.session import Session

CHUNK_SECONDS = 0.05  # how long one call of the engine may keep Ctrl-C and the progress waiting


@click.command()
@click.argument("data", required=False)
@cut_option
@setting_options(Config)
@click.option(
    "--engine", type=click.Choice(ENGINES), help=f"The engine of the run.  [default: {ENGINES[0]}]"
)
@setting_options(Sampling)
@click.option(
    "--log",
    type=Place(),
    help="Write a line of JSON for each step to this file; - is standard output.",
)
@click.option("--out", type=Place(), help="Save the model in this directory.")
@click.option("--resume", type=Place(), help="Continue the run saved in this directory.")
@click.option("--link", help="Train the run that this link of the page names.")
@click.option("--overwrite", is_flag=True, help="Let --out replace an existing model.")
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
    way: str | None,
    engine: str | None,
    log: Path | None,
    out: Path | None,
    resume: Path | None,
    link: str | None,
    overwrite: bool,
    save_every: int,
    quiet: bool,
    **_settings: object,
) -> int:
    """Train a GPT on DATA and print samples.

    DATA is a text file, one document a line, or - for standard input; without it, the built-in
    names. Each step trains on one document.

    \b
    glassgpt train --steps 200 --n-embd 32
    glassgpt train poems.txt --block-size 64 --out run --log run.jsonl
    glassgpt train poems.txt --resume run --steps 3000
    glassgpt train novel.txt --cut sentences --block-size 64
    glassgpt train --log - | jq .loss

    With --log - the log goes to standard output, and everything else to standard error.

    With --resume, DATA must be the text that the run was trained on (it is split as it was then),
    and the model is saved in the same directory unless --out names another. --learning-rate,
    --beta1, --beta2, --eps and --steps may change; they apply from the checkpoint's step on, with
    the same linear decay over the new number of steps.

    With --link, the run is the one that the page shows at this address, with all changes made
    there, up to the step in the link. glassgpt inspect prints the link of a saved run.
    """
    values = context.params
    sampling = Sampling(values["temperature"], values["num_samples"], values["prefix"])
    if link is not None:
        if resume is not None:
            raise ConfigError(
                "--link begins a run and --resume continues one", "leave one of them out"
            )
        plan = plan_of_link(context, link, data, way, engine)
    elif resume is not None:
        plan = Plan.to_the_end(_resumed(context, resume, data, way, engine), sampling)
        resume = resume.parent if resume.is_file() else resume
        out = out or resume
        overwrite = overwrite or os.path.realpath(out) == os.path.realpath(resume)
    else:
        session = _begun(values, read_data(data, way), chosen_engine(engine))
        plan = Plan.to_the_end(session, sampling)
    session = plan.session
    again = _resume_command(data, out, log) if out else ""
    if out is not None:  # one that cannot be written is found before training
        _prepare_out(out, again, overwrite=overwrite)
    run_log = Log(log, session.step) if log is not None else None
    alone = run_log is not None and run_log.is_stdout  # then all else goes to stderr
    with redirect_stdout(sys.stderr) if alone else nullcontext():
        if not quiet:
            introduce(session)
        with collected() as caught, progress_for(session.step, plan.end, quiet=quiet) as progress:
            _train(plan, progress, run_log, out, save_every, caught)
        if caught:
            _say_interrupted(plan, again)
            return 128 + caught[0]
        _print_samples(plan, quiet)
    return 0


def _prepare_out(out: Path, again: str, *, overwrite: bool) -> None:
    """Make the directory; raise `CheckpointError` if a model cannot or must not go there."""
    if str(out) == "-":
        raise CheckpointError(
            "a model is saved in a directory, so --out cannot be -, standard output",
            "name a directory, as in --out run",
        )
    prepare_directory(out)
    if not overwrite and (out / FILENAME).exists():
        raise _taken(out, again)


def _taken(out: Path, again: str) -> CheckpointError:
    """Return the error for a directory whose checkpoint the run would replace."""
    try:
        load_checkpoint(out)
    except CheckpointError as error:
        return CheckpointError(
            f"--out would replace a file: {error.what}",
            "name another directory, or give --overwrite to replace the file",
        )
    return CheckpointError(
        f"{str(out)!r} already holds a model",
        f"continue it ({again}), name another directory, or give --overwrite",
    )


def _begun(values: Mapping[str, Any], data: Data, engine: str) -> Session:
    config = Config(**{field: values[field] for field in Config.__dataclass_fields__})
    return Session(config, data.documents, engine=engine, data_name=data.name, cut=data.cut)


def _resume_command(data: str | None, out: Path, log: Path | None) -> str:
    """Return the command that continues the run."""
    words = ["glassgpt", "train", *([data] if data else []), "--resume", str(out)]
    return command_line(*words, *(["--log", str(log)] if log else []))


def _resumed(
    context: click.Context, resume: Path, data: str | None, way: str | None, engine: str | None
) -> Session:
    snapshot = read_checkpoint(resume)
    documents = data_of(snapshot.recipe, data, way).documents
    session = Session.resumed(snapshot, documents, engine=chosen_engine(engine, snapshot.engine))
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


def _train(
    plan: Plan,
    progress: Progress,
    log: Log | None,
    out: Path | None,
    save_every: int,
    caught: list[int],
) -> None:
    """Train to the end or to a signal; in every case, the last complete step is saved."""
    session = plan.session
    saved = -1
    chunk = 1
    try:
        session.follow(plan.recipe)
        while session.step < plan.end and not caught:
            until_save = save_every - session.step % save_every
            began = time.perf_counter()
            records = _run(session, min(chunk, until_save, plan.until_change()), log)
            session.follow(plan.recipe)
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
    """Return how many steps to take next, so that a call takes about `CHUNK_SECONDS`."""
    wanted = steps * CHUNK_SECONDS / max(seconds, 1e-9)
    return max(1, min(int(wanted), 4 * steps))


def _say_interrupted(plan: Plan, command: str) -> None:
    kept = (
        f"continue with: {command}" if command else "nothing was saved; --out DIR saves the model"
    )
    say_error(f"stopped after step {plan.session.step:,} of {plan.end:,}; {kept}")
    if command and (undone := plan.undone()):
        say_error(f"the saved run does not have the changes that were still to come: {undone}")


def _print_samples(plan: Plan, quiet: bool) -> None:
    if plan.sampling.num_samples and not quiet:
        say()
    if plan.draw_seed is not None:
        plan.session.rng.seed(plan.draw_seed)
    for text in plan.session.sample(plan.sampling):
        say_sample(text)
