"""The worker: claims tasks, runs each as an attempt, and keeps its own lease; every worker also runs the maintenance.

It never serves HTTP and never imports the API: the two meet in PostgreSQL. A worker may be killed at any line; what
it had not committed is done again by another, what it had is not.
Start reading at `run_attempt.py` (one attempt as a pipe of steps), then `claim_loop.py`, `heartbeat.py`, `settle.py`
and `maintenance/`; `process.py` puts them together.
"""
