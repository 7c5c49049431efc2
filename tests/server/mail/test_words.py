"""What is said of mails is said in Chinese, too."""

import ast
from pathlib import Path

import license_server.mail
from license_server.mail import states
from tests.support.catalogue import translated


def test_all_that_is_said_of_a_mail_has_a_translation() -> None:
    said = set(states.WORDS.values())
    for path in Path(license_server.mail.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            match call:
                case ast.Call(ast.Name("Reason"), [ast.Constant(str(text)), *_]):
                    said.add(text)
    assert len(said) > 10
    assert said - translated() == set()
