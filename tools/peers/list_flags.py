"""Writes the flags of open_clip's training program and their defaults, for the test of docs/from-open-clip.md.

    python tools/peers/list_flags.py apps/trainer/src/config/fixtures/open-clip-flags.json
"""

import argparse
import json
import sys
from pathlib import Path

from open_clip_train import params

flags = {}
add = argparse.ArgumentParser.add_argument


def note(self, *names, **settings):
    if names[0].startswith("--"):
        flags[names[0]] = settings.get("default")
    return add(self, *names, **settings)


argparse.ArgumentParser.add_argument = note
params.parse_args(["--train-data", "none"])
Path(sys.argv[1]).write_text(json.dumps(flags, indent=1) + "\n")
print(len(flags), "flags")
