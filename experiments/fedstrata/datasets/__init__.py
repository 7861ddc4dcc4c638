"""Data sets in the forms that others write, and the one file that fedstrata reads.

A form is a module here with NAME (what it is), `matches(path)` and `read(path, options)`, which gives a
`Found` and throws a Problem for what the user can mend, and a line in FORMS, which is asked in its order.
"""

FORMS = ("leaf", "idx", "pickles", "image_folders", "arrays", "tables", "python_sets", "arrow")
