"""`python -m hilevel`: the command `hilevel`."""

import sys

from hilevel.cli import main

sys.exit(main())
