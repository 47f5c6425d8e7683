"""Checks SigLIP 2 NaFlex against transformers: pixels, features and logits, and the model that clip-ts writes.

    python tools/peers/check_naflex.py [--full]

The peer makes a Siglip2Model of random weights, of 2 layers or, with --full, of the size of
google/siglip2-base-patch16-naflex, and pictures of noise of many shapes. `clip-ts preprocess` and `clip-ts forward`
see the peer's folder; the peer sees what `clip-ts convert --to hf` makes of it. Nothing is downloaded. Exits with 1
where a difference, relative to the largest value, is 1e-5 or more, or a byte of a picture differs.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from check_families import randomise, unit
from check_interop import Report, clip_ts, define_torchvision_operators

operators = define_torchvision_operators()

from transformers import Siglip2Config, Siglip2ImageProcessorPil, Siglip2Model

is_full = "--full" in sys.argv
stack = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
if not is_full:
    stack = {"hidden_size": 96, "intermediate_size": 200, "num_hidden_layers": 2, "num_attention_heads": 3}
special = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 1}
vocab = 256000 if is_full else 300
text = {**stack, **special, "vocab_size": vocab, "projection_size": stack["hidden_size"]}
report = Report()

with tempfile.TemporaryDirectory() as name, torch.no_grad():
    work = Path(name)
    model = randomise(Siglip2Model(Siglip2Config(vision_config=stack, text_config=text)))
    model.save_pretrained(work / "peer")
    processor = Siglip2ImageProcessorPil()
    processor.save_pretrained(work / "peer")
    noise = np.random.default_rng(0)
    (work / "pictures").mkdir()
    pictures = []
    for at, (width, height) in enumerate([(640, 480), (300, 900), (256, 256), (1200, 100)]):
        low = noise.integers(0, 256, (height // 20, width // 20, 3), dtype=np.uint8)
        pictures.append(Image.fromarray(low).resize((width, height), Image.BICUBIC))
        pictures[-1].save(work / "pictures" / f"{at}.png")
    inputs = dict(processor(pictures, return_tensors="pt"))
    clip_ts("preprocess", work / "peer", work / "pictures", "-o", work / "pixels.safetensors")
    ours = load_file(work / "pixels.safetensors")
    levels = [((values["pixel_values"] + 1) * 127.5).round() for values in (inputs, ours)]
    same = torch.equal(*levels) and all(
        torch.equal(inputs[key].int(), ours[key].int()) for key in ("pixel_attention_mask", "spatial_shapes")
    )
    report.line("bytes of pictures, masks and shapes", "equal" if same else "differ", same)
    inputs["pixel_values"] = inputs["pixel_values"].float()
    inputs["input_ids"] = torch.randint(3, vocab, (len(pictures), 64), generator=torch.Generator().manual_seed(1))
    inputs["input_ids"][:, 40:] = torch.tensor([1] + [0] * 23)
    expected = model(**inputs)
    save_file({key: value.contiguous() for key, value in inputs.items()}, work / "inputs.safetensors")

    def compare(label, folder):
        clip_ts("forward", folder, work / "inputs.safetensors", "-o", work / "outputs.safetensors")
        found = load_file(work / "outputs.safetensors")
        report.compare(f"{label}: image embeddings", found["image_embeds"], unit(expected.image_embeds))
        report.compare(f"{label}: text embeddings", found["text_embeds"], unit(expected.text_embeds))
        report.compare(f"{label}: logits", found["logits_per_image"], expected.logits_per_image)

    compare("opened", work / "peer")
    clip_ts("convert", work / "peer", work / "back", "--to", "hf")
    again = Siglip2Model.from_pretrained(work / "back").eval()(**inputs)
    report.compare("written: image embeddings there", again.image_embeds, expected.image_embeds)
    report.compare("written: text embeddings there", again.text_embeds, expected.text_embeds)
sys.exit(report.failed)
