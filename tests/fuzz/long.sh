#!/usr/bin/env bash
# A million inputs for each fuzzer, hours of work. Usage: long.sh [TARGET...]
exec "$(dirname "$0")/run.sh" 1000000 "$@"
