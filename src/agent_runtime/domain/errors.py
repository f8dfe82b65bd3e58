"""One tree of errors, grouped by what the caller can do; each message says what happened, to what, and what to do.

AgentRuntimeError
├── ConfigurationError, StartFailed, MigrationFailed      the operator mends it
├── RequestRefused                                        the client mends the request
│   ├── InvalidRequest, NotFound, Conflict, TooLarge, NotAllowed
├── DatabaseUnavailable, Overloaded, ObjectStoreUnavailable           try again later
├── OutboundFailed                                        an address that a user or a model gave cannot be used
│   └── AddressRefused
├── ToolFailed                                            the model reads the message and decides
├── SecretUnreadable                                      the operator mends the master key, or the secret is set again
├── TaskFailed, ModelCallFailed, StateCorrupt             a task's attempt ends; its code says whether it is retried
├── SandboxFailed                                         the sandbox could not do what was asked of it
│   ├── SandboxGone, SandboxUnavailable
└── LeaseLost                                             the worker drops the task without a word
"""


class AgentRuntimeError(Exception):
    """Root of every error that this project raises on purpose."""


class ConfigurationError(AgentRuntimeError):
    """A setting is unknown or wrong; `setting` is its name."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(f"{setting}: {message}")
        self.setting = setting


class StartFailed(AgentRuntimeError):
    """The system, or one part of it, could not be started; the message is one line for a person."""


class ModelCallFailed(AgentRuntimeError):
    """A model could not be called or gave no usable reply.

    `code` is a `last_error_code` word (`provider_error`, `provider_auth`, `provider_missing`, `model_unknown`,
    `invalid_config`). `throttled` failures (429, 503, 529) wait without counting as a try. `retry_after_seconds` is the
    provider's own wish. `context_exceeded` says that the prompt was longer than the model's window.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        provider: str,
        model: str,
        retryable: bool = False,
        throttled: bool = False,
        status: int | None = None,
        retry_after_seconds: float | None = None,
        context_exceeded: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.provider = provider
        self.model = model
        self.retryable = retryable
        self.throttled = throttled
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        self.context_exceeded = context_exceeded


class MigrationFailed(AgentRuntimeError):
    """The database could not be brought to this version's schema."""


class RequestRefused(AgentRuntimeError):
    """The client sent what cannot be done; nothing was written."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class InvalidRequest(RequestRefused):
    """A field is wrong; `location` is the path to it in the body, `field_rule` says it breaks a rule between fields."""

    def __init__(self, location: tuple[str | int, ...], message: str, *, between_fields: bool = False) -> None:
        super().__init__(message, code="invalid_request")
        self.location = location
        self.between_fields = between_fields


class NotFound(RequestRefused):
    """Nothing of that id belongs to the caller's tenant."""

    def __init__(self, what: str, identifier: str) -> None:
        super().__init__(f"there is no {what} {identifier!r}", code="not_found")


class Conflict(RequestRefused):
    """The state of the object does not allow it; the message names the state."""

    def __init__(self, message: str, *, code: str = "conflict") -> None:
        super().__init__(message, code=code)


class TooLarge(RequestRefused):
    """What was sent is over a limit, which the message names."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="too_large")


class DatabaseUnavailable(AgentRuntimeError):
    """PostgreSQL cannot be reached or is going down; the same call may succeed after `retry_after_seconds`."""

    def __init__(self, message: str, *, retry_after_seconds: int = 2) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class OutboundFailed(AgentRuntimeError):
    """A request to an address that a user or a model gave failed; the message never tells a resolved address.

    `code` is `address_refused`, `unreachable`, `timeout`, `protocol_error` or `too_many_redirects`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AddressRefused(OutboundFailed):
    """The address is not one that may be connected to; nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__("address_refused", message)


class ObjectStoreUnavailable(AgentRuntimeError):
    """The store of the artifacts cannot be reached or refuses; the same call may succeed later."""


class ToolFailed(AgentRuntimeError):
    """A tool could not do what it was asked; the message is its answer to the model, and the task goes on."""


class SandboxFailed(AgentRuntimeError):
    """A sandbox refused or could not do what was asked; `kind` is one of `failed`, `not_found`, `is_directory`,
    `superseded` (a later attempt of the task uses it).
    """

    def __init__(self, message: str, *, kind: str = "failed") -> None:
        super().__init__(message)
        self.kind = kind


class SandboxGone(SandboxFailed):
    """There is no such sandbox any more, and what was in it is lost. `untouched`: the call had not begun."""

    def __init__(self, message: str, *, untouched: bool = False) -> None:
        super().__init__(message)
        self.untouched = untouched


class SandboxUnavailable(SandboxFailed):
    """A sandbox cannot be had: the provider is missing here, refused, or did not answer."""


class SecretUnreadable(AgentRuntimeError):
    """A sealed secret cannot be opened: another master key, another place, or damage. Its text is in no message."""


class Overloaded(AgentRuntimeError):
    """More was asked of this process than it can do soon; nothing was done, the same call may go well in a moment."""


class LeaseLost(AgentRuntimeError):
    """Another attempt, a cancel or an expired lease ended this attempt; nothing more may be written for it."""

    def __init__(self, task_id: str, attempt: int, outcome: str) -> None:
        super().__init__(f"attempt {attempt} of task {task_id} has ended ({outcome}); its worker drops it")
        self.outcome = outcome


class TaskFailed(AgentRuntimeError):
    """An attempt failed in a known way. `code` is a last_error_code of the HTTP contract."""

    def __init__(self, code: str, message: str, *, retryable: bool = False, reason: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.reason = reason


class StateCorrupt(TaskFailed):
    """Stored state failed its checksum or holds what the strict serializer does not know."""

    def __init__(self, message: str) -> None:
        super().__init__("state_corrupt", message)
