"""Analysis of a run or a model. Functions return values; long ones are iterators."""
