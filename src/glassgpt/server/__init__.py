"""The local server, and a process for each run."""
