"""Limits of runs, graphs and samples on a page."""

from __future__ import annotations

from glassgpt.engines.graph import graph_size
from glassgpt.errors import ConfigError, EngineError, counted
from glassgpt.model import parameters as params
from glassgpt.model.config import Config, Sampling
from glassgpt.training.session import Session

MAX_STEPS = 1_000_000  # a page keeps every loss of a run
MAX_PARAMETERS = 2_000_000  # a server keeps several runs, each with gradients, moments and history
MAX_GRAPH = 400_000  # nodes of a scalar graph: some 80 MB, which every tab may hold
MAX_SAMPLES = 200


def check_model(config: Config, vocab_size: int) -> int:
    """Return the number of parameters; raise `ConfigError` for more than a page can show."""
    if config.num_steps > MAX_STEPS:
        raise ConfigError(
            f"steps is {config.num_steps:,}, but a page keeps at most {MAX_STEPS:,}",
            "train longer in the terminal: glassgpt train",
        )
    parameters = params.count(config, vocab_size)
    if parameters > MAX_PARAMETERS:
        raise ConfigError(
            f"a model of these sizes has {parameters:,} parameters; "
            f"the limit on a page is {MAX_PARAMETERS:,}",
            "choose a smaller n_embd or n_layer, or train it in the terminal: glassgpt train",
        )
    return parameters


def check_graph(config: Config, vocab_size: int) -> None:
    """Raise `EngineError` if the scalar engine's graph is too large for a page."""
    context = config.block_size
    nodes = graph_size(config, vocab_size, context, min(context, vocab_size))
    if nodes > MAX_GRAPH:
        raise EngineError(
            f"the graph of a full context of this model has {nodes:,} nodes; "
            f"the limit on a page is {MAX_GRAPH:,}",
            "begin a smaller run, or use the terminal: glassgpt explain --graph, verify",
        )


def check_sampling(sampling: Sampling, session: Session) -> Sampling:
    """Return the sampling; raise `GlassError` if it is not valid for the model of `session`."""
    if sampling.num_samples > MAX_SAMPLES:
        raise ConfigError(
            f"samples is {sampling.num_samples:,}, but a page shows at most {MAX_SAMPLES}",
            "draw more in the terminal: glassgpt sample",
        )
    session.tokenizer.encode(sampling.prefix)
    room = session.config.block_size - 1
    if len(sampling.prefix) > room:
        raise ConfigError(
            f"the prefix has {counted(len(sampling.prefix), 'character')}, but the context "
            f"leaves room for {room}",
            "shorten it, or begin a run with a larger block_size",
        )
    return sampling
