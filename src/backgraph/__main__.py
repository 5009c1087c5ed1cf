"""`python -m backgraph` is `backgraph`."""

import sys

from backgraph.cli.main import main

sys.exit(main())
