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
    Compared,
    Difference,
    HeldOut,
    Imagined,
    Measures,
    Origins,
    Past,
    Price,
    Samples,
    SeedBand,
    Verified,
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
    Hello | Frame | Samples | Spelling | Measures | HeldOut | Compared | Documents | Tokens
    | Explained | Past | Verified | Neighbours | Considered | Settings | Branches | Curve
    | Difference | Price | Imagined | SeedBand | Origins | File | Done | Ended | Refused | Stopped
)  # fmt: skip
