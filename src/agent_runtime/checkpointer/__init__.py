"""The checkpointer: LangGraph's saver over PostgreSQL that writes only under a live attempt.

What a task has ready is gathered by its session and flushed together with what other tasks have ready (group commit),
each under its own fence. A message is stored once; a checkpoint refers to it. Nothing here runs a graph or a model.
Start reading at `session.py` (what one attempt gathers), then `group_commit.py` (how it gets to the database),
`saver.py` (LangGraph's side) and `serializer.py` (what may be stored at all). `stored_form.py`, `holdings.py` and
`rewind.py` load no library of agents: the API reads stored state through them.
"""
