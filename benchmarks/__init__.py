"""The benchmarks: what every claim about speed and size rests on, each measured beside its peer in one run.

One file per table; a run prints measure, ours, peer, ratio, bar and a verdict, which is computed and never written
by hand. Nothing here is imported by the product, and nothing here takes a shortcut that a worker would not take.
Start reading at `__main__.py`, then `table.py` (what is printed), `bed.py` (the database), `ten_step.py` (a table).
"""
