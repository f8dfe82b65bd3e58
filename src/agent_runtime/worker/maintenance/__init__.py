"""What every worker does beside its tasks: taking over from the dead, timeouts, delayed work, tidying up.

Each duty is a guarded, bounded statement or two, so that any number of workers may do it at once and none leads. A duty
that fails is logged and done again at its next turn. Start reading at `schedule.py`, then `take_over.py`.
"""
