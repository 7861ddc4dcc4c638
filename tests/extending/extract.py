#!/usr/bin/env python3
"""Writes the examples of docs/extending.md as files: extract.py PAGE DIRECTORY NAME...

An example is a block of C++ that begins with the path that the file would have, or of the header that
it would be added to, and NAME is that file's, without .cpp or .hpp. The page must hold exactly the examples NAME...: one that has no test would
never be compiled.
"""

import pathlib
import re
import sys


def examples(page):
    """Text by name."""
    found = {}
    for block in re.findall(r"^```cpp\n(.*?)^```$", page, re.M | re.S):
        first = re.match(r"// [a-z_/]+/([a-z_0-9]+)\.[ch]pp\n", block)
        if not first:
            sys.exit(f"an example does not begin with the path of its file:\n{block}")
        if first[1] in found:
            sys.exit(f"two examples are called {first[1]}")
        found[first[1]] = block
    return found


def main(page, directory, *names):
    found = examples(pathlib.Path(page).read_text())
    for name in sorted(found.keys() - set(names)):
        sys.exit(f"{page}: the example {name} has no tests/extending/{name}_test.cpp")
    for name in sorted(set(names) - found.keys()):
        sys.exit(f"tests/extending/{name}_test.cpp has no example in {page}")
    pathlib.Path(directory).mkdir(parents=True, exist_ok=True)
    for name, text in found.items():
        file = pathlib.Path(directory, f"{name}.cpp")
        if not file.exists() or file.read_text() != text:  # an unchanged one is not compiled again
            file.write_text(text)


main(*sys.argv[1:])
