"""The command `python -m autogsas`."""

from autogsas.cli import main

if __name__ == "__main__":
    main()
