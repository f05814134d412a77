"""The model as values: settings, activations, tokens, addresses. No engine, no files."""
