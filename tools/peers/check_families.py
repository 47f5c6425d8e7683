"""Checks every family of models that clip-ts converts, at full size, against open_clip and transformers.

    python tools/peers/check_families.py [FAMILY ...] [--small]

For each family the peer makes a model of random weights and saves it as it does; clip-ts converts it
and computes embeddings, which are compared with the peer's. Where clip-ts writes for a peer, the peer
loads that too. Nothing is downloaded. Prints one line a comparison, the largest difference relative to
the largest value, and exits with 1 if one is 1e-4 or more.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from unittest import mock

import torch
from safetensors.torch import load_file, save_file

from check_interop import Report, clip_ts, define_torchvision_operators

LIMIT = 1e-4
BATCH = 3


def randomise(model):
    """Random weights of a usual size everywhere, also where a model would start with zeros or ones."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if not value.dtype.is_floating_point or name.endswith(("attn_mask", "embed_positions.weights")):  # fixed
                continue
            noise = torch.randn(value.shape, generator=generator).to(value.dtype)
            if name.endswith("running_var"):
                value.copy_(1 + 0.3 * noise.abs())
            elif name.endswith(("logit_scale", "logit_bias")):
                value.copy_(1 + 0.1 * noise)
            elif value.ndim < 2:
                value.add_(0.05 * noise)
            else:
                fan = value[0].numel() if len(value) > 1 else value.shape[-1]  # a table of positions is one value
                value.copy_(noise * fan**-0.5)
    return model.eval()


def clip_ids(vocab, context):
    """Captions of several lengths, padded with 0; the last two ids are start and end."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1, vocab - 2, (BATCH, context), generator=generator)
    for row in range(BATCH):
        end = 1 + (row * (context - 2)) // (BATCH - 1)
        ids[row, 0], ids[row, end], ids[row, end + 1 :] = vocab - 2, vocab - 1, 0
    return ids


def roberta_ids(vocab, context):
    """The same for RoBERTa: start 0, padding 1, end 2."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(3, vocab, (BATCH, context), generator=generator)
    for row in range(BATCH):
        end = 1 + (row * (context - 2)) // (BATCH - 1)
        ids[row, 0], ids[row, end], ids[row, end + 1 :] = 0, 2, 1
    return ids


def pixels(size):
    return torch.randn(BATCH, 3, size, size, generator=torch.Generator().manual_seed(2))


def forward(model, inputs, work):
    save_file(inputs, work / "inputs.safetensors")
    clip_ts("forward", model, work / "inputs.safetensors", "-o", work / "outputs.safetensors")
    return load_file(work / "outputs.safetensors")


def unit(features):
    return torch.nn.functional.normalize(features, dim=-1)


def compare(report, label, ours, image, text):
    report.compare(f"{label}: image embeddings", ours["image_embeds"], unit(image), LIMIT)
    report.compare(f"{label}: text embeddings", ours["text_embeds"], unit(text), LIMIT)


def open_clip_features(model, inputs):
    with torch.no_grad():
        return model.encode_image(inputs["pixel_values"]), model.encode_text(inputs["input_ids"])


def save_hub_folder(model, config, folder):
    """As open_clip's push_to_hf_hub lays a folder out."""
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")


def load_hub_folder(folder):
    import open_clip

    config = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
    is_custom = config.pop("custom_text", False) or "hf_model_name" in config["text_cfg"]
    if "hf_model_name" in config["text_cfg"]:
        config["text_cfg"]["hf_model_pretrained"] = False  # as open_clip does where weights follow
    model = (open_clip.CustomTextCLIP if is_custom else open_clip.CLIP)(**config)
    model.load_state_dict(load_file(folder / "open_clip_model.safetensors"), strict=True)
    return model.eval()


def shrink(config, image):
    """A model of the same kind that computes in a second."""
    vision, text = config["vision_cfg"], config["text_cfg"]
    if isinstance(vision.get("layers"), list):
        vision.update(layers=[1, 1, 1, 1], width=32, image_size=image)
        config["embed_dim"] = 64
    elif "timm_model_name" not in vision:
        vision.update(layers=2, width=128, image_size=image)
    if "width" in text and "timm_model_name" not in vision:
        text.update(layers=2, width=64, heads=2, vocab_size=1000)
    return config


