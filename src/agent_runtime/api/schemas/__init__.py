"""The shapes of requests and answers, as pydantic models: strict types, limits, no unknown fields.

Requests are checked with them; answers are only described by them, for the OpenAPI document, and are written from
rows as they are. Start reading at `fields.py`.
"""
