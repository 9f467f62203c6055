"""Files are cut up by their syntax, whatever is in them."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.ai.chunking import LARGEST, cut_file
from perdure.ai.definitions import definitions_in
from perdure.ai.reading import cut_files, reading
from perdure.ai.syntax import enclosing, language_of

PYTHON = '''"""A module."""

import os


class Reader:
    """Reads."""

    def read(self, path):
        with open(path) as file:
            return file.read()

    def close(self):
        pass


@decorated
def write(path, text):
    with open(path, "w") as file:
        file.write(text)
'''


def cut(path, text, **options):
    return cut_file(path, text.encode() if isinstance(text, str) else text, **options)


def long_function(name, lines=30):
    body = "".join(f"    {name}_{number} = compute({number}, 'some text')\n" for number in range(lines))
    return f"def {name}():\n{body}"


def test_a_function_of_some_size_is_a_piece_of_its_own():
    """Searches return functions, not halves of two."""
    text = f"{long_function('first')}\n\n{long_function('second')}"
    found = cut("a.py", text).chunks
    assert [(chunk.symbol, chunk.start_line) for chunk in found] == [("first", 1), ("second", 34)]


def test_short_neighbours_share_a_piece():
    """A piece for each constant would find nothing."""
    [chunk] = cut("a.py", PYTHON).chunks
    assert (chunk.start_line, chunk.end_line, chunk.language) == (1, 20, "python")


def test_what_is_too_long_is_cut_between_statements():
    """And says what it is inside of."""
    found = cut("a.py", f"class Long:\n{'    x = 1'}\n\n" + _indented(long_function("method", 200))).chunks
    assert len(found) > 3
    assert all(len(chunk.text) <= LARGEST for chunk in found)
    assert {chunk.symbol for chunk in found[1:]} == {"Long.method"}


def _indented(text):
    return "".join(f"    {line}" for line in text.splitlines(keepends=True))


def test_definitions_are_found_with_what_they_are_in():
    """A reviewer is told where a line stands."""
    symbols = cut("a.py", PYTHON).symbols
    assert [symbol.name for symbol in symbols] == ["Reader", "Reader.read", "Reader.close", "write"]
    assert enclosing(symbols, 10).name == "Reader.read"
    assert enclosing(symbols, 7).name == "Reader"
    assert enclosing(symbols, 2) is None


@pytest.mark.parametrize(
    ("path", "text", "names"),
    [
        ("a.go", "package a\nfunc (r *R) Do() {}\ntype T struct{}\n", ["Do", "T"]),
        ("a.rs", "impl Foo { fn bar(&self) {} }\n", ["Foo", "Foo.bar"]),
        ("a.ts", "export class A { m(): void {} }\nexport const f = () => 1;\n", ["A", "A.m", "f"]),
        ("a.c", "static int *twice(int a) { return 0; }\n", ["twice"]),
        ("a.cpp", "namespace n { class B { int g() { return 1; } }; }\n", ["n", "n.B", "n.B.g"]),
        ("A.java", "class A { void m() {} }\n", ["A", "A.m"]),
        ("a.rb", "class A\n  def m\n  end\nend\n", ["A", "A.m"]),
        ("a.sh", "f() { echo; }\n", ["f"]),
    ],
)
def test_languages_have_their_own_definitions(path, text, names):
    """The words for functions and classes differ; what is found does not."""
    assert [symbol.name for symbol in cut(path, text).symbols] == names


def test_what_only_moved_keeps_its_id():
    """Another path, other lines: nothing is paid for again."""
    text = long_function("first")
    [before] = cut("a.py", text).chunks
    moved = cut("lib/b.py", f"import os\n\n{long_function('other')}\n\n{text}").chunks
    assert before.chunk_id in {chunk.chunk_id for chunk in moved}


def test_a_change_changes_the_id():
    """What is new is embedded."""
    ids = {cut("a.py", f"def f():\n    return {number}\n").chunks[0].chunk_id for number in range(3)}
    assert len(ids) == 3


def test_ids_are_the_same_in_every_process():
    """Workers on other machines have to recognise them."""
    [chunk] = cut("a.py", PYTHON).chunks
    cut_it = f"cut_file('a.py', {PYTHON!r}.encode()).chunks[0].chunk_id"
    code = f"from perdure.ai.chunking import cut_file; print({cut_it})"
    environment = {"PYTHONPATH": ":".join(sys.path)}
    other = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
    assert other.strip() == chunk.chunk_id


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"a\0b", "binary"),
        (b"x\n" * 600_000, "larger than 1 MB"),
        (b"a=1;" * 5_000, "its lines are too long for people"),
    ],
)
def test_what_nobody_wrote_is_left_out_and_said(content, reason):
    """An index of generated text finds generated text."""
    assert cut("a.js", content).skipped == reason


def test_text_in_another_encoding_is_cut_all_the_same():
    """Latin-1 is still code."""
    [chunk] = cut("a.py", "def größe():\n    return 'ü'\n".encode("latin-1")).chunks
    assert "return" in chunk.text


def test_a_file_of_no_known_language_is_cut_by_lines():
    """Whole lines, none left out."""
    text = "".join(f"entry number {number} of this list\n\n" for number in range(200))
    found = cut("list.unknown", text).chunks
    assert len(found) > 2
    assert "\n".join(chunk.text for chunk in found).split() == text.split()


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(
        st.sampled_from(
            [*PYTHON.splitlines(), "{", "}", "((", "class A:", "def f(", '"""', "x" * 3000, "\t"]
        ),
        max_size=120,
    ),
    path=st.sampled_from(["a.py", "a.js", "a.c", "a.md", "a.yaml", "a.html", "plain"]),
)
def test_nothing_is_lost_between_pieces(lines, path):
    """Every line that is not blank is in exactly one piece, in order, however broken the file is."""
    text = "\n".join(lines)
    found = cut(path, text)
    if found.skipped:
        return
    numbers = [number for chunk in found.chunks for number in range(chunk.start_line, chunk.end_line + 1)]
    assert numbers == sorted(set(numbers))
    missing = set(range(1, len(lines) + 1)) - set(numbers)
    assert not any(text.split("\n")[number - 1].strip() for number in missing)
    for chunk in found.chunks:
        assert chunk.text == "\n".join(text.split("\n")[chunk.start_line - 1 : chunk.end_line])


