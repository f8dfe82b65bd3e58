"""A person goes through open requests one by one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from agent_runtime.cli.answering import GivenAnswer, give
from agent_runtime.cli.failure import CommandFailed
from agent_runtime.cli.output import Output
from agent_runtime.cli.request_page import OUTCOME_UNKNOWN, circumstances, question
from agent_runtime.cli.text_editor import edit_arguments
from agent_runtime.cli.wording import safe_line

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient

_SKIP, _QUIT = "s", "q"
_APPROVAL = {"a": "approve", "e": "edit the arguments", "r": "reject"}
_UNKNOWN = {"a": "run it again", "e": "run it with other arguments", "g": "give its result", "l": "leave it out"}
_CLOSING = {_SKIP: "skip", _QUIT: "quit"}


class Review:
    """What one person has seen and done in one sitting."""

    def __init__(self, client: RuntimeClient) -> None:
        self._client = client
        self._output = Output(as_json=False)
        self.seen: set[str] = set()
        self.answered = 0

    async def one(self, task_id: str, left: int) -> bool:
        """Show what the task asks and take an answer. False when the person has had enough."""
        request = await self._client.human_requests.of_task(task_id)
        if request is None or request["request_id"] in self.seen:
            return True
        self.seen.add(request["request_id"])
        self._show(request, left)
        while True:
            key = _choice(request)
            if key in (_SKIP, _QUIT):
                return key == _SKIP
            if await self._settled(request, key):
                return True

    def close(self) -> int:
        """Say what was done."""
        if not self.seen:
            self._output.line("Nothing waits for a person.")
        else:
            self._output.line(f"Answered: {self.answered}, left open: {len(self.seen) - self.answered}.")
        return 0

    def _show(self, request: dict[str, Any], left: int) -> None:
        word = "asks for approval" if request["kind"] == "approval" else "asks"
        title = f"Agent {safe_line(request['agent_id'])} {word} in task {request['task_id']} ({left} open)."
        self._output.line("\n".join(["", title, "", question(request), "", circumstances(request)]))

    async def _settled(self, request: dict[str, Any], key: str) -> bool:
        """Give the answer; False when it has to be given anew."""
        from agent_runtime.client.errors import RequestConflict, RequestInvalid

        try:
            await give(self._client, request["task_id"], request, _answer(request, key), self._output)
        except RequestConflict as error:
            self._output.line(f"Too late: {safe_line(error)}.")
            return True
        except (RequestInvalid, CommandFailed) as error:
            self._output.line(safe_line(error))
            return False
        self.answered += 1
        return True


def _choice(request: dict[str, Any]) -> str:
    """The key of what the person wants."""
    offered = {**_offered(request), **_CLOSING}
    menu = ", ".join(f"[{key}] {text}" for key, text in offered.items())
    while True:
        typed = _ask(f"{menu}: ")
        key = _QUIT if typed is None else typed[:1].lower()
        if key in offered:
            return key


def _offered(request: dict[str, Any]) -> dict[str, str]:
    if request["kind"] == "input":
        return {"r": "respond"}
    return {**_UNKNOWN, "r": "reject"} if request.get("reason") == OUTCOME_UNKNOWN else _APPROVAL


def _answer(request: dict[str, Any], key: str) -> GivenAnswer:
    """The answer that the key stands for, with the words that it needs. Raises CommandFailed without them."""
    if request["kind"] == "input":
        return GivenAnswer("respond", {"message": _words("Your answer: ")})
    if key == "r":
        return GivenAnswer("reject", {"reason": _words("Reason, for the agent to read: ")})
    if key == "e":
        return GivenAnswer("approve", {"args": edit_arguments(request["tool_args"])})
    if key == "g":
        return GivenAnswer("approve", {"result": _words("What it gave: ")})
    return GivenAnswer("approve", {"skip": True} if key == "l" else {})


def _words(prompt: str) -> str:
    text = _ask(prompt)
    if not text:
        raise CommandFailed("Nothing was answered.")
    return text


def _ask(prompt: str) -> str | None:
    """What the person types; None at the end of the input."""
    print(prompt, end="", flush=True)
    line = sys.stdin.readline()
    if line:
        return line.strip()
    print()
    return None
