"""Make src/glassgpt/microgpt.json: what microgpt.py itself gave, for `glassgpt verify`.

    uv run python -m tools.make_record FOLDER

FOLDER holds the program's input (names.txt) and what it printed at full precision: losses.txt, one
a step, and samples.txt. The documents stay outside; their fingerprint says which they were.
"""

import json
import sys
from pathlib import Path

from glassgpt import read_documents
from glassgpt.data.documents import fingerprint

RECORD = Path(__file__).parents[1] / "src" / "glassgpt" / "microgpt.json"


def main(folder: Path) -> None:
    """Read the record and write it as one file."""
    facts = {
        "made by": "tools/make_record.py, from a run of microgpt.py (A. Karpathy, February 2026)",
        "data_sha256": fingerprint(read_documents(folder / "names.txt")),
        "losses": [float(line) for line in (folder / "losses.txt").read_text().split()],
        "samples": (folder / "samples.txt").read_text().split(),
    }
    RECORD.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
