"""Texts: read, cut, compared. It knows no tokens."""
