"""The base of everything that is kept in a history."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A frozen value that crosses process borders.

    Histories outlive releases: new fields need defaults, and fields of a newer release are ignored by an
    older one instead of stopping its workflows.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
