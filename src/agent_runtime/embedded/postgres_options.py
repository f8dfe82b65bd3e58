"""How the embedded server is configured, and why."""

from collections.abc import Mapping

from agent_runtime.domain.errors import StartFailed

# Small, hot tables (queue, sessions, spend counters) turn over many times a minute: vacuum early and without pauses.
# But each vacuum and each analysis of a table makes every connection plan all its statements on that table again, which
# for those of a worker costs as much as many executions: not after every few hundred rows.
_EMBEDDED: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    "shared_buffers": "192MB",
    "effective_cache_size": "1GB",
    "wal_buffers": "16MB",
    "max_wal_size": "1GB",
    # Whole pages that go into the log after a checkpoint are most of it.
    "wal_compression": "pglz",
    "random_page_cost": "1.1",
    "jit": "off",
    # After a kill every file of the folder is synced before recovery begins: one call to the kernel instead of one per
    # file, which takes seconds while the disk is busy.
    "recovery_init_sync_method": "syncfs",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
    "log_min_duration_statement": "2s",
    # Details and parameters hold what users wrote; the log is no place for that.
    "log_parameter_max_length": "0",
    "log_error_verbosity": "terse",
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_threshold": "1000",
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_insert_threshold": "10000",
    "autovacuum_analyze_threshold": "2000",
    "autovacuum_analyze_scale_factor": "0.1",
    "autovacuum_vacuum_cost_delay": "0",
}
DURABLE: Mapping[str, str] = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_THROWAWAY: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def effective_options(extra: Mapping[str, str] | None, *, durable: bool) -> dict[str, str]:
    """All `-c` options of a server; raises StartFailed when extra ones would weaken a durable server."""
    extra = extra or {}
    weakened = [name for name, value in DURABLE.items() if extra.get(name, value) != value]
    if durable and weakened:
        raise StartFailed(f"a durable database server may not run with {weakened[0]}={extra[weakened[0]]}")
    return {**_EMBEDDED, **(DURABLE if durable else _THROWAWAY), **extra}
