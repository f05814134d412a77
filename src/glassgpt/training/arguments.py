"""Checks of the arguments of a session."""

from __future__ import annotations

from collections.abc import Sequence

from glassgpt.errors import ConfigError, DataError
from glassgpt.model.config import Config


def check_types(config: object, documents: object, data_name: object) -> None:
    """Raise `ConfigError` or `DataError` unless these are a Config and a list of texts."""
    if isinstance(documents, str) or not isinstance(documents, Sequence) or not documents:
        raise DataError(
            f"documents are {documents!r}, but must be a list of texts",
            "read_documents(path) reads a file",
        )
    if not isinstance(config, Config):
        raise ConfigError(f"the settings are {config!r}", "give a Config, for instance Config()")
    if not all(isinstance(text, str) for text in documents):
        wrong = next(text for text in documents if not isinstance(text, str))
        raise DataError(f"a document is {wrong!r}, but must be text", "give a list of texts")
    if not any(documents):
        raise DataError("every document is empty", "give at least one text with a character")
    if not isinstance(data_name, str) or not data_name:
        raise DataError(f"data_name is {data_name!r}, but must be a text", "leave it out")
