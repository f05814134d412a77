"""GlassGPT: a tiny GPT made of glass, trained and opened number by number."""

from glassgpt.checkpoint import load_checkpoint, save_checkpoint
from glassgpt.config import Config, Sampling
from glassgpt.data import builtin_names, read_documents
from glassgpt.errors import DivergenceError, GlassError
from glassgpt.model import Activation, Model, load
from glassgpt.recipe import Recipe
from glassgpt.run import Run, train
from glassgpt.session import Session, StepRecord
from glassgpt.snapshot import Snapshot

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Config",
    "DivergenceError",
    "GlassError",
    "Model",
    "Recipe",
    "Run",
    "Sampling",
    "Session",
    "Snapshot",
    "StepRecord",
    "__version__",
    "builtin_names",
    "load",
    "load_checkpoint",
    "read_documents",
    "save_checkpoint",
    "train",
]
