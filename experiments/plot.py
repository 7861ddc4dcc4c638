#!/usr/bin/env python3
"""`python -m fedstrata plot` for those who have not installed the package (docs/figures.md)."""

import sys

from fedstrata.commands import start

if __name__ == "__main__":
    sys.exit(start("plot", "plot.py"))
