#!/usr/bin/env bash
# Do two builds of the program give the same bits, and does the new one take what the old one wrote?
# Usage: compare_builds.sh OLD_BINARY NEW_BINARY [CASE...], or --list, or --self-check BINARY.
set -euo pipefail

# Debian's Python, the one that has h5py and matplotlib.
export PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "$(dirname "$0")/compare_builds/main.py" "$@"
