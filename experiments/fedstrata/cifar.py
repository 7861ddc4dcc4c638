"""Converts CIFAR-10 or CIFAR-100 from Python's pickles to the binary version, which fedstrata reads.

The source is the published archive (.tar.gz), or the folder that it makes. Needs no package; nothing
that the pickles name is run.
"""

import gzip
import io
import pathlib
import tarfile
import zlib

from .foreign import first_bytes, pickled
from .new_directory import new_directory
from .problems import Problem

IMAGE = 3 * 32 * 32


class Set:
    """One of the two sets: its files of pickles, and the labels of an image, of which the last counts."""

    def __init__(self, title, dataset, folder, train, test, labels):  # pylint: disable=too-many-arguments
        self.title, self.dataset, self.folder = title, dataset, folder
        self.train, self.test, self.labels = train, test, labels  # labels: key -> how many there are

    @property
    def names(self):
        return [*self.train, self.test]


SETS = (Set("CIFAR-10", "cifar10", "cifar-10-batches-py",
            [f"data_batch_{batch}" for batch in range(1, 6)], "test_batch", {"labels": 10}),
        Set("CIFAR-100", "cifar100", "cifar-100-python", ["train"], "test",
            {"coarse_labels": 20, "fine_labels": 100}))


def of_archive(path):
    """Name -> bytes of the files in a tar archive, packed or not, that may belong to a set."""
    wanted = {name for each in SETS for name in each.names}
    try:
        with tarfile.open(path) as archive:
            return {pathlib.PurePosixPath(member.name).name: archive.extractfile(member).read()
                    for member in archive if member.isfile()
                    and pathlib.PurePosixPath(member.name).name in wanted}
    except (tarfile.TarError, EOFError, zlib.error) as problem:
        start = first_bytes.first_bytes(path)
        what = None if start[:2] == b"\x1f\x8b" else first_bytes.told(start)
        reason = str(problem).partition("\n")[0].rstrip(":")
        raise Problem(f"{path} {what or f'is no whole tar archive ({reason}): fetch it again'}."
                      ) from problem


def of_folder(path):
    """Name -> file of a set's files in a folder, or in the folder in it that the archive makes."""
    for each in SETS:
        if any((place / f"{each.train[0]}.bin").exists()
               for place in (path, path / each.folder.replace("-py", "-bin").replace("python", "binary"))):
            raise Problem(f"{path} holds {each.title} in the binary version already: set data.dir to it.")
    found = [{name: place / name for name in each.names if (place / name).is_file()}
             for each in SETS for place in (path, path / each.folder)]
    found = [files for files in found if files]
    if len(found) > 1:
        raise Problem(f"{path} holds more than one set: name one of "
                      f"{', '.join(str(next(iter(files.values())).parent) for files in found)}.")
    return found[0] if found else {}


def contents(file):
    """Where it is, and the bytes, unpacked if they are gzipped."""
    data = file.read_bytes() if isinstance(file, pathlib.Path) else file
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def records(data, labels):
    """The binary form of a file of pickles: of each image its labels, a byte each, then its pixels."""
    found = pickled.load(io.BytesIO(data), {"_codecs.encode": pickled.encoded})
    found = {pickled.text(key): value for key, value in found.items()}
    if not pickled.is_array(found["data"]):
        raise ValueError("its data are no array of NumPy")
    _, shape, kind, columns_first, numbers = found["data"].state
    numbers = pickled.encoded(numbers)
    if pickled.text(kind.arguments[0]) != "u1" or columns_first:
        raise ValueError("its pixels are not bytes, image by image")
    columns = [bytes(found[key]) for key in labels]
    if any(len(column) * IMAGE != len(numbers) or max(column) >= count
           for column, count in zip(columns, labels.values())) or tuple(shape)[1:] != (IMAGE,):
        raise ValueError(f"it has not {IMAGE} pixels and a label below "
                         f"{', '.join(map(str, labels.values()))} for each image")
    made = bytearray()
    for image, own in enumerate(zip(*columns)):
        made += bytes(own) + numbers[image * IMAGE:(image + 1) * IMAGE]
    return made


def convert(source, target):
    """Writes the binary files to a folder; gives the set and how many images were written."""
    if not source.exists():
        raise Problem(f"{source} is not there: SRC is the archive of CIFAR's Python pickles, or the folder "
                      "that it makes.")
    files = of_folder(source) if source.is_dir() else of_archive(source)
    chosen = next((each for each in SETS if set(each.names) & set(files)), None)
    if chosen is None:
        raise Problem(f"{source} has no pickles of CIFAR: looked for "
                      f"{' or '.join(f'{each.train[0]}, ..., {each.test}' for each in SETS)}.")
    lacking = [name for name in chosen.names if name not in files]
    if lacking:
        raise Problem(f"{source} lacks {', '.join(lacking)} of {chosen.title}: fetch it again.")
    counts = {}
    for name in chosen.names:
        try:
            made = records(contents(files[name]), chosen.labels)
        except OSError:
            raise
        except Exception as problem:  # of many types: the file may say anything
            start = contents(files[name])[:first_bytes.LOOKED_AT]
            reason = str(problem).partition("\n")[0] or type(problem).__name__
            what = first_bytes.told(start) or f"is no pickle of {chosen.title} ({reason}): fetch it again"
            raise Problem(f"{name} of {source} {what}.") from problem
        (target / f"{name}.bin").write_bytes(made)
        counts[name] = len(made) // (IMAGE + len(chosen.labels))
    return chosen, counts


def make_folder(source, target):
    """Converts to a new folder, and says how it is used."""
    with new_directory(target, "DST") as made:
        made.mkdir()
        chosen, counts = convert(source, made)
    test = counts[chosen.test]
    print(f"{target}: {chosen.title}, {sum(counts.values()) - test} training and {test} test "
          f"images; next: data.dataset = {chosen.dataset}, data.dir = {target}")
