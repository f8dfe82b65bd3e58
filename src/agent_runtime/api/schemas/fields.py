"""Field types that requests share: strict, bounded, and safe to store."""

import re
import uuid
from datetime import datetime, timezone
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MICRODOLLARS_MOST = 10**15
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_OLDEST, _NEWEST = datetime(1900, 1, 1, tzinfo=timezone.utc), datetime(9999, 1, 1, tzinfo=timezone.utc)  # noqa: UP017


class RequestModel(BaseModel):
    """What a client sends: no coercion between types, no unknown fields, no NaN."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class AnswerModel(BaseModel):
    """What the server answers; only described, never used to build the answer."""

    model_config = ConfigDict(extra="allow")


def storable(text: str) -> str:
    """Refuse what PostgreSQL cannot store as text."""
    if "\x00" in text:
        raise ValueError("holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a surrogate pair") from None
    return text


def at_most_bytes(limit: int) -> AfterValidator:
    """Bound a text by its size in UTF-8."""

    def check(text: str) -> str:
        if len(text) > limit or len(text.encode("utf-8", "surrogatepass")) > limit:
            raise ValueError(f"is over the limit of {limit} bytes of UTF-8")
        return text

    return AfterValidator(check)


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("must be a time in RFC 3339 with an offset, such as 2030-01-07T08:00:00Z")
    try:
        found = datetime.fromisoformat(value.upper().replace(" ", "T"))
    except ValueError:
        raise ValueError("is not a time that exists") from None
    if not _OLDEST <= found <= _NEWEST:
        raise ValueError("must lie between the years 1900 and 9999")
    return found


def _uuid_text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a UUID")
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise ValueError("must be a UUID") from None


Text = Annotated[str, AfterValidator(storable)]
Moment = Annotated[datetime, BeforeValidator(_moment), Field(json_schema_extra={"format": "date-time"})]
Identifier = Annotated[str, BeforeValidator(_uuid_text), Field(json_schema_extra={"format": "uuid"})]
AgentId = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$", min_length=1, max_length=64)]
AgentReference = Annotated[Text, Field(min_length=1, max_length=64)]
Budget = Annotated[int, Field(ge=1, le=MICRODOLLARS_MOST)]
Label = Annotated[Text, Field(min_length=1, max_length=128)]
LabelValue = Annotated[Text, Field(max_length=256)]
PoolId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
