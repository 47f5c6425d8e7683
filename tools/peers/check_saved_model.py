"""Checks that a SavedModel written by clip-ts is the same model in TensorFlow.

    python tools/peers/check_saved_model.py MODEL

Converts MODEL with clip-ts, runs random inputs of several sizes through TensorFlow and through
`clip-ts forward`, and compares embeddings and logits. Prints one line a comparison, the largest
difference relative to the largest value, and exits with 1 if one is too far off.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file, save_file

REPOSITORY = Path(__file__).resolve().parents[2]
CLIP_TS = ["node", str(REPOSITORY / "apps" / "trainer" / "bin" / "clip-ts.js")]
LIMIT = 1e-5


def clip_ts(*words):
    done = subprocess.run([*CLIP_TS, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"clip-ts {' '.join(map(str, words))} failed:\n{done.stderr}")


def random_inputs(config, batch, tokens):
    """Pixels from a normal distribution and captions of words between start and end token."""
    random = np.random.default_rng(batch)
    vision, text = config["vision_config"], config["text_config"]
    end = text["eos_token_id"]
    ids = random.integers(1, end - 1, (batch, tokens)).astype(np.int32)
    ids[:, 0] = text["bos_token_id"]
    ids[:, -1] = end
    side = vision["image_size"]
    pixels = random.standard_normal((batch, 3, side, side)).astype(np.float32)
    return {"pixel_values": pixels, "input_ids": ids}


def compare(name, actual, expected):
    difference = np.abs(actual - expected).max() / max(1, np.abs(expected).max())
    print(f"{name:40} {difference:.1e}")
    return difference < LIMIT


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a folder that clip-ts opens")
    model = parser.parse_args().model
    fine = True
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "saved"
        clip_ts("convert", model, saved, "--to", "savedmodel")
        config = json.loads((saved / "config.json").read_text())
        signatures = tf.saved_model.load(str(saved)).signatures
        for batch, tokens in [(1, 3), (4, config["text_config"]["max_position_embeddings"])]:
            inputs = random_inputs(config, batch, tokens)
            given, wanted = Path(folder) / "in.safetensors", Path(folder) / "out.safetensors"
            save_file(inputs, given)
            clip_ts("forward", model, given, "-o", wanted)
            expected = load_file(wanted)
            whole = signatures["serving_default"](**{k: tf.constant(v) for k, v in inputs.items()})
            for name in ("image_embeds", "text_embeds", "logits_per_image"):
                fine &= compare(f"{name}, batch {batch}", whole[name].numpy(), expected[name])
            for name, entry, key in [
                ("image_embeds", "encode_image", "pixel_values"),
                ("text_embeds", "encode_text", "input_ids"),
            ]:
                rows = signatures[entry](**{key: tf.constant(inputs[key])})[name].numpy()
                unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
                fine &= compare(f"{entry}, batch {batch}", unit, expected[name])
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
