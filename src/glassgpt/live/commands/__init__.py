"""Commands: one function for each, in one table. What they change is in their context."""
