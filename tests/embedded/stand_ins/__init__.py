"""Small programs that stand in for the API and the worker, so that the supervisor is tested alone.

They speak only the part of the contract that the supervisor needs: health, the worker registry, and a clean end
at SIGTERM. The registry is a folder with one file per live worker.
"""
