"""Make tests/golden/*.json: runs of the oracle, against which every engine is held everywhere.

    uv run python -m tools.gen_reference

The oracle (tests/support/oracle.py) shares no code with the package. Each file holds a run's
settings, its documents (or null for the built-in names), initial weights, losses, final weights and
samples, as numbers that read back to the same bits. Made with CPython 3.11 on x86-64 glibc 2.36,
whose exp and log they depend on in the last bit.
"""

import json
from pathlib import Path
from typing import Any

from tests.support import oracle

from glassgpt import builtin_names

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"

WORDS = [
    "αλφα",
    "βήτα",
    "γάμμα",
    "δέλτα",
    "さくら",
    "ゆき",
    "はな",
    "そら",
    "كتاب",
    "قلم",
    "שלום",
    "🍎🍊",
    "🍊🍎🍎",
    "naïve",
    "Zürich",
]

CASES: dict[str, tuple[list[str] | None, int, dict[str, Any]]] = {
    "names": (None, 100, {"num_steps": 100}),
    "words": (
        WORDS,
        40,
        {"n_layer": 2, "n_embd": 6, "n_head": 2, "block_size": 5, "num_steps": 40, "seed": 7,
         "learning_rate": 0.02, "init_std": 0.2, "beta1": 0.9, "beta2": 0.95, "eps": 1e-6},
    ),
}  # fmt: skip


def main() -> None:
    """Run every case and write its file."""
    GOLDEN.mkdir(exist_ok=True)
    for name, (documents, steps, settings) in CASES.items():
        run = oracle.train_quickly(documents or builtin_names(), steps, **settings)
        facts = {
            "made by": "tools/gen_reference.py",
            "settings": settings,
            "documents": documents,
            "losses": run.losses,
            "samples": run.samples,
            "initial": run.initial,
            "final": run.final,
        }
        path = GOLDEN / f"{name}.json"
        lines = ",\n".join(
            f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
            for key, value in facts.items()
        )
        path.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
        print(f"{path.name}: {len(run.losses)} losses, {len(run.final)} weights")


if __name__ == "__main__":
    main()
