"""Fixtures that more than one test file uses."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from glassgpt import builtin_names
from glassgpt.browser.site import PYTHON
from glassgpt.data import documents as data

settings.register_profile(
    "default", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def need(missing: str) -> None:
    """Skip a test if something is missing; in CI nothing may be missing."""
    if missing and os.environ.get("CI"):
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)


def need_python_for_the_browser() -> None:
    """Skip a test if it is not built: a step of CI builds it, README's commands do not."""
    if PYTHON.exists():
        return
    if os.environ.get("GLASSGPT_REQUIRE_ALL"):
        pytest.fail("Python for the browser is not built")
    pytest.skip("Python for the browser is not built (python -m tools.build_python)")


@dataclass(frozen=True)
class Reference:
    """The recorded run of microgpt.py itself."""

    documents: list[str]
    losses: list[float]
    final: list[float]
    samples: list[str]


@pytest.fixture(scope="session")
def reference() -> Reference:
    folder = Path(__file__).parents[2] / "shared" / "reference"
    if not folder.is_dir():
        pytest.skip("the recorded run of microgpt.py is not next to the project")

    def lines(name: str) -> list[str]:
        return (folder / name).read_text(encoding="utf-8").split()

    return Reference(
        documents=data.read_documents(folder / "names.txt"),
        losses=[float(line) for line in lines("losses.txt")],
        final=[float(line) for line in lines("final_weights.txt")],
        samples=lines("samples.txt"),
    )


@dataclass(frozen=True)
class Golden:
    """A recorded run of the oracle (tools/gen_reference.py)."""

    settings: dict[str, Any]
    documents: list[str]
    losses: list[float]
    samples: list[str]
    initial: list[float]
    final: list[float]


@pytest.fixture(params=["names", "words"])
def golden(request: pytest.FixtureRequest) -> Golden:
    path = Path(__file__).parent / "golden" / f"{request.param}.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    del facts["made by"]
    facts["documents"] = facts["documents"] or builtin_names()
    return Golden(**facts)
