"""GlassGPT: a tiny GPT made of glass, trained and opened number by number."""

from glassgpt.analysis.model import Model, load
from glassgpt.analysis.named_array import NamedArray
from glassgpt.analysis.run import Run, train
from glassgpt.data.documents import builtin_names, fingerprint, read_documents
from glassgpt.errors import DivergenceError, GlassError
from glassgpt.model.config import Config, Sampling
from glassgpt.training.checkpoint import load_checkpoint, save_checkpoint
from glassgpt.training.interventions import Ablate, Edit, StopAblating, Tune
from glassgpt.training.recipe import Recipe
from glassgpt.training.records import StepRecord
from glassgpt.training.session import Session
from glassgpt.training.snapshot import Snapshot

__version__ = "0.1.0"

__all__ = [
    "Ablate",
    "Config",
    "DivergenceError",
    "Edit",
    "GlassError",
    "Model",
    "NamedArray",
    "Recipe",
    "Run",
    "Sampling",
    "Session",
    "Snapshot",
    "StepRecord",
    "StopAblating",
    "Tune",
    "__version__",
    "builtin_names",
    "fingerprint",
    "load",
    "load_checkpoint",
    "read_documents",
    "save_checkpoint",
    "train",
]
