"""The command line: commands that read settings, run a `Session` and print. See README.md."""

from glassgpt.cli.main import main

__all__ = ["main"]
