"""Lists the modules of each package: ``python -m tests.support.house``.

With each module goes the first line of its docstring. Exits with 1 where a module has none, or has
more than 500 lines, or imports itself by way of others.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("license_core", "license_cli", "license_server")
MOST_LINES = 500


class Module(NamedTuple):
    """One module, as it is written."""

    name: str
    package: str
    lines: int
    docstring: str
    imports: frozenset[str]
    """The modules and names that it imports, in functions and for types too."""


def modules() -> dict[str, Module]:
    """All modules of the three packages, by their dotted names."""
    found = (_read(path) for top in PACKAGES for path in sorted((REPOSITORY / top).rglob("*.py")))
    return {module.name: module for module in found}


def faults(of: dict[str, Module]) -> list[str]:
    """What is wrong with them, in one line each."""
    told = [f"{m.name} has no docstring" for m in of.values() if not m.docstring]
    told += [f"{m.name} has {m.lines} lines" for m in of.values() if m.lines > MOST_LINES]
    return told + [f"import circle: {' -> '.join(circle)}" for circle in circles(of)]


def circles(of: dict[str, Module]) -> list[list[str]]:
    """Chains of imports that come back to where they began; none twice."""
    graph = {name: sorted(_imported(module, of)) for name, module in of.items()}
    done: set[str] = set()
    found: list[list[str]] = []

    def follow(name: str, chain: list[str]) -> None:
        if name in chain:
            found.append([*chain[chain.index(name) :], name])
        elif name not in done:
            for other in graph[name]:
                follow(other, [*chain, name])
            done.add(name)

    for name in graph:
        follow(name, [])
    return found


def _imported(module: Module, of: dict[str, Module]) -> Iterator[str]:
    for name in module.imports:
        other = name if name in of else name.rpartition(".")[0]
        if other in of:
            yield other


def _read(path: Path) -> Module:
    parts = list(path.relative_to(REPOSITORY).with_suffix("").parts)
    package = ".".join(parts[:-1])
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    return Module(
        package if parts[-1] == "__init__" else ".".join(parts),
        package,
        len(text.splitlines()),
        ast.get_docstring(tree) or "",
        frozenset(_names(tree)),
    )


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def main() -> int:
    """Print the house; the exit code."""
    found = modules()
    package = ""
    for module in sorted(found.values(), key=lambda module: (module.package, module.name)):
        if module.package != package:
            package = module.package
            print(f"\n{package}")
        if module.name != package:
            first = module.docstring.partition("\n")[0]
            print(f"  {module.name.removeprefix(f'{package}.'):<20} {first}")
        else:
            print(f"  {module.docstring.partition(chr(10))[0]}")
    wrong = faults(found)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
