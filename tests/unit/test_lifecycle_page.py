"""The page about the lifecycle says what the table says."""

from agent_runtime.domain.task_lifecycle import TRANSITIONS, Status
from scripts.draw_lifecycle import DOCUMENT, document


def test_the_page_is_what_the_table_says() -> None:
    assert DOCUMENT.read_text() == document(), "run python scripts/draw_lifecycle.py"


def test_every_transition_is_told() -> None:
    told = document()
    for change, row in TRANSITIONS.items():
        assert f"| {change} |" in told
        assert f"`{row.event_type}`" in told
    assert all(f"`{status}`" in told for status in Status)
