"""``format=flowed`` (RFC 3676): lines that a program wrapped, each with a blank at its end."""

_SIGNATURE = "-- "
_DEEPEST = 20


def unfold(text: str, *, delsp: bool) -> str:
    """*text* with its paragraphs in one line each, quoted ones after their marks.

    *delsp*: the blank at the end is no part of the text, as in scripts without blanks.
    """
    found: list[tuple[int, list[str]]] = []
    flows = False
    for line in text.replace("\r\n", "\n").split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        is_mark = content == _SIGNATURE
        if flows and found and found[-1][0] == depth and not is_mark:
            found[-1][1].append(content)
        else:
            found.append((depth, [content]))
        flows = content.endswith(" ") and not is_mark
        if flows and delsp:
            found[-1][1][-1] = content[:-1]
    return "\n".join("> " * min(depth, _DEEPEST) + "".join(of) for depth, of in found)