def open_clip_family(name, report, work, small, ids, pad=1):
    """open_clip's folder to Hugging Face's layout and back, compared at both ends."""
    import open_clip

    config = open_clip.get_model_config(name)
    if small:
        config = shrink(config, 64)
    is_custom = config.get("custom_text", False) or "hf_model_name" in config["text_cfg"]
    arguments = {key: value for key, value in config.items() if key != "custom_text"}
    model = randomise((open_clip.CustomTextCLIP if is_custom else open_clip.CLIP)(**arguments))
    save_hub_folder(model, {"model_cfg": config, "preprocess_cfg": {}}, work / "peer")
    inputs = {"pixel_values": pixels(config["vision_cfg"]["image_size"]), "input_ids": ids(config)}
    if "hf_model_name" in config["text_cfg"]:
        inputs["attention_mask"] = (inputs["input_ids"] != pad).long()
    image, text = open_clip_features(model, inputs)
    compare(report, f"open_clip {name}, as it is", forward(work / "peer", inputs, work), image, text)
    clip_ts("convert", work / "peer", work / "hf", "--to", "hf")
    compare(report, f"open_clip {name}, to hf", forward(work / "hf", inputs, work), image, text)
    clip_ts("convert", work / "hf", work / "back", "--to", "open_clip")
    theirs = open_clip_features(load_hub_folder(work / "back"), inputs)
    ours = {"image_embeds": unit(theirs[0]), "text_embeds": unit(theirs[1])}
    compare(report, f"open_clip {name}, back in open_clip", ours, image, text)


def own_ids(config):
    text = config["text_cfg"]
    return clip_ids(text["vocab_size"], text["context_length"])


def siglip_ids(config):
    text = config["text_cfg"]
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, text["vocab_size"], (BATCH, text["context_length"]), generator=generator)


def transformers_family(label, model, inputs, report, work, peer_loads=None):
    """A folder of transformers, compared as it is and, where open_clip has the model, in open_clip."""
    randomise(model).save_pretrained(work / "peer")
    with torch.no_grad():
        out = model(**inputs)
    ours = forward(work / "peer", inputs, work)
    compare(report, f"transformers {label}", ours, out.image_embeds, out.text_embeds)
    if peer_loads is None:
        return
    clip_ts("convert", work / "peer", work / "open_clip", "--to", "open_clip")
    image, text = open_clip_features(load_hub_folder(work / "open_clip"), inputs)
    theirs = {"image_embeds": unit(image), "text_embeds": unit(text)}
    limit = peer_loads
    report.compare(f"{label} in open_clip: image", theirs["image_embeds"], unit(out.image_embeds), limit)
    report.compare(f"{label} in open_clip: text", theirs["text_embeds"], unit(out.text_embeds), limit)


def vit_b_32(report, work, small):
    from transformers import CLIPConfig, CLIPModel

    model = CLIPModel(CLIPConfig(attn_implementation="eager"))
    inputs = {"pixel_values": pixels(224), "input_ids": clip_ids(49408, 77)}
    transformers_family("CLIP ViT-B/32", model, inputs, report, work, LIMIT)


def siglip(report, work, small):
    from transformers import SiglipConfig, SiglipModel

    sizes = {"hidden_size": 768, "num_hidden_layers": 2 if small else 12}
    config = SiglipConfig(text_config={"projection_size": 768, **sizes}, vision_config=sizes)
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, 32000, (BATCH, 64), generator=generator)
    inputs = {"pixel_values": pixels(224), "input_ids": ids}
    transformers_family("SigLIP B/16", SiglipModel(config), inputs, report, work)


def dual_encoder(report, work, small):
    from transformers import (
        CLIPVisionConfig,
        RobertaConfig,
        VisionTextDualEncoderConfig,
        VisionTextDualEncoderModel,
    )

    layers = 2 if small else 12
    text = RobertaConfig(
        vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, num_hidden_layers=layers
    )
    config = VisionTextDualEncoderConfig.from_vision_text_configs(
        CLIPVisionConfig(num_hidden_layers=layers), text, projection_dim=512
    )
    ids = roberta_ids(50265, 40)
    inputs = {
        "pixel_values": pixels(224),
        "input_ids": ids,
        "attention_mask": (ids != 1).long(),
    }
    model = VisionTextDualEncoderModel(config)
    transformers_family("ViT-B/32 + RoBERTa", model, inputs, report, work)


def roberta_vit_b_32(report, work, small):
    import open_clip
    from transformers import AutoConfig, RobertaConfig

    name = "roberta-ViT-B-32"
    config = open_clip.get_model_config(name)
    config["text_cfg"]["hf_model_pretrained"] = False
    published = RobertaConfig(
        vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5
    )
    with (
        mock.patch.object(AutoConfig, "from_pretrained", lambda _: published),
        mock.patch.object(open_clip, "get_model_config", lambda _: config),
    ):
        open_clip_family(name, report, work, False, lambda _: roberta_ids(50265, 40))


