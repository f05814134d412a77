"""What a model is: its settings, parts, tokens and addresses, as values. No engine, no file."""
