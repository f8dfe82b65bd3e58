"""Arguments of the tools that work in a sandbox."""

from typing import Annotated, Literal

from pydantic import Field

from agent_runtime.tools.arguments import Arguments

LONGEST_COMMAND_SECONDS = 3600
Path = Annotated[
    str,
    Field(min_length=1, max_length=4096, description="Absolute, or relative to the working directory"),
]
Folder = Annotated[
    str, Field(min_length=1, max_length=4096, description="Where to look; the working directory by default")
]
ProcessId = Annotated[str, Field(min_length=1, max_length=64, description="As sandbox_exec gave it")]
HeadLimit = Annotated[int, Field(ge=1, le=1000, description="How many results at most")]


class ExecArguments(Arguments):
    """What `sandbox_exec` takes."""

    command: Annotated[str, Field(min_length=1, max_length=100_000, description="Run by `bash -c`")]
    timeout_seconds: Annotated[
        int,
        Field(ge=1, le=LONGEST_COMMAND_SECONDS, description="After this the command is killed with all its processes"),
    ] = 120
    run_in_background: Annotated[
        bool, Field(description="Return at once with a process_id; read its output with sandbox_process_read")
    ] = False


class ProcessArguments(Arguments):
    """What `sandbox_process_read` and `sandbox_process_kill` take."""

    process_id: ProcessId


class ReadFileArguments(Arguments):
    """What `sandbox_read_file` takes."""

    path: Path
    offset: Annotated[int, Field(ge=1, description="First line to show, from 1")] = 1
    limit: Annotated[int, Field(ge=1, le=10_000, description="How many lines to show")] = 1000


class WriteFileArguments(Arguments):
    """What `sandbox_write_file` takes."""

    path: Path
    content: Annotated[str, Field(max_length=1_000_000, description="The whole file; an existing one is replaced")]


class EditArguments(Arguments):
    """What `sandbox_edit` takes."""

    path: Path
    old_string: Annotated[str, Field(min_length=1, max_length=500_000, description="Text to replace, exactly")]
    new_string: Annotated[str, Field(max_length=500_000, description="What takes its place")]
    replace_all: Annotated[bool, Field(description="Replace every occurrence, not a single one")] = False


class GrepArguments(Arguments):
    """What `sandbox_grep` takes."""

    pattern: Annotated[str, Field(min_length=1, max_length=2000, description="A regular expression")]
    path: Folder = "."
    glob: Annotated[str | None, Field(max_length=500, description="Only files of such a name, like *.py")] = None
    output_mode: Literal["content", "files_with_matches", "count"] = "files_with_matches"
    head_limit: HeadLimit = 200


class GlobArguments(Arguments):
    """What `sandbox_glob` takes."""

    pattern: Annotated[str, Field(min_length=1, max_length=500, description="Such as **/*.py or src/*.{ts,tsx}")]
    path: Folder = "."
    head_limit: HeadLimit = 100


class ExportArguments(Arguments):
    """What `export_sandbox_file` takes."""

    path: Path
    filename: Annotated[
        str | None, Field(min_length=1, max_length=255, description="Name of the file for people; its own by default")
    ] = None
