"""What the arguments of every tool have in common."""

from pydantic import BaseModel, ConfigDict


class Arguments(BaseModel):
    """Arguments of a tool: nothing beyond what is named, no value of another type taken for the right one."""

    model_config = ConfigDict(extra="forbid", strict=True)
