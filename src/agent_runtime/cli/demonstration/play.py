"""The scripted research: ten turns of the `scripted` model, nine of them with a tool call."""

from __future__ import annotations

import json
from typing import Any

AGENT_ID = "par-demo"
TURNS = 10
_LATENCY_SECONDS = 0.8
_QUESTION = "Could rooftop solar power a town of 100 000 people?"
_RESEARCH = (
    ("Roof area of the town in m²: 100 000 people, 25 m² each", "100000 * 25"),
    ("Part of it that is usable, 40 %", "2500000 * 0.4"),
    ("Peak power in kW at 0.2 kW a m²", "1000000 * 0.2"),
    ("Yearly yield in MWh at 1 000 full hours", "200000 * 1000 / 1000"),
    ("Demand of the town in MWh: 1.6 MWh a person", "100000 * 1.6"),
    ("Yield against demand", "200000 / 160000"),
    ("Loss if half is used later, through batteries at 90 %", "200000 * 0.5 * 0.1"),
    ("What is left in MWh", "200000 - 10000"),
    ("Margin over demand in percent", "(190000 / 160000 - 1) * 100"),
)
_ANSWER = (
    "Yes, over a year: the roofs yield about 190 000 MWh after storage losses, 19 % more than the town's "
    "160 000 MWh. Winter remains the hard part."
)


def agent() -> dict[str, Any]:
    """The agent that the demo needs; its model has a price, so that there is money to save."""
    return {
        "agent_id": AGENT_ID,
        "display_name": "Demo: research in ten turns",
        "agent_config": {
            "system_prompt": "You answer questions by calculating.",
            "provider": "scripted",
            "model": "priced",
            "allowed_tools": ["calculator"],
            # Bounds the estimate at which the call that the kill interrupts is settled.
            "max_output_tokens": 400,
        },
    }


def task_input() -> str:
    """The script, in the form that `docs/scripted-model.md` describes; every turn reads more than the one before."""
    turns: list[dict[str, Any]] = [
        {
            "text": thought,
            "tool": "calculator",
            "args": {"expression": expression},
            "input_tokens": 1200 + 350 * number,
            "output_tokens": 180,
        }
        for number, (thought, expression) in enumerate(_RESEARCH)
    ]
    turns.append({"text": _ANSWER, "input_tokens": 1200 + 350 * len(_RESEARCH), "output_tokens": 240})
    return json.dumps({"task": _QUESTION, "script": turns, "latency_seconds": _LATENCY_SECONDS}, ensure_ascii=False)
