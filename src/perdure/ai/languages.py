"""Which language a file is in, by its name."""

from pathlib import PurePosixPath
from typing import Final

_BY_NAME: Final = {
    "Dockerfile": "dockerfile",
    "Containerfile": "dockerfile",
    "Makefile": "make",
    "GNUmakefile": "make",
    "CMakeLists.txt": "cmake",
    "justfile": "just",
    "Gemfile": "ruby",
    "Rakefile": "ruby",
    "BUILD": "starlark",
    "WORKSPACE": "starlark",
}

_BY_SUFFIX: Final = {
    suffix: language
    for language, suffixes in {
        "asciidoc": "adoc asciidoc",
        "astro": "astro",
        "bash": "sh bash zsh ksh",
        "batch": "bat cmd",
        "c": "c h",
        "clojure": "clj cljs cljc edn",
        "cmake": "cmake",
        "cpp": "cc cpp cxx c++ hh hpp hxx h++ cu",
        "csharp": "cs",
        "css": "css",
        "dart": "dart",
        "dockerfile": "dockerfile",
        "elixir": "ex exs",
        "embedded_template": "erb ejs",
        "erlang": "erl hrl",
        "fortran": "f f90 f95 f03",
        "go": "go",
        "gotmpl": "tmpl gotmpl",
        "graphql": "graphql gql",
        "groovy": "groovy gradle",
        "haskell": "hs",
        "hcl": "hcl tf tfvars",
        "heex": "heex",
        "html": "html htm xhtml",
        "ini": "ini cfg",
        "java": "java",
        "javascript": "js jsx mjs cjs",
        "jinja2": "j2 jinja jinja2",
        "json": "json webmanifest",
        "json5": "json5",
        "jsonc": "jsonc",
        "jsonnet": "jsonnet libsonnet",
        "julia": "jl",
        "kdl": "kdl",
        "kotlin": "kt kts",
        "latex": "tex sty",
        "lua": "lua",
        "make": "mk",
        "markdown": "md markdown",
        "nix": "nix",
        "objc": "m mm",
        "ocaml": "ml mli",
        "org": "org",
        "perl": "pl pm",
        "php": "php",
        "powershell": "ps1 psm1",
        "properties": "properties",
        "proto": "proto",
        "python": "py pyi pyw",
        "r": "r",
        "racket": "rkt",
        "rst": "rst",
        "ruby": "rb rake gemspec",
        "rust": "rs",
        "scala": "scala sc sbt",
        "scheme": "scm ss",
        "scss": "scss",
        "solidity": "sol",
        "sql": "sql",
        "starlark": "bzl bazel star",
        "svelte": "svelte",
        "swift": "swift",
        "toml": "toml",
        "tsx": "tsx",
        "typescript": "ts mts cts",
        "typst": "typ",
        "vim": "vim",
        "vue": "vue",
        "wat": "wat",
        "xml": "xml xsd xsl svg",
        "yaml": "yaml yml",
        "zig": "zig",
    }.items()
    for suffix in suffixes.split()
}


def language_of(path: str) -> str:
    """Return tree-sitter's name of the language of a file; empty where it has none."""
    name = PurePosixPath(path).name
    return _BY_NAME.get(name) or _BY_SUFFIX.get(name.rpartition(".")[2].lower() if "." in name else "", "")
