"""What a file is by its first bytes, whatever its name says."""

import re

LOOKED_AT = 512

# Pattern of the first bytes -> what such a file is, and what to do with it.
KINDS = [
    (rb"$", "is empty: fetch or save it again"),
    (rb"version https://git-lfs", "is a pointer of Git LFS, not the file itself: fetch that with git lfs "
     "pull"),
    (rb"(?is)(\xef\xbb\xbf)?\s*<(!doctype|html|head|\?xml|!--|body)",
     "is a web page: the address that it was fetched from leads to a page (to log in or to confirm, "
     "perhaps) and not to the file; fetch the file itself"),
    (rb"\x1f\x8b", "is gzipped: unpack it with gunzip, or tar -xzf"),
    (rb"BZh", "is packed with bzip2: unpack it with bunzip2, or tar -xjf"),
    (rb"\xfd7zXZ\0", "is packed with xz: unpack it with unxz, or tar -xJf"),
    (rb"\x28\xb5\x2f\xfd", "is packed with zstd: unpack it with unzstd"),
    (rb"7z\xbc\xaf\x27\x1c", "is an archive of 7-Zip: unpack it"),
    (rb"Rar!", "is a RAR archive: unpack it"),
    (rb"(?s).{257}ustar", "is a tar archive: unpack it with tar -xf, and name the file in it"),
    (rb"\x89HDF\r\n", "is an HDF5 file: save the arrays by name as .npz (numpy.savez)"),
    (rb"\x93NUMPY", "holds one array without a name: save the arrays by name as .npz (numpy.savez)"),
    (rb"GGUF", "is in the form GGUF of llama.cpp: save the model for PyTorch or as safetensors"),
    (rb"\x7fELF", "is a program"),
    (rb"%PDF", "is a PDF document"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8", "is an image"),
]


def first_bytes(path):
    with open(path, "rb") as file:
        return file.read(LOOKED_AT)


def is_text(start):
    try:
        shown = start.decode()
    except UnicodeDecodeError as problem:
        if problem.end < len(start) - 3:  # not a letter that is cut at the end
            return False
        shown = start[:problem.start].decode()
    return bool(shown) and all(letter.isprintable() or letter in "\t\r\n\f\ufeff" for letter in shown)


def told(start):
    """What a file that begins so is, and what to do, to follow its name; None if it isn't of KINDS."""
    return next((advice for pattern, advice in KINDS if re.match(pattern, start)), None)


def described(start):
    """How any other file begins, to follow its name."""
    if is_text(start):
        line = start.decode(errors="ignore").lstrip("\ufeff").strip().partition("\n")[0].strip()
        return f"is text that begins with {ascii(line[:40])}"
    return f"begins with the bytes {start[:8].hex(' ')}"
