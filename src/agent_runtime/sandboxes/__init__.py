"""Where an agent's commands run: a Protocol, its providers `local` (bubblewrap) and `e2b`, and a fake for tests.

`sandbox.py` says what a sandbox is. A local one is three programs: `local.py` in the worker, `keeper.py`, which
outlives the worker and holds the limits, and `inside.py`, the first process inside, which runs what it is asked to.
`keeper_process.py` starts keepers, some of them before a task needs one; `remains.py` clears up after killed ones.
This room never decides when a task gets a sandbox, and writes nothing to the database. Start reading at `sandbox.py`.
"""
