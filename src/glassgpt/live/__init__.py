"""A run on a page: what is shown, when, and in which messages."""
