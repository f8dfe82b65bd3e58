"""The store: everything that is said to PostgreSQL, and nothing else.

Each room of the product has one file of named queries in `sql/` and one thin module here that runs them and gives
rows back. No rule is decided here: rules live in `domain`. No model, tool or file is touched
while a connection is held.
Start reading at `database.py` (pools and errors), `queries.py` (how named queries are found), then
`task_lifecycle.py` (the one statement that moves a task).
"""
