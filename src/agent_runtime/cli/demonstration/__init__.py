"""What `par demo` does: a scripted task whose worker is killed mid-way, and the three figures that come of it.

It never touches agents or tasks other than its own, and kills only the worker that runs its task. `performance.py`
plays it against any running system, `stage.py` finds or builds one, `display.py` shows it.
Start reading at `performance.py`.
"""
