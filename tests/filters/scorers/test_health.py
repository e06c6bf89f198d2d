import threading
import time

from filters.scorers.health import Health


class Patient:
    """Is well or not, counts who asks, and may keep them waiting."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked = 0
        self.is_well: bool | None = True
        self.open = threading.Event()
        self.open.set()
        self.health = Health(self.ask, every_seconds=1.0, clock=lambda: self.now)

    def ask(self) -> bool:
        self.asked += 1
        self.open.wait(10)
        if self.is_well is None:
            raise OSError("gone")
        return self.is_well

    def good_at(self, now: float) -> bool:
        """What it says at this time, and its threads have ended by then."""
        self.now = now
        found = self.health.good()
        until = time.monotonic() + 10
        while self.open.is_set() and any(thread.name == "unsay-health" for thread in threading.enumerate()):
            assert time.monotonic() < until
            time.sleep(0.001)
        return found


def test_the_last_answer_is_told_and_the_next_one_asked_for() -> None:
    patient = Patient()
    assert patient.good_at(0.5) and patient.asked == 0
    patient.is_well = False
    assert patient.good_at(1.0) and patient.asked == 1
    assert not patient.good_at(1.5) and patient.asked == 1
    patient.is_well = True
    assert not patient.good_at(2.0)
    assert patient.good_at(2.1) and patient.asked == 2


def test_a_question_that_raises_is_answered_with_no() -> None:
    patient = Patient()
    patient.is_well = None
    patient.good_at(1.0)
    assert not patient.good_at(1.1)


def test_nobody_waits_and_one_question_hangs_at_most() -> None:
    patient = Patient()
    patient.open.clear()
    assert all(patient.good_at(second) for second in range(1, 9))
    patient.open.set()
    patient.good_at(9.0)
    assert patient.asked <= 2
