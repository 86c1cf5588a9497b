"""`python -m handstamp` is `handstamp`."""

from handstamp.cli import main

if __name__ == "__main__":
    main()
