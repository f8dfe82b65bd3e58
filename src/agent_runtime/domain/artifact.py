"""Files of tasks: how large they may be, what they may be called, and what kind of file one is."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agent_runtime.domain.errors import InvalidRequest, TooLarge

FILE_BYTES = 50 * 1_048_576
TASK_BYTES = 200 * 1_048_576
TASK_FILES = 1_000
NAME_BYTES = 255
HEAD_BYTES = 512
UNKNOWN_TYPE = "application/octet-stream"

Direction = Literal["input", "output"]

_BY_ENDING = {
    "txt": "text/plain", "log": "text/plain", "md": "text/markdown", "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "html": "text/html", "htm": "text/html", "css": "text/css", "js": "text/javascript", "json": "application/json",
    "jsonl": "application/jsonl", "xml": "application/xml", "yaml": "application/yaml", "yml": "application/yaml",
    "toml": "application/toml", "py": "text/x-python", "sh": "text/x-shellscript", "diff": "text/x-diff",
    "patch": "text/x-diff", "pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg",
    "gif": "image/gif", "webp": "image/webp", "svg": "image/svg+xml", "zip": "application/zip",
    "gz": "application/gzip",
    "tgz": "application/gzip", "tar": "application/x-tar", "mp3": "audio/mpeg", "wav": "audio/wav", "mp4": "video/mp4",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}  # fmt: skip
_BY_BEGINNING = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\x7fELF", UNKNOWN_TYPE),
    (b"MZ", UNKNOWN_TYPE),
)
# What a browser does nothing with but show it. Whatever else a file claims to be is sent as bytes.
_INERT = frozenset(
    {"text/plain", "text/csv", "text/markdown", "application/json", "application/pdf", "application/zip"}
    | {"image/png", "image/jpeg", "image/gif", "image/webp"}
)


@dataclass(frozen=True)
class Artifact:
    """A file of a task whose bytes are stored."""

    artifact_id: str
    filename: str
    direction: Direction
    content_type: str
    size_bytes: int
    sha256: str
    created_at: datetime

    def describe(self) -> dict[str, object]:
        """The object of the HTTP contract."""
        return dict(self.__dict__)


def name_problem(filename: str) -> str | None:
    """Why a file may not be called so; None when it may. A name is data: it never becomes a path of ours."""
    try:
        size = len(filename.encode())
    except UnicodeEncodeError:
        return "holds half of a surrogate pair"
    if not 1 <= size <= NAME_BYTES:
        return f"must have 1 to {NAME_BYTES} bytes of UTF-8"
    if filename in (".", ".."):
        return "must not be a name of a folder"
    if "/" in filename or "\\" in filename:
        return "must not hold a slash: it is a name and no path"
    if any(unicodedata.category(each) == "Cc" for each in filename):
        return "must not hold control characters"
    return None


def check_name(filename: str, location: tuple[str | int, ...] = ("body", "files")) -> str:
    """The name itself. Raises InvalidRequest when a file may not be called so."""
    problem = name_problem(filename)
    if problem is not None:
        raise InvalidRequest(location, f"the file name {shown(filename[:100])!r} {problem}")
    return filename


def shown(filename: str) -> str:
    """A name for people's eyes: characters that turn, hide or join text are written as escapes."""
    return "".join(each if unicodedata.category(each)[0] != "C" else f"\\u{ord(each):04x}" for each in filename)


def content_type_of(filename: str, head: bytes, claimed: str | None = None) -> str:
    """What kind of file it is: by its first bytes where they are telling, then as claimed, then by its name."""
    by_name = _BY_ENDING.get(filename.rpartition(".")[2].lower()) if "." in filename else None
    sniffed = next((kind for beginning, kind in _BY_BEGINNING if head.startswith(beginning)), None)
    if sniffed == "application/zip" and by_name is not None and by_name.startswith("application/vnd.openxml"):
        return by_name
    if sniffed is not None:
        return sniffed
    if head[:HEAD_BYTES].lstrip().lower().startswith((b"<!doctype html", b"<html", b"<svg", b"<script")):
        return "image/svg+xml" if head.lstrip().lower().startswith(b"<svg") else "text/html"
    named = _media_type(claimed) or by_name
    if named is None:
        return UNKNOWN_TYPE if b"\x00" in head or not head else "text/plain"
    # Bytes that are no text are not made text by their name.
    return UNKNOWN_TYPE if named.startswith("text/") and b"\x00" in head else named


def served_type(content_type: str) -> str:
    """The type that a download carries."""
    return content_type if content_type in _INERT else UNKNOWN_TYPE


def _media_type(claimed: str | None) -> str | None:
    kind = (claimed or "").partition(";")[0].strip().lower()
    main, slash, sub = kind.partition("/")
    allowed = all(each.isascii() and (each.isalnum() or each in "-+._") for each in main + sub)
    if not slash or not main or not sub or not allowed or len(kind) > 127 or kind == UNKNOWN_TYPE:
        return None
    return kind


def check_room(*, size: int, stored: int, files: int) -> None:
    """Raise TooLarge when a task that holds `files` files of `stored` bytes has no room for one more of `size`."""
    if stored + size > TASK_BYTES:
        raise TooLarge(f"the files of a task may have {TASK_BYTES} bytes in all: {stored} are stored, {size} came")
    if files >= TASK_FILES:
        raise TooLarge(f"a task may have {TASK_FILES} files")
