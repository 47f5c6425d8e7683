"""Checks the smallest member of each family of image towers at full size against transformers and open_clip.

    pnpm build && python tools/peers/check_image_towers.py [NAME ...]

The peer makes and saves a model of random weights, clip-ts computes its embeddings (`forward`), converts the model
with `--to hf` (open_clip's Swin with `--to open_clip`), and the peer computes those of what comes back. Nothing is
downloaded. Prints one line a comparison, and exits with 1 if one is 1e-5 or more.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch

from check_families import forward, pixels, roberta_ids, unit
from check_interop import Report, clip_ts, define_torchvision_operators

operators = define_torchvision_operators()
LIMIT = 1e-5


def randomise(model):
    torch.manual_seed(0)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name in ("logit_scale", "temperature"):
                value.fill_(1.5 if name == "logit_scale" else 0.3)
            elif value.ndim < 2:
                value.add_(0.1 * torch.randn(value.shape))
            else:
                value.copy_(torch.randn(value.shape) * value[0].numel() ** -0.5)
        for name, value in model.named_buffers():
            if name.endswith("running_mean"):
                value.copy_(0.2 * torch.randn(value.shape))
            elif name.endswith("running_var"):
                value.copy_(0.5 + torch.rand(value.shape))
    return model.eval()


def compare(report, name, model, inputs, work):
    with torch.no_grad():
        theirs = model(**inputs)
    ours = forward(work / "model", inputs, work)
    report.compare(f"{name}: image, opened", ours["image_embeds"], unit(theirs.image_embeds), LIMIT)
    report.compare(f"{name}: text, opened", ours["text_embeds"], unit(theirs.text_embeds), LIMIT)
    clip_ts("convert", work / "model", work / "hf", "--to", "hf")
    back, info = type(model).from_pretrained(work / "hf", output_loading_info=True)
    missing = [key for key in info["missing_keys"] if "pooler" not in key or "vision" in key]
    if missing or info["unexpected_keys"]:
        sys.exit(f"{name}: {info}")
    with torch.no_grad():
        again = back.eval()(**inputs)
    report.compare(f"{name}: image, written", unit(again.image_embeds), unit(theirs.image_embeds), LIMIT)
    report.compare(f"{name}: text, written", unit(again.text_embeds), unit(theirs.text_embeds), LIMIT)


def preprocessor(folder, size):
    statistics = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    steps = {"do_resize": True, "do_rescale": True, "do_normalize": True, "resample": 3}
    content = {"image_processor_type": "ViTImageProcessor", "size": {"height": size, "width": size}, **steps, **statistics}
    (folder / "preprocessor_config.json").write_text(json.dumps(content))


def dual(report, name, vision, size, work):
    from transformers import RobertaConfig, VisionTextDualEncoderConfig, VisionTextDualEncoderModel

    text = RobertaConfig(num_hidden_layers=2, vocab_size=2000, max_position_embeddings=66, layer_norm_eps=1e-5)
    config = VisionTextDualEncoderConfig.from_vision_text_configs(vision, text, projection_dim=512)
    config._attn_implementation = "eager"
    model = randomise(VisionTextDualEncoderModel(config))
    model.save_pretrained(work / "model")
    preprocessor(work / "model", size)
    ids = roberta_ids(2000, 40)
    inputs = {"pixel_values": pixels(size), "input_ids": ids, "attention_mask": (ids != 1).long()}
    compare(report, name, model, inputs, work)


def dinov2(report, work):
    from transformers import Dinov2Config

    vision = Dinov2Config(hidden_size=384, num_attention_heads=6, image_size=518)  # as facebook/dinov2-small
    dual(report, "DINOv2-S/14, 518 as 224", vision, 224, work)


def registers(report, work):
    from transformers import Dinov2WithRegistersConfig

    vision = Dinov2WithRegistersConfig(hidden_size=384, num_attention_heads=6, image_size=518, patch_size=14)
    dual(report, "DINOv2-S/14 with registers, 518 as 224", vision, 224, work)


def deit(report, work):
    from transformers import DeiTConfig

    vision = DeiTConfig(hidden_size=192, num_attention_heads=3, intermediate_size=768)
    dual(report, "DeiT-Ti/16", vision, 224, work)


def swin(report, work):
    from transformers import SwinConfig

    dual(report, "Swin-T", SwinConfig(), 224, work)


def align(report, work):
    from transformers import AlignConfig, AlignModel

    config = AlignConfig(text_config={"num_hidden_layers": 2, "vocab_size": 2000})
    config._attn_implementation = "eager"
    model = randomise(AlignModel(config))
    model.save_pretrained(work / "model")
    preprocessor(work / "model", 289)
    ids = roberta_ids(2000, 40) + 3
    ids[ids == 4] = 0
    inputs = {"pixel_values": pixels(289), "input_ids": ids, "attention_mask": (ids != 0).long()}
    compare(report, "ALIGN (EfficientNet-B7)", model, inputs, work)


def open_clip_swin(report, work):
    import open_clip
    from safetensors.torch import load_file, save_file

    name = "swin_base_patch4_window7_224"
    model = randomise(open_clip.create_model(name))
    (work / "model").mkdir()
    save_file(model.state_dict(), work / "model" / "open_clip_model.safetensors")
    config = {"model_cfg": open_clip.get_model_config(name), "preprocess_cfg": {}}
    (work / "model" / "open_clip_config.json").write_text(json.dumps(config))
    ids = torch.randint(1, 49406, (2, 77))
    ids[:, 20], ids[:, 21:] = 49407, 0
    images = pixels(224)
    with torch.no_grad():
        image, text = model.encode_image(images, normalize=True), model.encode_text(ids, normalize=True)
    ours = forward(work / "model", {"pixel_values": images, "input_ids": ids}, work)
    report.compare("open_clip Swin-B: image, opened", ours["image_embeds"], image, LIMIT)
    report.compare("open_clip Swin-B: text, opened", ours["text_embeds"], text, LIMIT)
    clip_ts("convert", work / "model", work / "hf", "--to", "hf")
    clip_ts("convert", work / "hf", work / "back", "--to", "open_clip")
    model.load_state_dict(load_file(work / "back" / "open_clip_model.safetensors"), strict=True)
    with torch.no_grad():
        report.compare("open_clip Swin-B: image, back", model.encode_image(images, normalize=True), image, LIMIT)


CHECKS = {
    "dinov2": dinov2,
    "dinov2-registers": registers,
    "deit": deit,
    "swin": swin,
    "align": align,
    "open_clip-swin": open_clip_swin,
}

sys.stdout.reconfigure(line_buffering=True)
report = Report()
for wanted in sys.argv[1:] or CHECKS:
    with tempfile.TemporaryDirectory() as folder:
        CHECKS[wanted](report, Path(folder))
sys.exit(1 if report.failed else 0)
