"""Writes which published models work here, from what sweep_configs.py found.

    python tools/peers/list_works.py sweep.jsonl

A model works in full if its folder gives the original's numbers, its captions the same ids and its pictures the same
pixels; a type of transformers if all models of it that were swept do. Where numbers are right and ids or pixels are not,
it works by what has to be made elsewhere; of the others the reason is the message by which clip-ts refuses them.
Nothing here is written by hand. Prints how many there are.
"""

import argparse
import json
import re
from pathlib import Path

from check_interop import define_torchvision_operators
from published_models import constant, write_module

LONGEST = 160
PARTS = {"text": "token ids", "pixels": "pixel values"}  # what has to be made elsewhere where a form does not work


def shortened(said):
    """The first sentence of a message, without the place and what was found there."""
    said = re.sub(r"^(\S*/)?(\w+\.json: )?", "", said)
    said = re.sub(r",? got .*$", "", said, flags=re.S).rstrip(". ")
    first = re.split(r"(?<=[a-z)])\. ", said)[0]
    return first if len(first) <= LONGEST else first[: LONGEST - 1].rstrip() + "…"


def works(row):
    """True for what works in full, else why not, of what works in part with what it works by."""
    if row["folder"] == "wrong":
        return f"its numbers differ from the original's by {row['folder_figure']:.0e} of the largest"
    if row["folder"] == "refused":
        return shortened(row["folder_why"])
    for form, by in PARTS.items():
        if row[form] == "wrong":
            return {"by": by, "why": f"its {by} differ from the original's"}
        if row[form] == "refused":
            return {"by": by, "why": shortened(row[f"{form}_why"])}
    return True


def count(all_works, weights):
    """Lines that say how many of open_clip's configs, and of the weights published of them, work."""
    for words, kind in {"in full": bool, "in part": dict, "not": str}.items():
        names = [name for name, value in all_works.items() if isinstance(value, kind)]
        published = sum(name in names for name, _ in weights)
        print(f"{words}: {len(names)} of {len(all_works)} configs, {published} of {len(weights)} weights of open_clip")


def main():
    import open_clip

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweep", type=Path, help="what sweep_configs.py --out wrote")
    lines = map(json.loads, parser.parse_args().sweep.read_text().splitlines())
    rows = {row["name"]: row for row in lines}.values()
    types = {}
    for row in rows:
        if "type" in row:
            types.setdefault(row["type"], []).append(works(row))
    of_types = {kind: next((each for each in found if each is not True), True) for kind, found in types.items()}
    configs = {row["name"]: works(row) for row in rows if "type" not in row}
    listed = "Readonly<Record<string, Works>>"
    write_module(
        "works",
        "list_works.py from what sweep_configs.py found",
        ["Works"],
        constant("openClipWorks", listed, "By open_clip's architecture.", dict(sorted(configs.items()))),
        constant("typeWorks", listed, "By transformers' model_type.", dict(sorted(of_types.items()))),
    )
    count(configs, open_clip.list_pretrained())
    print("in full:", ", ".join(kind for kind, value in sorted(of_types.items()) if value is True), "of transformers' types")


if __name__ == "__main__":
    keep = define_torchvision_operators()  # alive as long as torchvision may be imported
    main()
