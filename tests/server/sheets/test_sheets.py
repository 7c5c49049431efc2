"""CSV files: what is read, what is rejected, and formulas that are escaped."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_server.db.errors import InputInvalidError
from license_server.sheets import csv_text, order_sheet
from license_server.sheets.csv_text import Row
from license_server.sheets.errors import SheetInvalidError
from tests.support.server import LINE

COLUMNS = ("customer", "product", "host")


def read(text: str | bytes, encoding: str = "utf-8") -> list[Row]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(csv_text.read(io.BytesIO(data), COLUMNS, encoding))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_files_of_all_spreadsheets_are_read(delimiter: str, end: str, mark: str) -> None:
    lines = [["Customer", "host"], ["上海智能", "a"], [], ["B", '"b' + end + 'c ""d"""'], ["E", ""]]
    text = mark + end.join(delimiter.join(fields) for fields in lines)
    assert read(text) == [
        (2, {"customer": "上海智能", "host": "a"}),
        (4, {"customer": "B", "host": f'b{end}c "d"'}),
        (6, {"customer": "E"}),
    ]


def test_gb18030_is_read_only_when_declared() -> None:
    data = "customer,product\n上海智能,darwin\n".encode("gb18030")
    assert read(data, "gb18030") == [(2, {"customer": "上海智能", "product": "darwin"})]
    with pytest.raises(SheetInvalidError, match="GB18030"):
        read(data)
    with pytest.raises(InputInvalidError, match="latin-1"):
        read(data, "latin-1")


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("", 1, "not a known column"),
        ("customer,salary\nA,1\n", 1, "'salary'"),
        ("customer,customer\nA,A\n", 1, "twice"),
        ("customer,host\nA,b\nB,c,d\n", 3, "row: 3, columns in the header: 2"),
        ('customer,host\nA,b\nB,"c\n', 3, "unexpected end"),
        ("customer,host\nA,b\nB,c\0\n", 3, "NUL"),
    ],
)
def test_malformed_csv_is_rejected_with_its_line(text: str, line: int, told: str) -> None:
    with pytest.raises(SheetInvalidError, match=told) as refused:
        read(text)
    assert refused.value.line == line


SHEET = "customer,product\nMüller & Söhne,darwin\n"
MEANT = [(2, {"customer": "Müller & Söhne", "product": "darwin"})]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (SHEET.encode("cp1252"), "cp1252"),
        (SHEET.encode("cp1252"), "Windows-1252"),
        (SHEET.encode("utf-16"), "utf-8"),  # its mark tells
        (b"\xfe\xff" + SHEET.encode("utf-16-be"), "utf-8"),
        (SHEET.encode("utf-16-le"), "utf-16"),
        (SHEET.encode("utf-16-be"), "utf-16"),
    ],
)
def test_csv_files_of_other_encodings_are_read(data: bytes, encoding: str) -> None:
    assert read(data, encoding) == MEANT


@pytest.mark.parametrize("begin", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
def test_a_workbook_is_named(begin: bytes) -> None:
    with pytest.raises(SheetInvalidError, match="workbook, not CSV"):
        read(begin + bytes(100))


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n', "SEP=|\n", "\ufeffsep=;\r\n"])
def test_the_line_that_names_the_separator_is_understood(first: str) -> None:
    sign = "|" if "|" in first else ";"
    text = f"{first}customer{sign}product\nA,B{sign}darwin\n\nC{sign}x\n"
    assert read(text) == [
        (3, {"customer": "A,B", "product": "darwin"}),
        (5, {"customer": "C", "product": "x"}),
    ]
    with pytest.raises(SheetInvalidError, match="salary") as refused:
        read(f"{first}customer{sign}salary\n")
    assert refused.value.line == 2


def test_values_in_a_sheet_are_read_as_people_type_them() -> None:
    text = "days,expires,time_zone,limits,grace_days\n３０,2027/2/1,utc+8,GPUs：４ seats 2,−1\n"
    (line,) = order_sheet.read(io.BytesIO(text.encode()))
    assert line.members == {
        "days": 30,
        "expires": "2027-02-01",
        "time_zone": "UTC+08:00",
        "limits": {"gpus": 4, "seats": 2},
        "grace_days": -1,
    }


def test_a_line_that_stands_there_twice_is_noticed() -> None:
    text = "customer,product\nA,x\nB,x\nA,x\nA,x\nA,y\n"
    lines = order_sheet.read(io.BytesIO(text.encode()))
    assert [(line.number, line.same_as) for line in lines] == [
        (2, None),
        (3, None),
        (4, 2),
        (5, 2),
        (6, None),
    ]


FIELDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
FORMULAS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(("", "a;", "a\t", "\n", " ", 'a;"', ";'")),
    st.sampled_from(("", "'", "''")),
    st.sampled_from("=+-@\t\r＝＋－＠"),
    FIELDS,
)


@given(st.lists(st.tuples(*[FIELDS | FORMULAS] * 3), max_size=5))
def test_written_csv_round_trips_and_contains_no_formula(
    rows: list[tuple[str, str, str]],
) -> None:
    text = "".join(csv_text.write(COLUMNS, rows))
    written = [fields for _, fields in read(text)]
    kept = [dict(zip(COLUMNS, row, strict=True)) for row in rows if any(row)]
    assert written == [{name: one for name, one in row.items() if one} for row in kept]
    for row in rows:
        for field in row:
            shown = csv_text.line([field]).removeprefix('"')
            assert not shown.startswith(("=", "+", "-", "@", "\t")), shown
            assert shown.startswith("\r\n") or not shown.startswith("\r"), shown


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('Acme;=HYPERLINK("http://evil")', 'Acme;\'=HYPERLINK("http://evil")'),
        ("Acme;=cmd|' /C calc'!A0;", "Acme;'=cmd|' /C calc'!A0;"),
        ("Acme\t=1+1", "Acme\t'=1+1"),
        ("\n=1+1", "\n'=1+1"),
        (" =1+1", " '=1+1"),
        ("\ufeff=1", "\ufeff'=1"),
        ("＝1+1", "'＝1+1"),
        ("＠SUM(1)", "'＠SUM(1)"),
        ('a; "@x"', 'a; "\'@x"'),
        ("a,  -1", "a,  '-1"),
        ("\t=1", "'\t'=1"),
        ("a-b = c+d", "a-b = c+d"),
        ("gpus=4 seats=10", "gpus=4 seats=10"),
    ],
)
def test_formulas_are_escaped_wherever_a_cell_could_begin(text: str, written: str) -> None:
    line = csv_text.line([text, "B"])
    assert next(csv.reader(io.StringIO(line, newline=""))) == [written, "B"]
    assert read("customer,product\n" + line) == [(2, {"customer": text, "product": "B"})]


def test_order_columns_become_typed_members() -> None:
    fields = [
        "ACME",
        "darwin",
        LINE.replace('"', '""'),
        "30",
        "no",
        "export train",
        "gpus=4 seats=x",
    ]
    text = (
        "customer,product,host,days,perpetual,features,limits\n"
        + ",".join(f'"{field}"' for field in fields)
        + "\nB,darwin,,many,maybe,,\n"
    )
    first, second = order_sheet.read(io.BytesIO(text.encode()))
    assert (first.number, first.members) == (
        2,
        {
            "customer": "ACME",
            "product": "darwin",
            "host": LINE,
            "days": 30,
            "perpetual": False,
            "features": ["export", "train"],
            "limits": {"gpus": 4, "seats": "x"},
        },
    )
    assert second.members["days"] == "many"
    assert second.members["perpetual"] == "maybe"
