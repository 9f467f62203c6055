"""The functions and classes of a file."""

from perdure.ai.syntax import Symbol, language_of, parse, symbols_in


def definitions_in(content: bytes, path: str) -> tuple[Symbol, ...]:
    """Return them, outer ones before what is inside of them; none where the syntax is not known."""
    tree = parse(content, language_of(path))
    return symbols_in(tree) if tree is not None else ()
