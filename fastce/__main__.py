"""The command line: ``python -m fastce`` and ``python -m fastce info``."""

import sys

from ._tools.demo import main

if __name__ == "__main__":
    sys.exit(main())
