"""Credentials for AWS and Google: each place that they come from, and SigV4 as AWS publishes it."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from license_core.errors import SignerUnavailableError
from license_server.signing.signers.aws_credentials import AwsCredentials
from license_server.signing.signers.aws_request import Credentials, Scope, signed
from license_server.signing.signers.channel import Channel
from license_server.signing.signers.google_token import GoogleTokens

NOW = 1_795_000_000
ENDS = "2026-11-18T12:06:40Z"
"""An hour after NOW."""
Says = Callable[[str, str, dict[str, str]], tuple[int, str]]


@contextmanager
def machine(says: Says) -> Iterator[str]:
    """A metadata service; gives its host and port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, text = says(self.command, self.path, headers)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def do_PUT(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
        yield f"127.0.0.1:{made.server_address[1]}"
        made.shutdown()


def test_request_is_signed_as_in_the_published_test_suite() -> None:
    """Its cases post-vanilla and post-sts-header-before."""
    keys = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    headers = {"Host": "example.amazonaws.com"}
    made = signed(keys, Scope("us-east-1", "service"), headers, b"", 1_440_938_160)
    assert made["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    )
    token = (
        "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPf"
        "IeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7W"
        "Z0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8F"
        "DrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
    )
    made = signed(
        keys._replace(token=token), Scope("us-east-1", "service"), headers, b"", 1_440_938_160
    )
    assert made["authorization"].endswith(
        "SignedHeaders=host;x-amz-date;x-amz-security-token, "
        "Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
    )


def aws(environ: dict[str, str], clock: Callable[[], int] = lambda: NOW) -> AwsCredentials:
    return AwsCredentials(environ, None, "default", 60, clock)


def test_credentials_for_aws_come_from_the_environment() -> None:
    given = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    assert aws(given).current() == Credentials("AKID", "s", "t")


def test_what_a_variable_ends_in_is_no_part_of_a_credential() -> None:
    given = {"AWS_ACCESS_KEY_ID": "AKID\n", "AWS_SECRET_ACCESS_KEY": "s\r\n"}
    found = aws(given | {"AWS_SESSION_TOKEN": "t\n"}).current()
    assert found == Credentials("AKID", "s", "t")


@pytest.mark.parametrize(
    "name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
)
@pytest.mark.parametrize("secret", ["hidden\nhidden", "hidden\x00", "hid den", "hidd\xe9n"])
def test_credential_that_cannot_be_sent_is_refused_without_it(name: str, secret: str) -> None:
    given = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s", name: secret}
    with pytest.raises(SignerUnavailableError, match="is not one word of plain") as caught:
        aws(given).current()
    assert "hid" not in caught.value.sentence


def test_container_is_known_by_a_token_without_its_line_end_and_never_said() -> None:
    def says(_: str, __: str, headers: dict[str, str]) -> tuple[int, str]:
        asked.append(headers["authorization"])
        return 401, "{}"

    asked: list[str] = []
    with machine(says) as host:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{host}/"}
        for token, said in (("Basic hidden\n", "status 401"), ("hid\nden", "not one line")):
            with pytest.raises(SignerUnavailableError, match=said) as caught:
                aws(environ | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": token}).current()
            assert "hid" not in caught.value.sentence
    assert asked == ["Basic hidden"]


def test_what_google_says_is_shortened_and_its_token_never_said() -> None:
    answers = [
        (400, {"error": "no", "error_description": "A\n\x1b[31mforged\n" + "B" * 100_000}),
        (200, {"access_token": "hidden\nhidden", "expires_in": 3600}),
    ]
    with machine(lambda *_: (answers[0][0], json.dumps(answers.pop(0)[1]))) as host:
        found = GoogleTokens({"GCE_METADATA_HOST": host}, None, Channel("the key", 60), lambda: NOW)
        for said in ("with the status 400 A ", "is not one word of plain"):
            with pytest.raises(SignerUnavailableError, match=said) as caught:
                found.current()
            assert "hidden" not in caught.value.sentence
            assert caught.value.sentence.isprintable()
            assert len(caught.value.sentence) < 400


def test_machine_gives_credentials_for_aws_until_they_end() -> None:
    asked: list[str] = []

    def says(method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        asked.append(f"{method} {path}")
        if method == "PUT":
            assert headers["x-aws-ec2-metadata-token-ttl-seconds"]
            return 200, "session"
        if headers.get("x-aws-ec2-metadata-token") != "session":
            return 401, ""
        if path.endswith("/security-credentials/"):
            return 200, "hostseal-role"
        assert path.endswith("/hostseal-role")
        given = {"Code": "Success", "AccessKeyId": "ASIA", "SecretAccessKey": "s", "Token": "t"}
        return 200, json.dumps(given | {"Expiration": ENDS})

    clock = [NOW]
    with machine(says) as host:
        found = aws({"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://{host}/"}, lambda: clock[0])
        first = found.current()
        assert (first.key_id, first.secret, first.token) == ("ASIA", "s", "t")
        assert first.until is not None
        found.current()
        assert len(asked) == 3
        clock[0] = first.until - 299
        found.current()
        assert len(asked) == 6


def test_container_gives_credentials_for_aws(tmp_path: Path) -> None:
    def says(_: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        if headers.get("authorization") != "pod":
            return 401, "{}"
        given = {"AccessKeyId": "ASIA", "SecretAccessKey": "s", "Token": "t", "Expiration": ENDS}
        return (200, json.dumps(given)) if path == "/v1/credentials" else (404, "{}")

    token = tmp_path / "token"
    token.write_text("pod\n")
    with machine(says) as host:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{host}/v1/credentials"}
        file = {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)}
        assert aws(environ | file).current().key_id == "ASIA"
        with pytest.raises(SignerUnavailableError, match="answered with the status 401"):
            aws(environ).current()


def test_machine_without_credentials_says_how_to_give_some() -> None:
    for environ in (
        {"AWS_EC2_METADATA_DISABLED": "true"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"},
    ):
        with pytest.raises(SignerUnavailableError, match="name a credentials-file in the URI"):
            aws(environ).current()


def test_machine_gives_a_token_for_google_until_it_ends() -> None:
    asked: list[str] = []

    def says(_: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        asked.append(path)
        if headers.get("metadata-flavor") != "Google":
            return 403, "{}"
        return 200, json.dumps({"access_token": f"t{len(asked)}", "expires_in": 3599})

    clock = [NOW]
    with machine(says) as host:
        channel = Channel("the key", 60)
        found = GoogleTokens({"GCE_METADATA_HOST": host}, None, channel, lambda: clock[0])
        assert [found.current(), found.current()] == ["t1", "t1"]
        clock[0] += 3540
        assert found.current() == "t2"
        found.forget()
        assert found.current() == "t3"
    with pytest.raises(SignerUnavailableError, match="there are no credentials"):
        GoogleTokens({"GCE_METADATA_HOST": "127.0.0.1:1"}, None, channel, lambda: NOW).current()


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        '{"type": "authorized_user"}',
        '{"type": "service_account", "private_key": "x"}',
        "no JSON",
        "[]",
    ],
)
def test_file_that_is_no_service_account_is_refused_without_its_content(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "account.json"
    path.write_text(content)
    path.chmod(0o600)
    tokens = GoogleTokens({}, str(path), Channel("the key", 60), lambda: NOW)
    with pytest.raises(SignerUnavailableError, match="of a service account") as caught:
        tokens.current()
    assert base64.b64encode(content.encode()).decode() not in caught.value.sentence
