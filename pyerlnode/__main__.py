"""`python -m pyerlnode`: the command line."""

import sys

from pyerlnode.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
