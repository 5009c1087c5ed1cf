"""`python -m backgraph` is `backgraph`."""

import sys

from backgraph.cli.main import program

sys.exit(program())
