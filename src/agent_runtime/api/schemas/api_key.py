"""Requests and answers about API keys, tenants and the audit log."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from agent_runtime.api.schemas.fields import AnswerModel, Identifier, Moment, RequestModel, Text
from agent_runtime.api.schemas.lists import Filter, PageQuery

Scope = Literal["read", "submit", "approve", "configure", "admin"]
Role = Literal["viewer", "operator", "approver", "developer", "admin"]
TenantId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", min_length=1, max_length=64)]
TenantReference = Annotated[Text, Field(min_length=1, max_length=64)]
DAY_SECONDS = 86_400


class CreateKeyRequest(RequestModel):
    """A key to make: what it may do, by scopes, by roles, or both. `tenant_id` is for the operator alone."""

    name: Annotated[Text, Field(max_length=200)] = ""
    scopes: Annotated[tuple[Scope, ...], Field(max_length=5)] = ()
    roles: Annotated[tuple[Role, ...], Field(max_length=5)] = ()
    expires_at: Moment | None = None
    tenant_id: TenantReference | None = None


class RotateKeyRequest(RequestModel):
    """How long the old secret is taken beside the new one: a day unless said, a week at most."""

    grace_seconds: Annotated[int, Field(ge=0, le=7 * DAY_SECONDS)] = DAY_SECONDS


class KeyQuery(PageQuery):
    """Whose keys: another tenant's are for the operator alone."""

    tenant_id: TenantReference | None = None


class ApiKey(AnswerModel):
    """An API key, without its secret."""

    key_id: str
    prefix: str
    tenant_id: str
    name: str
    scopes: list[str]
    roles: list[str]
    status: Literal["active", "expired", "revoked"]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    rotated_at: datetime | None
    previous_key_valid_until: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class ShownApiKey(ApiKey):
    """A key just made or rotated, with the key itself: shown this once; null in a repeated answer."""

    key: str | None


class ApiKeyPage(AnswerModel):
    """A page of keys, oldest first."""

    items: list[ApiKey]
    next_cursor: str | None


class CreateTenantRequest(RequestModel):
    """A tenant to make."""

    tenant_id: TenantId
    display_name: Annotated[Text, Field(min_length=1, max_length=200)] | None = None


class Tenant(AnswerModel):
    """A tenant."""

    tenant_id: str
    display_name: str
    created_at: datetime


class TenantPage(AnswerModel):
    """A page of tenants, oldest first."""

    items: list[Tenant]
    next_cursor: str | None


class AuditQuery(PageQuery):
    """Filters of the audit log."""

    actor: Filter | None = None
    action: Filter | None = None
    object_kind: Filter | None = None
    object_id: Annotated[Text, Field(min_length=1, max_length=400)] | None = None
    created_after: Moment | None = None
    created_before: Moment | None = None


class AuditRow(AnswerModel):
    """One thing that was done."""

    audit_id: Identifier
    actor: str
    action: str
    object_kind: str
    object_id: str | None
    address: str | None
    request_id: str | None
    before: Any
    after: Any
    created_at: datetime


class AuditPage(AnswerModel):
    """A page of the audit log, newest first."""

    items: list[AuditRow]
    next_cursor: str | None
