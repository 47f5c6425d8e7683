"""Compares folders of both kinds of SigLIP 2, as they are published, with transformers: opened, written, exported.

    peers/bin/pip install torch transformers tokenizers pillow safetensors
    pnpm build && peers/bin/python tools/peers/check_siglip2.py

Models of one size are published as type "siglip", those whose pictures keep their shape (NaFlex) as type "siglip2", both
with Gemma's tokenizer. The peer makes a small one of each of random weights, with a small tokenizer of that class, and
pictures of several shapes; `clip-ts` reads captions and pictures itself, and writes the folder again, whose type, weights
and processor transformers' own classes then read. --keep FOLDER leaves the two models there.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from check_families import randomise, unit
from check_interop import Report, clip_ts
from check_tokenizers import gemma_parts

import transformers

STACK = {"hidden_size": 96, "intermediate_size": 200, "num_hidden_layers": 2, "num_attention_heads": 3}
CAPTIONS = ["a photo of two cats", "Un perro, dos GATOS!", "a red bicycle beside a wall " * 12]
KINDS = {
    "siglip": (transformers.SiglipConfig, transformers.SiglipModel, {"image_size": 64, "patch_size": 16}),
    "siglip2": (transformers.Siglip2Config, transformers.Siglip2Model, {"num_patches": 16, "patch_size": 16}),
}


def make_tokenizer():
    vocab, merges = gemma_parts()
    options = {"padding_side": "right", "add_bos_token": False, "add_eos_token": True, "model_input_names": ["input_ids"]}
    return transformers.GemmaTokenizer(vocab=vocab, merges=merges, **options)


def make_processor(kind):
    tokenizer = make_tokenizer()
    if kind == "siglip":
        images = transformers.SiglipImageProcessorPil(size={"height": 64, "width": 64})
        return transformers.SiglipProcessor(images, tokenizer)
    return transformers.Siglip2Processor(transformers.Siglip2ImageProcessorPil(max_num_patches=24), tokenizer)


def make_model(kind, folder):
    config, model_class, vision = KINDS[kind]
    text = {**STACK, "vocab_size": 700, "projection_size": 96}
    model = randomise(model_class(config(vision_config={**STACK, **vision}, text_config=text)))
    model.save_pretrained(folder)
    processor = make_processor(kind)
    processor.save_pretrained(folder)
    return model, processor


def make_pictures(folder):
    noise = np.random.default_rng(0)
    folder.mkdir()
    pictures = []
    for at, (width, height) in enumerate([(64, 48), (30, 90), (64, 64), (120, 20)]):
        low = noise.integers(0, 256, (max(2, height // 10), max(2, width // 10), 3), dtype=np.uint8)
        pictures.append(Image.fromarray(low).resize((width, height), Image.BICUBIC))
        pictures[-1].save(folder / f"{at}.png")
    return pictures


def check(kind, work, report):
    folder = work / kind
    model, processor = make_model(kind, folder)
    pictures = make_pictures(work / f"pictures-{kind}")
    (work / "captions.txt").write_text("\n".join(CAPTIONS) + "\n")

    def features(model, processor):
        # Trained on lower case, which Gemma's class in transformers leaves to whoever asks.
        texts = [caption.lower() for caption in CAPTIONS]
        options = {"padding": "max_length", "truncation": True, "max_length": 64}
        if kind == "siglip2":  # the processor called whole takes 256 patches, whatever its image processor says
            options["max_num_patches"] = processor.image_processor.max_num_patches
        inputs = dict(processor(text=texts, images=pictures, return_tensors="pt", **options))
        inputs.pop("attention_mask", None)
        result = model(**inputs)
        return unit(result.image_embeds), unit(result.text_embeds)

    expected = features(model, processor)

    def compare(label, place, *more):
        names = [work / f"{kind}-{side}.npy" for side in ("image", "text")]
        clip_ts("embed", place, work / f"pictures-{kind}", "-o", names[0], *more)
        clip_ts("embed", place, "--texts", work / "captions.txt", "-o", names[1], *more)
        for side, name, wanted in zip(("images", "texts"), names, expected):
            report.compare(f"{kind} {label}: {side}", torch.from_numpy(np.load(name)), wanted)

    compare("opened", folder)
    back = work / f"{kind}-hf"
    clip_ts("convert", folder, back, "--to", "hf")
    found = transformers.AutoConfig.from_pretrained(back).model_type
    report.line(f"{kind} written as type", found, found == kind)
    again = transformers.AutoModel.from_pretrained(back).eval()
    report.line(f"{kind} read by", type(again).__name__, isinstance(again, KINDS[kind][1]))
    processor = transformers.AutoProcessor.from_pretrained(back, backend="pil")
    for side, ours, wanted in zip(("images", "texts"), features(again, processor), expected):
        report.compare(f"{kind} written: {side} there", ours, wanted)
    compare("written", back)
    clip_ts("convert", folder, work / f"{kind}-onnx", "--to", "onnx", "--dtype", "f32")
    compare("exported", work / f"{kind}-onnx", "--engine", "onnx")


def main():
    report = Report()
    with tempfile.TemporaryDirectory() as name, torch.no_grad():
        work = Path(name)
        for kind in KINDS:
            check(kind, work, report)
            if "--keep" in sys.argv:
                shutil.copytree(work / kind, Path(sys.argv[sys.argv.index("--keep") + 1]) / kind, dirs_exist_ok=True)
    sys.exit(report.failed)


if __name__ == "__main__":
    main()
