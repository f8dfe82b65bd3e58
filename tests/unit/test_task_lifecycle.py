"""The transition table and the rules beside it."""

import pytest

from agent_runtime.domain import people_moves
from agent_runtime.domain.dead_letter import error_fingerprint
from agent_runtime.domain.lease import LeaseTiming
from agent_runtime.domain.retry import CRASHES_WITHOUT_PROGRESS, Backoff, after_crash, after_failure
from agent_runtime.domain.task_lifecycle import TERMINAL, TRANSITIONS, Change, Move, Status


def test_every_change_has_its_row() -> None:
    assert set(TRANSITIONS) == set(Change)


def test_a_terminal_task_changes_only_by_redrive_or_follow_up() -> None:
    leaving = {change for change, row in TRANSITIONS.items() if set(row.from_statuses) & TERMINAL}
    assert leaving == {Change.REDRIVE, Change.FOLLOW_UP}


def test_every_state_can_be_left_and_every_state_but_the_first_reached() -> None:
    left = {status for row in TRANSITIONS.values() for status in row.from_statuses}
    reached = {row.to_status for row in TRANSITIONS.values()}
    assert left == set(Status)
    assert reached >= {Status.COMPLETED, Status.DEAD_LETTER, Status.QUEUED, Status.PAUSED}


def test_no_change_starts_what_only_a_claim_may_start() -> None:
    assert all(row.to_status is not Status.RUNNING for row in TRANSITIONS.values())


@pytest.mark.parametrize("status", [status for status in Status if status not in TERMINAL])
def test_a_cancel_ends_every_state_that_is_not_terminal(status: Status) -> None:
    assert status in people_moves.cancel("t", "id").transition.from_statuses


def test_a_refusal_names_the_state_and_what_would_be_needed() -> None:
    refused = people_moves.refusal(Move("t", "id", Change.REDRIVE), "running")
    assert "the task is running" in str(refused)
    assert "dead_letter" in str(refused)


@pytest.mark.parametrize(("failures", "full"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)])
def test_the_backoff_doubles_up_to_its_cap_and_jitter_only_shortens_it(failures: int, full: float) -> None:
    backoff = Backoff()
    assert backoff.seconds(failures, jitter=0) == full
    assert backoff.seconds(failures, jitter=1) == full * 0.75
    assert full * 0.75 <= backoff.seconds(failures) <= full


def test_a_providers_wish_is_the_least_wait() -> None:
    assert Backoff().seconds(1, at_least=120) == 120
    assert Backoff().seconds(5, at_least=0.5, jitter=0) == 16


def test_failures_are_counted_since_the_last_progress() -> None:
    assert after_failure(retry_count=3, max_retries=3, progressed=False).tried_again is False
    verdict = after_failure(retry_count=3, max_retries=3, progressed=True)
    assert (verdict.retry_count, verdict.tried_again) == (1, True)
    assert after_failure(retry_count=0, max_retries=0, progressed=True).tried_again is False


def test_the_third_crash_without_progress_is_the_last_whatever_the_retries() -> None:
    crashes = retries = 0
    for number in range(1, CRASHES_WITHOUT_PROGRESS + 1):
        verdict = after_crash(retry_count=retries, crash_count=crashes, max_retries=100, progressed=False)
        crashes, retries = verdict.crash_count, verdict.retry_count
        assert verdict.tried_again == (number < CRASHES_WITHOUT_PROGRESS)
    assert after_crash(retry_count=retries, crash_count=2, max_retries=100, progressed=True).crash_count == 1


ALIKE = [
    ("task 0190d7a6-1111-7abc-8def-0123456789ab failed", "task 0190d7a6-2222-7abc-8def-ba9876543210 failed"),
    ("no answer within 12 s", "no answer within 3.5 s"),
    ("cannot connect to 10.0.0.1:5432", "cannot connect to 192.168.7.9:6000"),
    ("GET https://a.example/x?y=1 gave nothing", "GET https://b.example/z gave nothing"),
    ("worker host-77-ab12cd ended", "worker host-9-ef34aa ended"),
    ("object at 0x7f00aa", "object at 0x55eeff12"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_failures_of_one_cause_have_one_fingerprint(one: str, other: str) -> None:
    assert error_fingerprint("r", "c", one) == error_fingerprint("r", "c", other)


def test_failures_of_other_causes_differ_and_say_their_version() -> None:
    texts = [("r", "c", "disk full"), ("r", "c", "no such model"), ("r", "d", "disk full"), ("s", "c", "disk full")]
    found = {error_fingerprint(*text) for text in texts}
    assert len(found) == 4
    assert all(one.startswith("v1:") for one in found)


def test_a_fingerprint_survives_any_text() -> None:
    assert error_fingerprint("r", "c", "a\ud800\x00" * 100_000).startswith("v1:")


def test_a_worker_stops_its_own_work_before_its_lease_ends() -> None:
    timing = LeaseTiming(lease=30)
    assert timing.stop_own_work_after == 20
    assert timing.heartbeat < timing.stop_own_work_after < timing.lease
