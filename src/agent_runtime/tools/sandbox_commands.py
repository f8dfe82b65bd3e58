"""Commands in the sandbox: run to their end, or in the background."""

import hashlib

from agent_runtime.sandboxes.sandbox import ExecResult, Output
from agent_runtime.tools.call_environment import current
from agent_runtime.tools.sandbox_call import in_sandbox, noticed

# Both outputs of a command together fit into what the model is shown of a result.
_OUTPUT_BYTES = 12_000
_LIMITS = {
    "memory": "[The sandbox's memory was full: a process was killed.]",
    "disk": "[The sandbox's disk was full: its processes were killed. Remove files before writing more.]",
}


async def sandbox_exec(command: str, timeout_seconds: int, run_in_background: bool) -> str:
    """Run a command; its exit code does not make the call an error."""
    if run_in_background:
        return await _start(command)
    result = await in_sandbox(lambda sandbox: sandbox.exec(command, timeout_seconds, _OUTPUT_BYTES), repeatable=False)
    return noticed(_shown(result, timeout_seconds))


async def _start(command: str) -> str:
    # The same call started again, after a crash and with a person's word, is the same process.
    process_id = "p" + hashlib.sha256(current().tool_call_id.encode()).hexdigest()[:10]
    await in_sandbox(lambda sandbox: sandbox.start(process_id, command), repeatable=False)
    return noticed(f"process_id: {process_id}")


def _shown(result: ExecResult, timeout_seconds: int) -> str:
    if result.timed_out:
        first = f"timed out after {timeout_seconds} seconds; the command was killed with all its processes"
    else:
        first = f"exit code: {result.exit_code}"
    return "\n".join([first, *(_LIMITS[limit] for limit in result.limits), *_outputs(result.stdout, result.stderr)])


def _outputs(stdout: Output, stderr: Output) -> list[str]:
    named = (("stdout", stdout.text), ("stderr", stderr.text))
    shown = [f"{name}:\n{text.rstrip()}" for name, text in named if text.strip()]
    return shown or ["(no output)"]


async def sandbox_process_read(process_id: str) -> str:
    """How a command in the background is doing."""
    report = await in_sandbox(lambda sandbox: sandbox.process(process_id), repeatable=True)
    state = "running" if report.running else f"ended with exit code {report.exit_code}"
    return noticed("\n".join([state, *_outputs(report.stdout, report.stderr)]))


async def sandbox_process_kill(process_id: str) -> str:
    """End a command in the background."""
    killed = await in_sandbox(lambda sandbox: sandbox.kill(process_id), repeatable=False)
    return noticed("killed" if killed else "it had ended already")
