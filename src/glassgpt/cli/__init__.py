"""The terminal: commands that read settings, drive a `Session` and print. README.md tells more."""

from glassgpt.cli.main import main

__all__ = ["main"]
