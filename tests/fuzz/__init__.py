"""Random calls of everything public, judged by textbook formulas: see `fuzz.__main__`."""

import sys
from pathlib import Path

# The battery's table of losses and its formulas are modules of the folder above.
sys.path.append(str(Path(__file__).parents[1]))
