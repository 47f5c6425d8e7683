"""The models of check_full_size.py: of every family the smallest that is published, with random weights."""

import contextlib
import copy
import json
from unittest import mock

import torch

from check_families import clip_ids, load_hub_folder, pixels, randomise, roberta_ids, save_hub_folder, unit
from published_models import ROBERTA, text_tower_config

BERT = {"vocab_size": 30522}
SO400M = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16}


@contextlib.contextmanager
def without_drawing():
    """Models are made without drawing the matrices that `randomise` fills: drawing twice takes minutes."""

    def undrawn(method):
        return lambda tensor, *args, **kwargs: tensor if tensor.ndim > 1 else method(tensor, *args, **kwargs)

    with contextlib.ExitStack() as stack:
        for name in ("normal_", "uniform_", "erfinv_"):
            stack.enter_context(mock.patch.object(torch.Tensor, name, undrawn(getattr(torch.Tensor, name))))
        # which draws again until every number lies within its bounds
        for name in ("trunc_normal_", "_no_grad_trunc_normal_"):
            stack.enter_context(mock.patch.object(torch.nn.init, name, undrawn(getattr(torch.nn.init, name))))
        yield


def padded_ids(vocab, context, start, end, pad):
    """Captions of several lengths, with these ids for what starts, ends and fills them."""
    ids = roberta_ids(vocab - 3, context) + 3
    return torch.where(ids == 3, start, torch.where(ids == 4, pad, torch.where(ids == 5, end, ids)))


def filled_ids(vocab, context):
    """Captions that fill the context, as SigLIP pools what stands last."""
    return torch.randint(3, vocab, (3, context), generator=torch.Generator().manual_seed(1))


