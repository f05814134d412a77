"""Texts: reading, splitting and comparing them. Tokens are not used here."""
