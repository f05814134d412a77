"""Background jobs, run in short time slices between training steps."""
