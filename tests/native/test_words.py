"""The static client's words: those of the client in Python."""

import re
from pathlib import Path

import pytest

from tests.support import native_commands, native_words


@pytest.mark.parametrize("path", native_words.FILES, ids=lambda path: path.name)
def test_tables_are_up_to_date_with_the_client_in_python(path: Path) -> None:
    # gofmt arranges them; what stands in them is ours
    written = native_words.text_of(path)
    assert "".join(path.read_text("utf-8").split()) == "".join(written.split())


@pytest.mark.parametrize("path", native_words.FILES, ids=lambda path: path.name)
def test_the_static_client_names_no_command_that_it_lacks_and_no_call_of_python(path: Path) -> None:
    text = path.read_text("utf-8")
    assert set(re.findall(r"\{cli\} ([a-z_]+)", text)) <= set(native_commands.COMMANDS)
    assert not re.search(r"\bcheck_installed\(", text)