class TransformersPeer:
    """A model of transformers, saved and loaded as it does."""

    def __init__(self, model, inputs):
        self.model, self.inputs, self.kind = randomise(model), inputs, type(model)

    def save(self, folder):
        self.model.save_pretrained(folder)
        if self.inputs["pixel_values"].ndim == 4:  # DINOv2's pictures are smaller than its table of positions
            side = self.inputs["pixel_values"].shape[-1]
            size = {"size": {"height": side, "width": side}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
            steps = {"do_resize": True, "do_rescale": True, "do_normalize": True, "resample": 3}
            content = {"image_processor_type": "ViTImageProcessor", **size, **steps}
            (folder / "preprocessor_config.json").write_text(json.dumps(content))

    def outputs(self, model):
        out = model(**self.inputs)
        names = ("image_embeds", "text_embeds", "logits_per_image")
        return {name: getattr(out, name) for name in names}

    def written(self, convert, folder, work):
        """What transformers computes of what `convert --to hf` makes of the folder; loading is strict."""
        convert(folder, work / "hf", "hf")
        return [self.outputs(strictly(self.kind, work / "hf"))]


def strictly(kind, folder):
    model, info = kind.from_pretrained(folder, output_loading_info=True, dtype=torch.float32)
    for trouble in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info.get(trouble):
            raise RuntimeError(f"transformers: {trouble}: {sorted(info[trouble])[:5]}")
    return model.eval()


class OpenClipPeer:
    """A model of open_clip, saved as its folder; towers that it would fetch come from their published sizes."""

    def __init__(self, name, ids):
        import open_clip

        self.config = open_clip.get_model_config(name)
        arguments = copy.deepcopy(self.config)
        text = arguments["text_cfg"]
        is_custom = arguments.pop("custom_text", False) or "hf_model_name" in text
        if "hf_model_name" in text:
            text["hf_model_pretrained"] = False
        with fetched():
            self.model = randomise((open_clip.CustomTextCLIP if is_custom else open_clip.CLIP)(**arguments))
        self.inputs = {"pixel_values": pixels(self.config["vision_cfg"].get("image_size", 224)), "input_ids": ids}

    def padded_with(self, pad):
        self.inputs["attention_mask"] = (self.inputs["input_ids"] != pad).long()
        return self

    def save(self, folder):
        save_hub_folder(self.model, {"model_cfg": self.config, "preprocess_cfg": {}}, folder)

    def outputs(self, model):
        image, text = model.encode_image(self.inputs["pixel_values"]), model.encode_text(self.inputs["input_ids"])
        image, text = unit(image), unit(text)
        bias = getattr(model, "logit_bias", None)
        logits = model.logit_scale.exp() * image @ text.T + (0 if bias is None else bias)
        return {"image_embeds": image, "text_embeds": text, "logits_per_image": logits}

    def written(self, convert, folder, work):
        """What open_clip computes after `convert --to hf` and back, and transformers where it has the type."""
        from transformers import AutoModel

        convert(folder, work / "hf", "hf")
        convert(work / "hf", work / "back", "open_clip")
        with fetched():
            yield self.outputs(load_hub_folder(work / "back"))
        if json.loads((work / "hf" / "config.json").read_text())["model_type"] == "clip-ts":
            return
        words = {key: value for key, value in self.inputs.items() if key != "pixel_values"}
        out = strictly(AutoModel, work / "hf")(pixel_values=self.inputs["pixel_values"], **words)
        yield {"image_embeds": out.image_embeds, "text_embeds": out.text_embeds, "logits_per_image": out.logits_per_image}


def fetched():
    from transformers import AutoConfig

    return mock.patch.object(AutoConfig, "from_pretrained", text_tower_config)


class ArchivePeer(OpenClipPeer):
    """OpenAI's own format: half precision in a TorchScript archive, without any config."""

    def __init__(self):
        super().__init__("ViT-B-32-quickgelu", clip_ids(49408, 77))
        for value in self.model.parameters():
            value.data = value.data.half().float()

    def save(self, folder):
        methods = {"encode_image": self.inputs["pixel_values"], "encode_text": self.inputs["input_ids"]}
        traced = torch.jit.trace_module(copy.deepcopy(self.model), methods, check_trace=False)
        for value in traced.parameters():
            value.data = value.data.half()
        folder.mkdir()
        traced.save(str(folder / "ViT-B-32.pt"))

    def written(self, convert, folder, work):
        return super().written(convert, folder / "ViT-B-32.pt", work)


def of_type(name, size, ids, pad=None, **config):
    """A model of transformers' own class for the type."""
    import transformers

    inputs = {"pixel_values": pixels(size), "input_ids": ids}
    if pad is not None:
        inputs["attention_mask"] = (ids != pad).long()
    model = getattr(transformers, f"{name}Model")(getattr(transformers, f"{name}Config")(**config))
    return TransformersPeer(model, inputs)


def dual(vision, size, options, text="Bert"):
    """transformers' dual encoder of an image tower and BERT or RoBERTa of base size."""
    import transformers

    words = BERT if text == "Bert" else ROBERTA | {"vocab_size": 50265}
    config = transformers.VisionTextDualEncoderConfig.from_vision_text_configs(
        getattr(transformers, f"{vision}Config")(**options),
        getattr(transformers, f"{text}Config")(**words),
        projection_dim=512,
    )
    pad = 0 if text == "Bert" else 1
    ids = padded_ids(30522, 40, 101, 102, 0) if text == "Bert" else roberta_ids(50265, 40)
    inputs = {"pixel_values": pixels(size), "input_ids": ids, "attention_mask": (ids != pad).long()}
    return TransformersPeer(transformers.VisionTextDualEncoderModel(config), inputs)


def naflex():
    """The sizes of google/siglip2-base-patch16-naflex; patches of three pictures of other sides."""
    from PIL import Image
    from transformers import Siglip2Config, Siglip2ImageProcessorPil, Siglip2Model

    text = {"vocab_size": 256000, "projection_size": 768, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 1}
    model = Siglip2Model(Siglip2Config(text_config=text))
    noise = [torch.randint(0, 256, (height, width, 3), dtype=torch.uint8) for height, width in ((48, 64), (90, 30), (20, 99))]
    pictures = [Image.fromarray(picture.numpy()).resize((picture.shape[1] * 8, picture.shape[0] * 8)) for picture in noise]
    inputs = dict(Siglip2ImageProcessorPil()(pictures, return_tensors="pt"))
    inputs = {key: value.float() if value.is_floating_point() else value.long() for key, value in inputs.items()}
    return TransformersPeer(model, {**inputs, "input_ids": filled_ids(256000, 64)})


def metaclip_2():
    """The sizes of facebook/metaclip-2-worldwide-b32: captions end with 2, the vocabulary is XLM-V's."""
    text = {"vocab_size": 901629, "eos_token_id": 2, "bos_token_id": 0}
    ids = padded_ids(901629, 77, 0, 2, 1)
    return of_type("MetaClip2", 224, ids, text_config=text)


def altclip():
    """The sizes of BAAI/AltCLIP: XLM-R large and CLIP's ViT-L/14."""
    vision = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    config = {"vision_config": vision | {"patch_size": 14}, "text_config": {}, "projection_dim": 768}
    return of_type("AltCLIP", 224, roberta_ids(250002, 77), 1, **config)


def align_b0():
    """Whole numbers where transformers takes fractions alone."""
    whole = {"width_coefficient": 1.0, "depth_coefficient": 1.0, "squeeze_expansion_ratio": 1.0}
    vision = whole | {"image_size": 224, "hidden_dim": 1280}
    ids = padded_ids(30522, 64, 101, 102, 0)
    return of_type("Align", 224, ids, 0, vision_config=vision, temperature_init_value=2.0, projection_dim=320)


def chinese_clip():
    """The sizes of OFA-Sys/chinese-clip-vit-base-patch16."""
    ids = padded_ids(21128, 52, 101, 102, 0)
    return of_type("ChineseCLIP", 224, ids, 0, text_config={"vocab_size": 21128}, vision_config={"patch_size": 16})


def so400m():
    """The sizes of google/siglip2-so400m-patch14-384: 384 pixels are no whole number of patches."""
    text = SO400M | {"vocab_size": 256000, "projection_size": 1152}
    vision = SO400M | {"image_size": 384, "patch_size": 14}
    return of_type("Siglip", 384, filled_ids(256000, 64), text_config=text, vision_config=vision)


def mt5():
    """T5 does not divide its scores by the root of a head's width: queries are drawn smaller by it, as T5 draws them."""
    peer = OpenClipPeer("mt5-base-ViT-B-32", padded_ids(250112, 40, 5, 1, 0)).padded_with(0)
    with torch.no_grad():
        for name, value in peer.model.named_parameters():
            if name.endswith("SelfAttention.q.weight"):
                value.mul_(64**-0.5)
    return peer


# By family: what is made, and how. The largest come last.
MODELS = {
    "CLIP, transformers ViT-B/32": lambda: of_type("CLIP", 224, clip_ids(49408, 77)),
    "CLIP, open_clip ViT-B-32": lambda: OpenClipPeer("ViT-B-32", clip_ids(49408, 77)),
    "CLIP, OpenAI's archive ViT-B/32": ArchivePeer,
    "CLIP, open_clip RN50": lambda: OpenClipPeer("RN50", clip_ids(49408, 77)),
    "CLIPA, open_clip ViT-L-14-CLIPA": lambda: OpenClipPeer("ViT-L-14-CLIPA", filled_ids(32000, 32)),
    "SigLIP, open_clip ViT-B-16-SigLIP": lambda: OpenClipPeer("ViT-B-16-SigLIP", filled_ids(32000, 64)),
    "SigLIP, transformers B/16": lambda: of_type("Siglip", 224, filled_ids(32000, 64)),
    "SigLIP 2, open_clip ViT-B-32-SigLIP2-256": lambda: OpenClipPeer("ViT-B-32-SigLIP2-256", filled_ids(256000, 64)),
    "SigLIP 2, open_clip ViT-B-16-SigLIP2-256": lambda: OpenClipPeer("ViT-B-16-SigLIP2-256", filled_ids(256000, 64)),
    "SigLIP 2 NaFlex, transformers B/16": naflex,
    "Swin, open_clip swin_base_patch4_window7_224": lambda: OpenClipPeer(
        "swin_base_patch4_window7_224", clip_ids(49408, 77)
    ),
    "Swin, dual encoder Swin-T + BERT": lambda: dual("Swin", 224, {}),
    "DeiT, dual encoder DeiT-Ti/16 + BERT": lambda: dual(
        "DeiT", 224, {"hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768}
    ),
    "DINOv2, dual encoder DINOv2-S/14 + BERT": lambda: dual(
        "Dinov2", 224, {"hidden_size": 384, "num_attention_heads": 6, "image_size": 518}
    ),
    "DINOv2 with registers, dual encoder S/14 + BERT": lambda: dual(
        "Dinov2WithRegisters", 224, {"hidden_size": 384, "num_attention_heads": 6, "image_size": 518, "patch_size": 14}
        | {"layerscale_value": 2.0},  # whole, where transformers takes no whole number
    ),
    "ViT, dual encoder ViT-B/16 + RoBERTa": lambda: dual("ViT", 224, {}, "Roberta"),
    "CLIP's ViT, dual encoder B/32 + BERT": lambda: dual("CLIPVision", 224, {}),
    "ALIGN, transformers EfficientNet-B7 at 289": lambda: of_type(
        "Align", 289, padded_ids(30522, 64, 101, 102, 0), 0
    ),
    "ALIGN, transformers EfficientNet-B0 at 224": align_b0,
    "Chinese-CLIP, transformers B/16": chinese_clip,
    "RoBERTa, open_clip roberta-ViT-B-32": lambda: OpenClipPeer(
        "roberta-ViT-B-32", roberta_ids(50265, 40)
    ).padded_with(1),
    "XLM-R, open_clip xlm-roberta-base-ViT-B-32": lambda: OpenClipPeer(
        "xlm-roberta-base-ViT-B-32", roberta_ids(250002, 40)
    ).padded_with(1),
    "mT5, open_clip mt5-base-ViT-B-32": mt5,
    "NLLB, open_clip nllb-clip-base": lambda: OpenClipPeer(
        "nllb-clip-base", roberta_ids(256206, 40)
    ).padded_with(1),
    "MetaCLIP 2, transformers ViT-B/32": metaclip_2,
    "MetaCLIP 2, open_clip ViT-L-14-worldwide": lambda: OpenClipPeer(
        "ViT-L-14-worldwide", padded_ids(250100, 77, 5, 1, 0)
    ),
    "AltCLIP, transformers": altclip,
    "SigLIP 2, transformers so400m-patch14-384": so400m,
    "SigLIP 2, open_clip ViT-gopt-16-SigLIP2-256": lambda: OpenClipPeer(
        "ViT-gopt-16-SigLIP2-256", filled_ids(256000, 64)
    ),
}
