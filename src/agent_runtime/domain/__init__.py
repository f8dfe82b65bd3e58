"""The rules of the product, pure: no await, no clock, no SQL, no library but Python's own.

Everything that decides something is here and can be read and tested by itself: which state follows which, when a
failure is retried, what a call costs. Rooms above ask these functions and carry out the answer.
Start reading at `task_lifecycle.py` (the states and the one table of transitions), then `retry.py` and `errors.py`.
"""
