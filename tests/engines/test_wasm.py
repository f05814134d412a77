"""The kernel as WebAssembly, built by ziglang and run under Node: the same losses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path

import pytest

from glassgpt import Config, Session
from tests.conftest import Golden
from tests.support import models

REQUIRED = "GLASSGPT_REQUIRE_ALL" in os.environ  # in CI nothing may be skipped
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wasm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for thing, missing in (
        ("ziglang", not find_spec("ziglang")),
        ("node", not shutil.which("node")),
    ):
        if missing and not REQUIRED:
            pytest.skip(f"{thing} is not installed")
    folder = tmp_path_factory.mktemp("wasm")
    build: list[str | Path] = [
        sys.executable,
        ROOT / "tools" / "build_kernel.py",
        "wasm32-bare",
        folder,
    ]
    subprocess.run(build, check=True)
    return folder / "glass.wasm"


def test_losses_under_node_equal_the_golden_ones(
    wasm: Path, golden: Golden, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Config(**golden.settings)
    session = Session(config, golden.documents)
    documents = session.token_lists(session.documents)
    lengths = [len(document) for document in documents]
    task = {
        "dims": [config.n_layer, config.n_embd, config.n_head, config.block_size,
                 session.tokenizer.vocab_size],
        "schedule": [config.learning_rate, config.beta1, config.beta2, config.eps,
                     config.num_steps],
        "weights": models.weights_of(session.engine.state()),
        "tokens": [token for document in documents for token in document],
        "offsets": list(accumulate(lengths, initial=0)),
        "steps": len(golden.losses),
    }  # fmt: skip
    (tmp_path / "task.json").write_text(json.dumps(task))
    command: list[str | Path] = [
        "node",
        Path(__file__).parent / "wasm" / "run.mjs",
        wasm,
        tmp_path / "task.json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    assert result["losses"] == pytest.approx(golden.losses, rel=0, abs=1e-12)
    with capsys.disabled():
        print(f"\nWebAssembly under Node: {result['microseconds']:.1f} µs/step")
