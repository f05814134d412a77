"""A training run and its history: no clock, no thread."""
