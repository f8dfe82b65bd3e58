"""The door to obstore: a local folder, S3, Google Cloud Storage or Azure, by the address in the settings."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from agent_runtime.artifacts import local_folder
from agent_runtime.artifacts.object_store import ObjectMissing
from agent_runtime.config import Settings
from agent_runtime.domain.errors import ObjectStoreUnavailable

# Parts of 5 MB are the least that S3 takes; two of them at once bound what one upload holds in memory. A folder takes
# any size, and small parts faster.
_REMOTE_PART_BYTES = 5 * 1_048_576
_FOLDER_PART_BYTES = 1_048_576
_PARTS_AT_ONCE = 2
_READ_BYTES = 256 * 1024
_ANSWER_SECONDS = 60.0
_S3_VARIABLES = {
    "AWS_ACCESS_KEY_ID": "access_key_id",
    "AWS_SECRET_ACCESS_KEY": "secret_access_key",
    "AWS_SESSION_TOKEN": "session_token",
    "AWS_DEFAULT_REGION": "region",
    "AWS_REGION": "region",
}


class ObstoreObjects:
    """Objects of one store. It is opened at its first use, so that a process starts without it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.data_dir / "artifacts" if settings.artifact_url is None else None
        self._part_bytes = _REMOTE_PART_BYTES if self._folder is None else _FOLDER_PART_BYTES

    @cached_property
    def _store(self) -> Any:
        if self._folder is not None:
            return _open_folder(self._folder)
        return _remote(self._settings)

    async def write(self, key: str, chunks: AsyncIterable[bytes]) -> None:
        """Store the chunks under the key, durably; an error of theirs comes out as it is, and nothing is stored."""
        import obstore

        source = _Source(chunks)
        try:
            await obstore.put_async(
                self._store, key, source, chunk_size=self._part_bytes, max_concurrency=_PARTS_AT_ONCE
            )
            if self._folder is not None:
                await asyncio.to_thread(local_folder.keep, self._folder, key)
        except Exception as error:
            if source.failure is not None:
                raise source.failure from None
            raise _unavailable("written to", error) from error

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The bytes in chunks of a quarter of a megabyte."""
        import obstore

        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                found = await obstore.get_async(self._store, key)
            stream = aiter(found.stream(min_chunk_size=_READ_BYTES))
            while True:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    chunk = await anext(stream, None)
                if chunk is None:
                    return
                yield bytes(chunk)
        except FileNotFoundError:
            raise ObjectMissing(f"there are no bytes under {key}") from None
        except (obstore.exceptions.BaseError, OSError, TimeoutError) as error:
            raise _unavailable("read", error) from error

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove the keys, one after the other: a key that does not exist would end a joint removal."""
        import obstore

        for key in keys:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    with suppress(FileNotFoundError):
                        await obstore.delete_async(self._store, key)
                    if self._folder is not None:
                        await asyncio.to_thread(local_folder.clear, self._folder, key)
            except (obstore.exceptions.BaseError, OSError, TimeoutError) as error:
                raise _unavailable("tidied", error) from error


class _Source:
    """Hands the chunks on and remembers how they failed: the library words an error of ours as its own."""

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = aiter(chunks)
        self.failure: Exception | None = None

    def __aiter__(self) -> "_Source":
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            raise
        except Exception as error:
            self.failure = error
            raise


def _open_folder(folder: Path) -> Any:
    from obstore.store import LocalStore

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        local_folder.sync(folder.parent)
        return LocalStore(prefix=folder)
    except Exception as error:
        raise _unavailable("opened", error) from error


def _remote(settings: Settings) -> Any:
    from obstore.store import from_url

    address = settings.artifact_url or ""
    config: dict[str, Any] = {}
    if address.startswith("s3://"):
        given = settings.provider_environment
        config = {name: given[variable] for variable, name in _S3_VARIABLES.items() if variable in given}
    if settings.artifact_endpoint is not None:
        config["base_url" if address.startswith("gs://") else "endpoint"] = settings.artifact_endpoint
    open_store: Any = from_url
    insecure = (settings.artifact_endpoint or "").startswith("http://")
    try:
        return open_store(
            address,
            config=config or None,
            # A download lasts as long as its reader is slow; each piece has a deadline of ours.
            client_options={"connect_timeout": "5s", "timeout": "1h", "allow_http": insecure},
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=15)},
        )
    except Exception as error:
        raise _unavailable("opened", error) from error


def _unavailable(done: str, error: Exception) -> ObjectStoreUnavailable:
    """The library's text goes on with a dump of its inner structures, of which the first line says enough."""
    reason = (str(error).splitlines() or [""])[0][:300] or type(error).__name__
    return ObjectStoreUnavailable(f"the store of the artifacts could not be {done}: {reason}")
