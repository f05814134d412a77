"""The edition without a server: the worker that runs in a page, and the static site around it."""
