"""Writes which published models work here, from what sweep_configs.py found.

    python tools/peers/list_works.py sweep.jsonl

A model works if its folder gives the original's numbers; a type of transformers if all models of it that were swept
do. Of the others the reason is the message by which clip-ts refuses them. Nothing here is written by hand.
"""

import argparse
import json
import re
from pathlib import Path

from published_models import constant, write_module

LONGEST = 160


def reason(row):
    if row["folder"] == "works":
        return True
    if row["folder"] == "wrong":
        return f"its numbers differ from the original's by {row['folder_figure']:.0e} of the largest"
    said = re.sub(r"^(\S*/)?(\w+\.json: )?", "", row["folder_why"])
    said = re.sub(r",? got .*$", "", said, flags=re.S).rstrip(". ")
    first = re.split(r"(?<=[a-z)])\. ", said)[0]
    return first if len(first) <= LONGEST else first[: LONGEST - 1].rstrip() + "…"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweep", type=Path, help="what sweep_configs.py --out wrote")
    rows = [json.loads(line) for line in parser.parse_args().sweep.read_text().splitlines()]
    types = {}
    for row in rows:
        if "type" in row:
            types.setdefault(row["type"], []).append(reason(row))
    of_types = {kind: next((each for each in found if each is not True), True) for kind, found in types.items()}
    configs = {row["name"]: reason(row) for row in rows if "type" not in row}
    listed = "Readonly<Record<string, Works>>"
    write_module(
        "works",
        "list_works.py from what sweep_configs.py found",
        ["Works"],
        constant("openClipWorks", listed, "By open_clip's architecture.", dict(sorted(configs.items()))),
        constant("typeWorks", listed, "By transformers' model_type.", dict(sorted(of_types.items()))),
    )
    print(sum(value is True for value in configs.values()), "of", len(configs), "configs of open_clip work;", of_types)


if __name__ == "__main__":
    main()