async def test_a_file_that_crashes_its_parser_stops_nothing(tmp_path):
    """400,000 list marks end the process that parses them: the file is cut by lines, the others as ever."""
    (tmp_path / "a.py").write_text(PYTHON)
    (tmp_path / "evil.yaml").write_bytes(b"- " * 400_000 + b"\n" * 3_000)
    (tmp_path / "z.py").write_text(PYTHON)
    async with reading(tmp_path) as reader:
        assert (await reader.symbols("a.py"))[0].name == "Reader"
        evil = await reader.cut("evil.yaml")
        assert reader.crashes == 1
        assert (evil.skipped, evil.symbols) == ("", ())
        assert evil.chunks
        assert (await reader.symbols("z.py"))[0].name == "Reader"
        assert reader.crashes == 1


async def test_a_file_that_is_gone_is_said(tmp_path):
    """A listing may be older than the folder."""
    [(path, found)] = [each async for each in cut_files(tmp_path, ["gone.py"])]
    assert (path, found.skipped) == ("gone.py", "cannot be read: No such file or directory")


async def test_the_process_that_parses_knows_no_secret(tmp_path, monkeypatch):
    """Whatever takes it over finds no token in its environment."""
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    (tmp_path / "a.py").write_text(PYTHON)
    async with reading(tmp_path) as reader:
        await reader.cut("a.py")
        with open(f"/proc/{reader.pid}/environ", "rb") as file:  # noqa: ASYNC230
            assert b"ghp_secret" not in file.read()


def test_a_reviewer_is_told_where_things_are_without_parsing_them_itself():
    """The same crash costs one file its definitions, and the worker nothing."""
    names = [symbol.name for symbol in definitions_in(PYTHON.encode(), "a.py")]
    assert names == ["Reader", "Reader.read", "Reader.close", "write"]
    assert definitions_in(b"- " * 400_000 + b"\n" * 3_000, "evil.yaml") == ()
    assert [symbol.name for symbol in definitions_in(b"def f(): ...\n", "b.py")] == ["f"]
    assert definitions_in(b"x" * 2_000_000, "large.py") == definitions_in(b"x", "LICENSE") == ()


def test_names_tell_the_language():
    """As far as there is a grammar for it."""
    known = {"Dockerfile": "dockerfile", "a/b.TSX": "tsx", "x.kt": "kotlin", "LICENSE": "", "a.tf": "hcl"}
    assert {path: language_of(path) for path in known} == known


def test_every_language_that_is_named_has_a_grammar():
    """A typing mistake in the table would silently cut a language by lines."""
    from semble_grammars import available_languages

    from perdure.ai import syntax

    named = {*syntax._BY_NAME.values(), *syntax._BY_SUFFIX.values()}
    assert named <= set(available_languages())
