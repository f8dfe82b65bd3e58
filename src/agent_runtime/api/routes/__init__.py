"""One file per room of the HTTP contract: which paths there are, what each takes and what it answers.

A route reads the request, calls one function of the store, and shapes the answer. It decides nothing and says nothing
to the database itself. Start reading at `task.py`.
"""
