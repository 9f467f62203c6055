"""What Perdure knows and decides. Pure: the standard library and pydantic only."""