def chinese_clip(report, work, small):
    """The sizes of OFA-Sys/chinese-clip-vit-base-patch16."""
    from transformers import ChineseCLIPConfig, ChineseCLIPModel

    layers = 2 if small else 12
    text = {"vocab_size": 21128, "num_hidden_layers": layers}
    vision = {"patch_size": 16, "num_hidden_layers": layers}
    ids = roberta_ids(21128, 52)
    ids = torch.where(ids == 0, 101, torch.where(ids == 1, 0, ids))
    inputs = {"pixel_values": pixels(224), "input_ids": ids, "attention_mask": (ids != 0).long()}
    model = ChineseCLIPModel(ChineseCLIPConfig(text_config=text, vision_config=vision))
    transformers_family("Chinese-CLIP B/16", model, inputs, report, work)


def of_language(name, published, ids, pad):
    """open_clip's model of this name, whose text tower has `published` for a config in the place of the hub's."""

    def check(report, work, small):
        import open_clip
        import transformers

        kind, options = published
        config = open_clip.get_model_config(name)
        config["text_cfg"]["hf_model_pretrained"] = False
        tower = getattr(transformers, kind)(**options)
        with (
            mock.patch.object(transformers.AutoConfig, "from_pretrained", lambda _: tower),
            mock.patch.object(open_clip, "get_model_config", lambda _: config),
        ):
            open_clip_family(name, report, work, False, ids, pad)

    return check


NLLB = {
    "vocab_size": 256206, "d_model": 1024, "encoder_layers": 12, "encoder_ffn_dim": 4096, "encoder_attention_heads": 16,
    "decoder_layers": 1, "scale_embedding": True,
}
MT5 = {"vocab_size": 250112, "d_model": 768, "d_ff": 2048, "num_layers": 12, "num_decoder_layers": 1, "num_heads": 12}


def mt5_ids(_):
    ids = roberta_ids(250112, 40)
    return torch.where(ids == 0, 5, torch.where(ids == 1, 0, torch.where(ids == 2, 1, ids)))


def openai_archive(report, work, small):
    """OpenAI's own format: half precision in a TorchScript archive, without any config."""
    import open_clip

    config = open_clip.get_model_config("ViT-B-32-quickgelu")
    model = randomise(open_clip.CLIP(**config))
    inputs = {"pixel_values": pixels(224), "input_ids": clip_ids(49408, 77)}
    for value in model.parameters():
        value.data = value.data.half().float()
    image, text = open_clip_features(model, inputs)
    half = open_clip.CLIP(**config)
    half.load_state_dict(model.state_dict())
    traced = torch.jit.trace_module(
        half.eval(),
        {"encode_image": inputs["pixel_values"], "encode_text": inputs["input_ids"]},
        check_trace=False,
    )
    for value in traced.parameters():
        value.data = value.data.half()
    traced.save(str(work / "ViT-B-32.pt"))
    ours = forward(work / "ViT-B-32.pt", inputs, work)
    compare(report, "OpenAI's archive ViT-B/32", ours, image, text)


FAMILIES = {
    "vit-b-32": vit_b_32,
    "openai-archive": openai_archive,
    "open-clip-vit": lambda *a: open_clip_family("ViT-B-32", *a, own_ids),
    "rn50": lambda *a: open_clip_family("RN50", *a, own_ids),
    "siglip-open-clip": lambda *a: open_clip_family("ViT-B-16-SigLIP", *a, siglip_ids),
    "siglip-transformers": siglip,
    "dual-encoder": dual_encoder,
    "roberta-open-clip": roberta_vit_b_32,
    "chinese-clip": chinese_clip,
    "nllb-open-clip": of_language("nllb-clip-base", ("M2M100Config", NLLB), lambda _: roberta_ids(256206, 40), 1),
    "mt5-open-clip": of_language("mt5-base-ViT-B-32", ("MT5Config", MT5), mt5_ids, 0),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=", ".join(FAMILIES))
    parser.add_argument("--small", action="store_true", help="smaller models of the same kinds")
    options = parser.parse_args()
    keep = define_torchvision_operators()  # alive as long as torchvision may be imported
    report = Report()
    for name in options.families or FAMILIES:
        with tempfile.TemporaryDirectory() as temporary:
            FAMILIES[name](report, Path(temporary), options.small)
    del keep
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
