"""The bytes of tasks' files: written and read as streams, in a local folder or in an object store.

An artifact's row (`store/artifact.py`) exists only when its bytes do: an upload is announced, the bytes are written,
then the row takes their name. This room never makes a path out of a file's name and never holds a whole file.
Start reading at `upload.py`, then `task_artifacts.py` (what tools see). `object_store.py` is the protocol,
`obstore_adapter.py` the one door to the library, `memory_objects.py` the fake for tests.
"""
