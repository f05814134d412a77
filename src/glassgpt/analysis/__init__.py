"""Questions about a run or a model; each returns values, long ones are iterators."""
