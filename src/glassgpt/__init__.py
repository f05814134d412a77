"""GlassGPT: a tiny GPT made of glass, trained and opened number by number."""

from glassgpt.checkpoint import load_checkpoint, save_checkpoint
from glassgpt.config import Config, Sampling
from glassgpt.data import builtin_names, read_documents
from glassgpt.errors import GlassError
from glassgpt.session import Session, StepRecord
from glassgpt.snapshot import Snapshot

__version__ = "0.1.0"

__all__ = [
    "Config",
    "GlassError",
    "Sampling",
    "Session",
    "Snapshot",
    "StepRecord",
    "__version__",
    "builtin_names",
    "load_checkpoint",
    "read_documents",
    "save_checkpoint",
]
