"""What a local folder needs beside the library: files that outlive a loss of power, no leftovers of dead writers."""

import os
from collections.abc import Iterator
from pathlib import Path


def keep(folder: Path, key: str) -> None:
    """Wait until the file of the key, and every folder that leads to it, is on the disk. Blocks; raises OSError.

    The row that names the file is on the disk at its commit; without this its bytes could still be in memory alone.
    """
    sync(folder / key)
    _sync_folders(folder, key)


def clear(folder: Path, key: str) -> None:
    """Remove what a writer of the key that was killed left behind, and wait for the disk. Blocks; raises OSError.

    The library writes under the file's name with `#` and a number, and renames at the end.
    """
    file = folder / key
    if not file.parent.is_dir():
        return
    for leftover in file.parent.glob(f"{file.name}#*"):
        leftover.unlink(missing_ok=True)
    _sync_folders(folder, key)


def _sync_folders(folder: Path, key: str) -> None:
    for place in _folders(folder, key):
        sync(place)


def _folders(folder: Path, key: str) -> Iterator[Path]:
    place = (folder / key).parent
    while place != folder:
        yield place
        place = place.parent
    yield folder


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk. Blocks; raises OSError."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
