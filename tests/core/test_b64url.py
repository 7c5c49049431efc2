"""base64url and plain base64 are read strictly, and on every Python alike."""

import base64
import random

import pytest

from license_core import b64url

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_what_is_encoded_decodes_to_itself() -> None:
    chance = random.Random(1)
    for size in range(70):
        data = chance.randbytes(size)
        assert b64url.decode(b64url.encode(data)) == data
        assert b64url.decode_standard(base64.b64encode(data).decode()) == data


def test_a_long_text_is_encoded_and_decoded_in_pieces_of_any_length() -> None:
    chance = random.Random(1)
    for size in range(70):
        data = chance.randbytes(size)
        text = b64url.encode(data)
        for step in range(1, 8):
            parts = (data[at : at + step] for at in range(0, size, step))
            assert "".join(b64url.encoded(parts)) == text
            pieces = (text[at : at + step] for at in range(0, len(text), step))
            assert b"".join(b64url.decoded(pieces)) == data
    with pytest.raises(ValueError, match="base64url"):
        list(b64url.decoded(["AAAA", "A"]))


def test_no_two_texts_decode_alike() -> None:
    """All texts of three characters, where every stray bit and every other character shows."""
    characters = f"{ALPHABET}=+/ \né"
    texts = (a + b + c for a in "AZ_" for b in characters for c in characters)
    for text in texts:
        try:
            data = b64url.decode(text)
        except ValueError:
            continue
        assert b64url.encode(data) == text


@pytest.mark.parametrize(
    "text", ["A", "AAAAA", "AA=", "AA==", "AAA=", "AB", "AAB", "A A", "AÀ", "+A"]
)
def test_other_base64url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        b64url.decode(text)


@pytest.mark.parametrize(
    "text", ["A", "AA", "AAA", "AAA==", "A===", "====", "AA=A", "A\nAA", "-AAA", "AÀA=", "=AAA"]
)
def test_other_plain_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64"):
        b64url.decode_standard(text)
