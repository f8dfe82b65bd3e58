"""Where a system keeps its things under its data folder."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from agent_runtime.config import Settings
from agent_runtime.domain.errors import StartFailed

LEAST_FREE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Layout:
    """Paths of one system; `root` is absolute, so that a later change of the working folder changes nothing."""

    root: Path

    @property
    def database(self) -> Path:
        """Folder of the embedded server."""
        return self.root / "database"

    @property
    def master_key(self) -> Path:
        """The key that seals the secrets of the embedded database."""
        return self.root / "master_key"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.root / "run" / "lock"

    @property
    def state(self) -> Path:
        """What runs: processes, ports, worker ids."""
        return self.root / "run" / "system.json"

    @property
    def wanted(self) -> Path:
        """What an operator asked a running supervisor for."""
        return self.root / "run" / "wanted.json"

    @property
    def operator_key(self) -> Path:
        """What commands on this machine send to be the operator."""
        return self.root / "run" / "operator.key"

    def log(self, name: str) -> Path:
        """Log file of a part: supervisor, database, api, worker-1 …"""
        return self.root / "logs" / f"{name}.log"

    def prepare(self) -> None:
        """Make the folders; raises StartFailed when that cannot be done or the disk is full."""
        try:
            for folder in (self.root, self.root / "run", self.root / "logs"):
                folder.mkdir(parents=True, exist_ok=True)
                probe = folder / f".probe.{os.getpid()}"
                probe.write_text("x")
                probe.unlink(missing_ok=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise StartFailed(f"cannot write to the data folder {self.root}: {reason} (PAR_DATA_DIR)") from None
        foreign = [file for file in (self.root / "run").iterdir() if not os.access(file, os.R_OK | os.W_OK)]
        if foreign:
            raise StartFailed(f"{foreign[0]} belongs to another user: start as that user, or set PAR_DATA_DIR")
        free = shutil.disk_usage(self.root).free
        if free < LEAST_FREE_BYTES:
            raise StartFailed(
                f"only {free // 2**20} MB are free in the data folder {self.root}, "
                f"{LEAST_FREE_BYTES // 2**20} MB are needed (PAR_DATA_DIR)"
            )


def layout_of(settings: Settings) -> Layout:
    """The layout of the system that these settings name."""
    return Layout(settings.data_dir.absolute())


def log_paths(settings: Settings) -> dict[str, Path]:
    """The logs that exist in a system, by the name of the part: supervisor, database, api, worker-1 …"""
    folder = layout_of(settings).root / "logs"
    return {file.stem: file for file in sorted(folder.glob("*.log"))}
