"""Make src/glassgpt/names.txt, the built-in documents, from the PyPI package `names`.

    uv run --with names==0.3.0 python tools/make_names.py

The package carries the US Census Bureau's first names of 1990 (public domain) with their
frequencies, most frequent first. We keep the names: lower-case, unique, women's list before men's.
"""

from importlib import resources
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src" / "glassgpt" / "names.txt"


def main() -> None:
    """Read both lists and write their names, one a line."""
    package = resources.files("names")
    lines = [
        line
        for file in ("dist.female.first", "dist.male.first")
        for line in (package / file).read_text(encoding="ascii").splitlines()
    ]
    names = dict.fromkeys(line.split()[0].lower() for line in lines if line.strip())
    TARGET.write_text("\n".join(names) + "\n", encoding="ascii")
    print(f"{TARGET}: {len(names)} names")


if __name__ == "__main__":
    main()
