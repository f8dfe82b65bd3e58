"""`par demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par demo", "par demo coding", "par demo --own", "par demo --json | jq .takeover_seconds")


def run(
    what: Annotated[
        str, typer.Argument(metavar="[research|coding]", help="Which one.", show_default=False)
    ] = "research",
    own: Annotated[
        bool,
        typer.Option("--own", help="Start a temporary system even if one runs here.", show_default=False),
    ] = False,
    as_json: AsJson = False,
) -> int:
    """See a task survive its worker: under a minute, no key needed.

    A scripted research task runs on two workers; the one that has it is killed with SIGKILL mid-way. Shown are the
    takeover time, the steps that were not repeated and the money that was not spent twice. It uses the system that
    runs here, or starts one in a temporary folder on a free port and removes it afterwards.

    `coding` mends a bug of a small repository in a local sandbox, while its worker is killed twice: the sandbox lives
    on, each command runs once, and the patch is a file of the task.
    """
    if what == "coding":
        return _coding(own, as_json)
    if what != "research":
        raise typer.BadParameter(f"there is no demo {what!r}: research or coding")
    from agent_runtime.cli.demonstration.display import audience_for
    from agent_runtime.cli.demonstration.performance import DemoReport, Performance
    from agent_runtime.cli.demonstration.stage import prepared_stage
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask_at, credential
    from agent_runtime.client import ClientOptions, RuntimeClient

    output = Output(as_json)
    with prepared_stage(output, own) as stage:
        audience = audience_for(output)

        async def perform(client: RuntimeClient) -> DemoReport:
            with audience:
                return await Performance(client, stage.worker_pids, audience).play()

        report = ask_at(ClientOptions(url=stage.url, api_key=credential(stage.settings, stage.url)), perform)
        audience.report(report)
    return 0 if report.good else 1


def _coding(own: bool, as_json: bool) -> int:
    from agent_runtime.cli.demonstration.coding import CodingReport, CodingRun, tell
    from agent_runtime.cli.demonstration.stage import prepared_stage
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask_at, credential
    from agent_runtime.client import ClientOptions, RuntimeClient

    output = Output(as_json)
    with prepared_stage(output, own) as stage:

        async def perform(client: RuntimeClient) -> CodingReport:
            return await CodingRun(client, stage.worker_pids, output).play()

        report = ask_at(ClientOptions(url=stage.url, api_key=credential(stage.settings, stage.url)), perform)
        tell(output, report)
    return 0 if report.good else 1
