"""`par demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par demo", "par demo --own", "par demo --json | jq .takeover_seconds")


def run(
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
    """
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
