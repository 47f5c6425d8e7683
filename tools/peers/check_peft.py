"""Checks that the adapters of a LoRA run are those that Hugging Face PEFT loads.

    python tools/peers/check_peft.py

clip-ts trains a small CLIP for one step, then adapters on it. PEFT puts the checkpoint's `adapter/` on the
first model in transformers; its embeddings must be those that `clip-ts forward` computes with the
checkpoint, which has the adapters added in, and so must every matrix that PEFT merges. Nothing is
downloaded. Prints one line a comparison, and exits with 1 if one is 1e-5 or more.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from check_interop import Report, clip_ts, define_torchvision_operators, random_inputs

# What a run may say of its adapters; without alpha they count as alpha = rank.
ADAPTERS = {
    "rank 4": {"rank": 4},
    "rank 4, alpha 8, attention": {"rank": 4, "alpha": 8, "targets": ["attention"]},
}


def train(folder, **keys):
    """Trains on drawn shapes. Returns the checkpoint's folder."""
    data = {"train": {"kind": "synthetic", "count": 64}, "batchSize": 8}
    config = {"run": str(folder), "engine": "wasm", "data": data, **keys}
    path = folder.with_suffix(".yaml")
    path.write_text(json.dumps(config))
    clip_ts("train", path)
    return folder / "latest"


def check(report, label, base, tuned):
    from peft import PeftModel
    from transformers import CLIPModel

    inputs = random_inputs(json.loads((base / "config.json").read_text()))
    save_file(inputs, tuned.parent.with_suffix(".in"))
    outputs = tuned.parent.with_suffix(".out")
    clip_ts("forward", tuned, tuned.parent.with_suffix(".in"), "-o", outputs)
    ours = load_file(outputs)
    model = PeftModel.from_pretrained(CLIPModel.from_pretrained(base), tuned / "adapter").eval()
    with torch.no_grad():
        theirs = model(**inputs)
        with model.disable_adapter():
            before = model(**inputs)
    for name in ("image_embeds", "text_embeds"):
        report.compare(f"{label}: {name}", ours[name], theirs[name])
        moved = (theirs[name] - before[name]).abs().max().item()
        report.line("  moved by the adapters", f"{moved:.1e}", moved > 1e-2)
    merged = model.merge_and_unload().state_dict()
    stored = load_file(tuned / "model.safetensors")
    adapted = [name for name in load_file(tuned / "adapter" / "adapter_model.safetensors")]
    matrices = {name.removeprefix("base_model.model.").split(".lora_")[0] + ".weight" for name in adapted}
    differences = [(merged[name] - stored[name]).abs().max().item() for name in matrices]
    report.line(f"  {len(matrices)} merged matrices", f"{max(differences):.1e}", max(differences) < 1e-5)


def main():
    keep = define_torchvision_operators()  # alive as long as torchvision may be imported
    report = Report()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        base = train(work / "base", model={"preset": "tiny"}, steps=1)
        for index, (label, lora) in enumerate(ADAPTERS.items()):
            schedule = {"kind": "constant", "learningRate": 0.01}
            tuned = train(
                work / f"tuned{index}", model={"from": str(base)}, lora=lora, steps=20, schedule=schedule
            )
            check(report, f"PEFT, {label}", base, tuned)
    del keep
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
