"""Reads pickles without running anything that they name.

A pickle is a program, which may call any function; `pickle.load` does so. Here its instructions, as
the standard library's `pickletools` lists them, only build plain values, and each call becomes a
`Made`, which says what was to be called with what. Functions that are known to be harmless, and are
ours, may be given for names.
"""

import itertools
import pickletools

PLAIN = (str, bytes, int, float, type(None))  # as keys of dicts: hashing them is harmless


class Global:
    """The name of a function or class."""

    def __init__(self, module, name):
        self.name = f"{module}.{name}"


class Made:
    """What a call that was not made would have made, and what was put into it afterwards."""

    def __init__(self, function, arguments):
        self.name = function.name if isinstance(function, Global) else "?"
        self.arguments = arguments
        self.state = None
        self.entries = {}


def text(value):
    """Python 2's strings are bytes in some pickles and text in others."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


def encoded(data, *_):
    """Bytes, which old protocols write as a text and a call that encodes it."""
    return data.encode("latin-1") if isinstance(data, str) else bytes(data)


def is_array(value):
    """Whether it is a NumPy array; its state is version, shape, type, order and numbers."""
    return isinstance(value, Made) and value.name.endswith("multiarray._reconstruct")


MARK = object()
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "MARK": MARK}
EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list, "EMPTY_TUPLE": tuple}
NOTHING = ("PROTO", "FRAME", "STOP", "READONLY_BUFFER")


class Machine:
    """The stack on which a pickle's instructions work; a method is named after its instruction."""

    def __init__(self, known, persistent):
        self.known, self.persistent = known, persistent
        self.stack, self.memo = [], {}

    def run(self, file):
        for opcode, argument, _ in pickletools.genops(file):
            name = opcode.name
            if name in CONSTANTS:
                self.stack.append(CONSTANTS[name])
            elif name in EMPTY:
                self.stack.append(EMPTY[name]())
            elif name in NOTHING:
                pass
            elif hasattr(self, name):
                getattr(self, name)(argument)
            elif opcode.arg and not opcode.stack_before and name[:3] != "EXT":
                self.stack.append(argument)  # a number or a text
            else:
                raise ValueError(f"instruction {name} is not known")
        return self.stack.pop()

    def marked(self):
        """Takes off what lies above the last mark."""
        at = next(i for i in range(len(self.stack) - 1, -1, -1) if self.stack[i] is MARK)
        found = self.stack[at + 1:]
        del self.stack[at:]
        return found

    def take(self, count):
        if len(self.stack) < count:
            raise ValueError("it takes values that are not there")
        found = self.stack[len(self.stack) - count:]
        del self.stack[len(self.stack) - count:]
        return found

    def call(self, function, arguments):
        known = isinstance(function, Global) and self.known.get(function.name)
        self.stack.append(known(*arguments) if known else Made(function, arguments))

    def fill(self, pairs):
        """Puts pairs of key and value into the topmost value."""
        top = self.stack[-1]
        target = top if isinstance(top, dict) else top.entries
        target.update((key, value) for key, value in pairs if isinstance(key, PLAIN))

    def extend(self, values):
        top = self.stack[-1]
        if isinstance(top, list):
            top.extend(values)
        else:
            top.entries.update(zip(itertools.count(len(top.entries)), values))

    def PUT(self, key):
        self.memo[key] = self.stack[-1]
    BINPUT = LONG_BINPUT = PUT

    def MEMOIZE(self, _):
        self.memo[len(self.memo)] = self.stack[-1]

    def GET(self, key):
        self.stack.append(self.memo[key])
    BINGET = LONG_BINGET = GET

    def POP(self, _):
        self.take(1)

    def POP_MARK(self, _):
        self.marked()

    def DUP(self, _):
        self.stack.append(self.stack[-1])

    def LIST(self, _):
        self.stack.append(self.marked())
    FROZENSET = LIST

    def TUPLE(self, _):
        self.stack.append(tuple(self.marked()))

    def TUPLE1(self, _):
        self.stack.append(tuple(self.take(1)))

    def TUPLE2(self, _):
        self.stack.append(tuple(self.take(2)))

    def TUPLE3(self, _):
        self.stack.append(tuple(self.take(3)))

    def DICT(self, _):
        values = self.marked()
        self.stack.append({})
        self.fill(zip(values[::2], values[1::2]))

    def SETITEM(self, _):
        self.fill([self.take(2)])

    def SETITEMS(self, _):
        values = self.marked()
        self.fill(zip(values[::2], values[1::2]))

    def APPEND(self, _):
        self.extend(self.take(1))

    def APPENDS(self, _):
        self.extend(self.marked())
    ADDITEMS = APPENDS

    def GLOBAL(self, argument):
        self.stack.append(Global(*argument.split(" ", 1)))

    def STACK_GLOBAL(self, _):
        self.stack.append(Global(*self.take(2)))

    def REDUCE(self, _):
        self.call(*self.take(2))
    NEWOBJ = REDUCE

    def NEWOBJ_EX(self, _):
        function, arguments, _ = self.take(3)
        self.call(function, arguments)

    def INST(self, argument):
        self.call(Global(*argument.split(" ", 1)), self.marked())

    def OBJ(self, _):
        function, *arguments = self.marked()
        self.call(function, arguments)

    def BUILD(self, _):
        state, = self.take(1)
        if isinstance(self.stack[-1], Made):
            self.stack[-1].state = state

    def PERSID(self, argument):
        self.stack.append(self.persistent(argument))

    def BINPERSID(self, _):
        self.stack.append(self.persistent(*self.take(1)))


def load(file, known=None, persistent=None):
    """The value of the pickle at the file's position: constants, lists (sets too), tuples, dicts,
    Global and Made; `known`: "module.name" -> function of ours that is called for it; `persistent`:
    gives a value for an identifier. A damaged pickle throws an Exception of any type."""
    return Machine(known or {}, persistent).run(file)
