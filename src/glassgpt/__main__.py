"""`python -m glassgpt` is the command `glassgpt`."""

from glassgpt.cli import main

if __name__ == "__main__":
    main()
