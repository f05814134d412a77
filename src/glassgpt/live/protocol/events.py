"""All events."""

from __future__ import annotations

from typing import TypeAlias

from glassgpt.live.protocol.answers import (
    Considered,
    Documents,
    Explained,
    File,
    Neighbours,
    Spelling,
    Tokens,
)
from glassgpt.live.protocol.results import (
    Attribution,
    Baselines,
    Difference,
    EnginesCompared,
    Previewed,
    Price,
    Samples,
    SeedBand,
    ValidationLoss,
    Verified,
    WeightHistory,
)
from glassgpt.live.protocol.run_events import (
    Branches,
    Curve,
    Done,
    Ended,
    Frame,
    Hello,
    Refused,
    Settings,
    Stopped,
)

Event: TypeAlias = (
    Hello | Frame | Samples | Spelling | Baselines | ValidationLoss | EnginesCompared | Documents
    | Tokens | Explained | WeightHistory | Verified | Neighbours | Considered | Settings
    | Branches | Curve | Difference | Price | Previewed | SeedBand | Attribution | File | Done
    | Ended | Refused | Stopped
)  # fmt: skip
