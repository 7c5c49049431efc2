"""The end of ``make pins``: what changed in the pinned packages, into requirements/CHANGES.md."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.support import sbom
from tests.support.pythons import REPOSITORY

SETS = ("build", "client", "server", "dev", "tools")
HEADING = "# What changed in the pinned packages\n"


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """A line for each package that is new, gone or of another version; by name and version."""
    lines = []
    for name in sorted(before.keys() | after.keys()):
        former, present = before.get(name), after.get(name)
        if former is None:
            lines.append(f"{name} {present} is new")
        elif present is None:
            lines.append(f"{name} {former} is gone")
        elif former != present:
            lines.append(f"{name} {former} → {present}")
    return lines


def entry(title: str, by_set: dict[str, list[str]]) -> str:
    """The entry of one update; empty: nothing changed."""
    told = [
        f"{line} ({', '.join(name for name, lines in by_set.items() if line in lines)})"
        for line in sorted({line for lines in by_set.values() for line in lines})
    ]
    return "" if not told else "\n".join((f"\n## {title}\n", *(f"- {one}" for one in told), ""))


def _versions(text: str) -> dict[str, str]:
    return {pin.name: pin.version for pin in sbom.pins_in(text, "requirements")}


def _committed(name: str) -> str:
    line = ["git", "show", f"HEAD:requirements/{name}.txt"]
    done = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def main() -> int:
    """Compare what is pinned with what is committed, and note it."""
    folder = REPOSITORY / "requirements"
    by_set = {
        name: changes(
            _versions(_committed(name)), _versions((folder / f"{name}.txt").read_text("utf-8"))
        )
        for name in SETS
    }
    made = entry(datetime.now(UTC).date().isoformat(), by_set)
    path = folder / "CHANGES.md"
    former = path.read_text("utf-8").removeprefix(HEADING) if path.exists() else ""
    if made:
        Path(path).write_text(HEADING + made + former, "utf-8")
    sys.stdout.write(made or "Nothing changed.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
