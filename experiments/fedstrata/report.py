"""Writes the report of a run, or of several, as one HTML file that needs no network.

Figures, configuration and tables; `python -m fedstrata plot` writes the figures as files, too.
"""

import argparse
import pathlib

from . import plot


def main(arguments, prog):
    parser = argparse.ArgumentParser(prog=prog, description=__doc__.splitlines()[0])
    parser.add_argument("runs", metavar="RUN_DIR", type=pathlib.Path, nargs="+",
                        help="or a file made by `fedstrata inspect --pack`; several runs are compared")
    parser.add_argument("--out", metavar="DIR", type=pathlib.Path,
                        help="where report.html goes (default: plots in RUN_DIR, or beside the file)")
    parser.add_argument("--analysis", metavar="NAME", help="only this analysis (default: all)")
    arguments = parser.parse_args(arguments)
    plot.draw(arguments.runs, plot.Wanted(out=arguments.out, analysis=arguments.analysis,
                                          figures=False, html=True))
    return 0
