#!/usr/bin/env python3
"""`python -m fedstrata import` for those who have not installed the package."""

import sys

from fedstrata.commands import start

if __name__ == "__main__":
    sys.exit(start("import_torch", "import_torch.py"))
