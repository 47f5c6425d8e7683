"""Writes what pandas reads in a few hundred tables, for the tests of packages/data.

    peers/bin/pip install pandas
    peers/bin/python tools/peers/check_tables.py

open_clip reads its tables by `pandas.read_csv(path, sep=sep)`. The tables here are drawn from a seed, with
quotes, separators, blanks and line ends of every kind in unusual places. Values are compared as text
(`dtype=str, keep_default_na=False`): pandas' own guesses, by which "NA" and "null" become no value and
"007" becomes 7, are left out, as clip-ts leaves them out. Two kinds of tables are not compared: those
whose first row is longer than the header, of which pandas takes the first column for the names of rows
while clip-ts leaves such rows out, and those in which a blank follows a lone carriage return, where
pandas reads from the last line feed again and so gives rows twice.
"""

import io
import json
import random
import re
from pathlib import Path

import pandas as pd

TARGET = Path(__file__).parents[2] / "packages/data/src/fixtures/tables.json"
COUNT = 400


def draw_value(draw: random.Random, separator: str) -> str:
    pieces = ["a", "b c", '"', '""', "é", "NA", " ", "5", "\t", ",", ";", "'", "\\"]
    plain = "".join(draw.choice(pieces) for _ in range(draw.randint(0, 4)))
    kind = draw.random()
    if kind < 0.35:
        inner = plain + draw.choice(["", separator, "\n", "\r\n", "\r", '"x'])
        return '"' + inner.replace('"', '""') + '"'
    if kind < 0.45:
        return '"' + draw.choice(["Hello", "a b", ""]) + '"' + draw.choice([" said", '"', "x", " "])
    return plain


def draw_table(draw: random.Random) -> dict:
    separator = draw.choice([",", ",", "\t", "\t", ";", "|", " ", "^", "]", "-", "\\"])
    ends = draw.choice([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n"], ["\n", "\r\n", "\r"]])
    columns = draw.choice([["filepath", "title"], ["id", "filepath", "title"]])
    text = separator.join(columns) + draw.choice(ends)
    for _ in range(draw.randint(1, 5)):
        fields = len(columns) + (draw.choice([-1, 0, 0, 1]) if draw.random() < 0.3 else 0)
        text += separator.join(draw_value(draw, separator) for _ in range(fields))
        text += draw.choice(ends)
        if draw.random() < 0.1:
            text += draw.choice(["", " ", "\t", "  "]) + draw.choice(ends)
    if draw.random() < 0.3:
        text = text.rstrip("\r\n")
    return {"text": text, "separator": separator, "quoting": draw.choice(["standard"] * 3 + ["none"])}


def read(table: dict) -> dict | None:
    if re.search(r"\r[ \t]", table["text"]):
        return None  # pandas gives rows twice
    options = {
        "sep": table["separator"],
        "quoting": 3 if table["quoting"] == "none" else 0,
        "dtype": str,
        "keep_default_na": False,
    }
    data = table["text"].encode()
    try:
        frame = pd.read_csv(io.BytesIO(data), on_bad_lines="skip", **options)
    except pd.errors.EmptyDataError:
        return None
    except pd.errors.ParserError as error:
        return {**table, "error": str(error).split(":")[-1].strip()} if "EOF" in str(error) else None
    if not isinstance(frame.index, pd.RangeIndex):
        return None  # the first row is longer than the header
    rows = [["" if pd.isna(value) else value for value in row] for row in frame.values.tolist()]
    return {**table, "columns": list(frame.columns), "rows": rows}


def main() -> None:
    draw = random.Random(20)
    tables = []
    while len(tables) < COUNT:
        found = read(draw_table(draw))
        if found is not None:
            tables.append(found)
    lines = ",\n".join(json.dumps(table, ensure_ascii=True) for table in tables)
    TARGET.write_text(f"[\n{lines}\n]\n")
    errors = sum("error" in table for table in tables)
    print(f"{len(tables)} tables, {errors} with an open quote, pandas {pd.__version__}: {TARGET}")


main()
