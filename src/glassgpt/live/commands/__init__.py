"""Commands: one function for each, listed in one table. A command changes only its context."""
