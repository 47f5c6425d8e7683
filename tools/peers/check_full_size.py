"""Compares every family at the size of its smallest published member with open_clip and transformers.

    pnpm build && python tools/peers/check_full_size.py [WORDS ...] [--opened] [--out FILE] [--work FOLDER]

The peer makes and saves a model of random weights. Compared with what it computes are: `clip-ts forward` of its folder
(image and text embeddings, logits); what the peer computes of the model that `clip-ts convert` wrote, loaded strictly;
and the graphs of `clip-ts convert --to onnx` in onnxruntime (the whole model and both towers by themselves) and in
@huggingface/transformers. A figure is the largest difference relative to the tensor's largest value; the limit is
1e-5. WORDS choose models by words in their names. One line of FILE is one model; those that are there are not run
again; --opened asks for the first three figures alone. Nothing is downloaded. Prints a table, and exits with 1 if a figure is 1e-5 or more or a model failed.
"""

import argparse
import datetime
import gc
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import torch
from safetensors.torch import load_file, save_file

from check_interop import CLIP_TS, REPOSITORY, define_torchvision_operators
from full_size_models import MODELS, ArchivePeer, without_drawing

LIMIT = 1e-5
OPENED = ("image", "text", "logits")
COLUMNS = (*OPENED, "written", "onnxruntime", "transformers.js")
# @huggingface/transformers has no class that calls a model with patches and their shapes.
WITHOUT_CLASS = "NaFlex"


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words[2:]))}: {done.stderr.strip()[-600:]}")
    return done.stdout


def convert(place, out, to, *options):
    run(*CLIP_TS, "convert", place, out, "--to", to, "--self-check", "off", *options)


def difference(ours, expected):
    """The largest, relative to the largest expected value."""
    actual = torch.as_tensor(ours, dtype=torch.float64)
    if actual.shape != expected.shape or not torch.isfinite(actual).all():
        return float("inf")
    return ((actual - expected.double()).abs().max() / expected.double().abs().max()).item()


def differences(ours, expected):
    alike = {"image_alone": "image_embeds", "text_alone": "text_embeds"}
    names = [name for name in ours if alike.get(name, name) in expected]
    return max(difference(ours[name], expected[alike.get(name, name)]) for name in names)


def in_node(folder, inputs, runtime):
    script = REPOSITORY / "tools" / "peers" / "run_onnx.mjs"
    return json.loads(run("node", script, folder, inputs, runtime))


def check(name, work, only_opened):
    """One model's figures, given again after each step with those that it adds."""
    with without_drawing():
        peer = MODELS[name]()
    row = {"name": name, "parameters": sum(value.numel() for value in peer.model.parameters())}
    row["date"] = datetime.date.today().isoformat()
    folder, inputs = work / "peer", work / "inputs.safetensors"
    peer.save(folder)
    save_file({key: value.contiguous() for key, value in peer.inputs.items()}, inputs)
    expected = {key: value.clone() for key, value in peer.outputs(peer.model).items()}
    peer.model = None  # the memory is clip-ts's now
    gc.collect()
    place = folder / "ViT-B-32.pt" if isinstance(peer, ArchivePeer) else folder
    run(*CLIP_TS, "forward", place, inputs, "-o", work / "ours.safetensors")
    ours = load_file(work / "ours.safetensors")
    for column, key in zip(OPENED, ("image_embeds", "text_embeds", "logits_per_image")):
        row[column] = difference(ours[key], expected[key])
    yield row
    if only_opened:
        return
    row["written"] = max(differences(theirs, expected) for theirs in peer.written(convert, folder, work))
    yield row
    gc.collect()
    convert(place, work / "onnx", "onnx", "--dtype", "f32")
    row["onnxruntime"] = differences(in_node(work / "onnx", inputs, "onnxruntime"), expected)
    if WITHOUT_CLASS not in name:
        theirs = in_node(work / "onnx", inputs, "transformers")
        row["class"] = theirs.pop("class")
        row["transformers.js"] = differences(theirs, expected)
    yield row


def table(rows):
    lines = [f"| model | parameters | {' | '.join(COLUMNS)} |", f"| --- | --: |{' --: |' * len(COLUMNS)}"]
    for row in rows:
        cells = [f"{row[column]:.1e}" if column in row else "–" for column in COLUMNS]
        cells = ["0" if cell == "0.0e+00" else cell for cell in cells]
        lines.append(f"| {row['name']} | {row['parameters'] / 1e6:.1f} M | {' | '.join(cells)} |")
    return "\n".join(lines)


def processor():
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "neither AVX2 nor AVX-512"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", metavar="WORDS", help="words of a model's name; all models by default")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "clip-ts-full-size.jsonl")
    parser.add_argument("--work", type=Path, help="where models lie while they are compared (30 GB for the largest)")
    parser.add_argument("--opened", action="store_true", help="the first three columns alone, in a third of the time")
    options = parser.parse_args()
    names = [name for name in MODELS if not options.words or any(word in name for word in options.words)]
    lines = options.out.read_text().splitlines() if options.out.exists() else []
    rows = {row["name"]: row for row in map(json.loads, lines)}
    last = "logits" if options.opened else "onnxruntime"
    failed = []
    for name in names:
        if last in rows.get(name, ()):
            continue
        start = time.time()
        with tempfile.TemporaryDirectory(dir=options.work) as work, torch.no_grad():
            try:
                for row in check(name, Path(work), options.opened):
                    rows[name] = row
                    with options.out.open("a") as out:
                        out.write(json.dumps(row) + "\n")
            except Exception as error:  # the others are asked all the same
                failed.append(name)
                print(f"{name}: {error}", file=sys.stderr, flush=True)
        shown = [f"{column} {rows[name][column]:.1e}" for column in COLUMNS if column in rows.get(name, ())]
        print(f"{name} ({time.time() - start:.0f} s): {', '.join(shown)}", flush=True)
    found = [rows[name] for name in names if name in rows]
    print(f"\n{table(found)}\n\n{processor()}; limit {LIMIT}")
    far = [row["name"] for row in found if any(row[column] >= LIMIT for column in COLUMNS if column in row)]
    for problem, wrong in (("failed", failed), ("too far", far)):
        if wrong:
            print(f"{problem}: {', '.join(wrong)}")
    sys.exit(1 if failed or far else 0)


if __name__ == "__main__":
    keep = define_torchvision_operators()  # alive as long as torchvision may be imported
    with mock.patch.dict("os.environ", {"HF_HUB_OFFLINE": "1"}):
        main()
