"""The commands of `python -m fedstrata`, and how one is started.

A command is a module of this package with `main(arguments, prog)`, which returns the exit status and
throws a Problem for what the user can mend, and a line in COMMANDS.
"""

import os
import sys

from .problems import Problem, needed

COMMANDS = {  # word: (module, what it does)
    "plot": ("plot", "draw figures of runs and sweeps"),
    "report": ("report", "write a report of runs as one HTML file"),
    "tensorboard": ("tensorboard", "write a run's metrics and barriers for TensorBoard"),
    "export": ("export", "write a stored model for PyTorch, safetensors or NumPy"),
    "import": ("import_torch", "make a run out of models trained elsewhere"),
    "data": ("data", "convert data sets to the file that the program reads"),
}
NAME = "python -m fedstrata"


def start(module, prog, arguments=None):
    """Exit status of a command: 2, and a sentence, for what is wrong or missing."""
    return ended(prog, lambda: needed(f"{__package__}.{module}").main(arguments, prog))


def ended(prog, work):
    """Exit status of `work`, whose output is written by then."""
    if hasattr(sys.stdout, "reconfigure"):  # for names that the locale cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            return work()
        finally:  # also of --help, which ends by SystemExit: Python's own flush would come too late
            sys.stdout.flush()
    except Problem as problem:
        print(f"{prog}: {problem}", file=sys.stderr)
        return 2
    except MemoryError:
        print(f"{prog}: there is too little memory for this.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130  # as a shell says it of a program that SIGINT ended
    except BrokenPipeError:  # whoever reads the output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # as a shell says it of a program that SIGPIPE ended


def main(words):
    """Starts the command that the first word names."""
    if not words:
        print(f"{NAME}: no command is given ({', '.join(COMMANDS)} or --help).", file=sys.stderr)
        return 2
    word, *arguments = words
    if word in ("-h", "--help", "help"):
        return ended(NAME, lambda: print(usage()) or 0)
    if word not in COMMANDS:
        print(f"{NAME}: '{word}' is none of its commands ({', '.join(COMMANDS)}).",
              file=sys.stderr)
        return 2
    return start(COMMANDS[word][0], f"{NAME} {word}", arguments)


def usage():
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {word:{width}}{what}" for word, (_, what) in COMMANDS.items()]
    return "\n".join([f"usage: {NAME} COMMAND ...", "", *lines, "",
                      f"{NAME} COMMAND --help tells a command's options. What makes runs is the "
                      "program fedstrata."])
