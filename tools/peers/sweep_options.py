"""Asks of every option of open_clip's `CLIPVisionCfg` and `CLIPTextCfg`, on small models, whether clip-ts has its numbers.

    python tools/peers/sweep_options.py [NAME ...]

Each variant is a CLIP of two blocks a tower with random weights in every tensor. It is opened as open_clip's own
folder, converted to clip-ts's layout and back to open_clip's, and open_clip loads what comes back. Image features, text
features and logits are compared, the largest difference relative to the largest value; the limit is 1e-5.
A variant is "works", "refused" (clip-ts says why), "peer" (open_clip itself cannot build or run it) or "wrong".
Exits with 1 if one is wrong, or if one that is not listed as refused is refused.
"""

import argparse
import copy
import json
import sys
import tempfile
from pathlib import Path
from unittest import mock

import torch
from safetensors.torch import load_file, save_file

from check_families import clip_ids, randomise, unit
from check_interop import define_torchvision_operators
from sweep_configs import Refused, Server, checked, difference

LIMIT, GRADIENT_LIMIT = 1e-5, 1e-4
VOCABULARY, CONTEXT = 100, 12

BASE = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "layers": 2, "width": 32, "head_width": 16},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": 32, "heads": 2, "layers": 2},
}
EXTRAS = ("qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc")
BOTH = {key: True for key in EXTRAS if key != "scaled_cosine_attn"}


def variants():
    """Name, what differs in the vision config, in the text config, and in the whole."""
    yield "base", {}, {}, {}
    yield "quick_gelu", {}, {}, {"quick_gelu": True}
    yield "quick_gelu, act_kwargs {}", {"act_kwargs": {}}, {}, {"quick_gelu": True}
    yield "custom_text", {}, {}, {"custom_text": True}
    yield "logit_bias", {}, {}, {"init_logit_bias": -3.0}
    yield "nonscalar_logit_scale", {}, {}, {"nonscalar_logit_scale": True}
    yield "nonscalar_logit_scale, bias", {}, {}, {"nonscalar_logit_scale": True, "init_logit_bias": -3.0}
    for side in ("v", "t"):

        def one(name, keys, side=side):
            return (f"{name} ({side})", keys if side == "v" else {}, keys if side == "t" else {}, {})

        yield one("ls_init_value", {"ls_init_value": 0.1})
        yield one("mlp_ratio", {"mlp_ratio": 2.5})
        yield one("act_kwargs none", {"act_kwargs": {"approximate": "none"}})
        yield one("act_kwargs tanh", {"act_kwargs": {"approximate": "tanh"}})
        yield one("norm eps", {"norm_kwargs": {"eps": 1e-3}})
        yield one("norm without affine", {"norm_kwargs": {"elementwise_affine": False}})
        yield one("norm without bias", {"norm_kwargs": {"bias": False}})
        yield one("block_type custom", {"block_type": "custom"})
        yield one("block_type default, qk_norm", {"block_type": "default", "qk_norm": True})
        for key in EXTRAS:
            yield one(key, {key: True})
        yield one("all block options", BOTH)
        yield one("all block options, norm without affine", BOTH | {"norm_kwargs": {"elementwise_affine": False}})
        yield one("all block options, ls", BOTH | {"ls_init_value": 0.1, "norm_kwargs": {"bias": False, "eps": 1e-4}})
    for pool in ("tok", "avg", "none", "first"):
        yield f"pool {pool}", {"pool_type": pool}, {}, {}
        yield f"pool {pool}, ln after", {"pool_type": pool, "final_ln_after_pool": True}, {}, {}
        attentional = {"attentional_pool": True, "attn_pooler_queries": 5, "attn_pooler_heads": 4, "pool_type": pool}
        yield f"attentional_pool, {pool}", attentional, {}, {}
    other = {"attentional_pool": True, "attn_pooler_queries": 5, "attn_pooler_heads": 4}
    yield "attentional_pool, other width", other, {}, {"embed_dim": 24}
    yield "attentional_pool avg, other width", other | {"pool_type": "avg"}, {}, {"embed_dim": 24}
    yield "attentional_pool, custom_text", other, {}, {"custom_text": True}
    yield "attentional_pool, norm without affine", other | {"norm_kwargs": {"elementwise_affine": False}}, {}, {}
    yield "attentional_pool, norm eps", other | {"norm_kwargs": {"eps": 1e-3, "bias": False}}, {}, {}
    for kind in ("parallel", "cascade"):
        yield f"attentional_pool {kind}", other | {"attentional_pool": kind}, {}, {}
        yield f"attentional_pool {kind}, other width", other | {"attentional_pool": kind}, {}, {"embed_dim": 24}
    yield "no_ln_pre", {"no_ln_pre": True}, {}, {}
    yield "sin_cos_2d", {"pos_embed_type": "sin_cos_2d"}, {}, {}
    yield "patch_dropout", {"patch_dropout": 0.5}, {}, {}
    yield "image_size [32, 32]", {"image_size": [32, 32]}, {}, {}
    yield "image_size [24, 40]", {"image_size": [24, 40]}, {}, {}
    yield "image_size [40, 27]", {"image_size": [40, 27]}, {}, {}
    yield "image_size [24, 40], pool avg", {"image_size": [24, 40], "pool_type": "avg"}, {}, {}
    yield "patch_size [8, 8]", {"patch_size": [8, 8]}, {}, {}
    yield "patch_size [4, 8]", {"patch_size": [4, 8]}, {}, {}
    yield "patch_size [4, 8], image_size [24, 40]", {"patch_size": [4, 8], "image_size": [24, 40]}, {}, {}
    yield "patch that does not divide", {"image_size": 30}, {}, {}
    yield "sin_cos_2d, not square", {"pos_embed_type": "sin_cos_2d", "image_size": [24, 40]}, {}, {}
    yield "output_tokens (v)", {"output_tokens": False}, {}, {}
    clipa = {"no_ln_pre": True, "pool_type": "avg", "final_ln_after_pool": True}
    yield "clipa", clipa, {"pool_type": "last", "no_causal_mask": True}, {}
    yield "pad_id", {}, {"pad_id": 3}, {}
    yield "eos_id", {}, {"pool_type": "eos", "eos_id": 5}, {}
    for pool in ("argmax", "last", "first", "none"):
        yield f"text pool {pool}", {}, {"pool_type": pool}, {}
        yield f"text pool {pool}, no mask", {}, {"pool_type": pool, "no_causal_mask": True}, {}
    yield "eos, no mask", {}, {"pool_type": "eos", "eos_id": 5, "no_causal_mask": True}, {}
    yield "final_ln_after_pool (t)", {}, {"final_ln_after_pool": True}, {}
    yield "proj_type none", {}, {"proj_type": "none"}, {}
    yield "proj_type none, custom_text", {}, {"proj_type": "none"}, {"custom_text": True}
    yield "proj_bias", {}, {"proj_bias": True}, {}
    yield "proj_bias, custom_text", {}, {"proj_bias": True}, {"custom_text": True}
    yield "proj_bias, no mask, last", {}, {"proj_bias": True, "pool_type": "last", "no_causal_mask": True}, {"custom_text": True}
    yield "embed_cls", {}, {"embed_cls": True}, {"custom_text": True}
    yield "context_length", {}, {"context_length": 7}, {}


# What clip-ts refuses although open_clip runs it, because it leaves no one feature for an image or a caption.
REFUSED = {"pool none", "pool none, ln after", "attentional_pool, none", "embed_cls"}


def build(name, vision, text, whole):
    config = copy.deepcopy(BASE) | {key: value for key, value in whole.items() if key != "custom_text"}
    config["vision_cfg"] |= vision
    config["text_cfg"] |= text
    custom = bool(whole.get("custom_text"))
    return config, custom


def as_one(features):
    features = features[0] if isinstance(features, tuple) else features
    return features[:, 0] if features.ndim == 3 and features.shape[1] == 1 else features


class Variant:
    def __init__(self, config, custom, server, work):
        import open_clip

        self.config, self.custom, self.server, self.work = config, custom, server, work
        kind = open_clip.CustomTextCLIP if custom else open_clip.CLIP
        self.make = lambda: kind(**copy.deepcopy(config))
        self.model = model = self.make().eval()
        fixed = model.visual.positional_embedding.detach().clone()
        randomise(model)
        if config["vision_cfg"].get("pos_embed_type") == "sin_cos_2d":
            model.visual.positional_embedding.data.copy_(fixed)
        size = config["vision_cfg"]["image_size"]
        height, width = size if isinstance(size, list) else (size, size)
        text = config["text_cfg"]
        vocab, context = text["vocab_size"], text["context_length"]
        ids = clip_ids(vocab, context)
        if text.get("pool_type") == "eos":
            ids = torch.where(ids == vocab - 1, text["eos_id"], torch.where(ids == text["eos_id"], 7, ids))
        self.pixels = torch.randn(3, 3, height, width, generator=torch.Generator().manual_seed(2))
        self.ids = ids
        self.inputs = work / "inputs.safetensors"
        save_file({"pixel_values": self.pixels, "input_ids": ids}, self.inputs)
        self.folder = work / "folder"
        self.folder.mkdir()
        stored = config | ({"custom_text": True} if custom else {})
        text_file = json.dumps({"model_cfg": stored, "preprocess_cfg": {}})
        (self.folder / "open_clip_config.json").write_text(text_file)
        state = {key: value.contiguous() for key, value in model.state_dict().items()}
        save_file(state, self.folder / "open_clip_model.safetensors")

    def features(self, model):
        with torch.no_grad():
            image, text = as_one(model.encode_image(self.pixels)), as_one(model.encode_text(self.ids))
            image, text = unit(image.float()), unit(text.float())
            logits = model.logit_scale.exp() * image @ text.T
            return {"image": image, "text": text, "logits": logits + (getattr(model, "logit_bias", None) or 0)}

    def check(self, place, expected):
        answer = checked(self.server.ask(do="forward", model=place, inputs=self.inputs, cut=None))
        return difference(answer, expected)

    def convert(self, place, out, to):
        checked(self.server.ask(do="convert", words=[str(place), str(out), "--to", to]))

    def back(self, folder):
        config = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
        import open_clip

        custom = config.pop("custom_text", False) or self.custom
        kind = open_clip.CustomTextCLIP if custom else open_clip.CLIP
        model = kind(**config).eval()
        state = load_file(folder / "open_clip_model.safetensors")
        if custom and not any(name.startswith("text.") for name in state):
            model = open_clip.CLIP(**config).eval()
        model.load_state_dict(state, strict=True)
        return model

    def run(self):
        expected = self.features(self.model)
        worst = self.check(self.folder, expected)
        own, back = self.work / "own", self.work / "back"
        self.convert(self.folder, own, "hf")
        worst = max(worst, self.check(own, expected))
        self.convert(own, back, "open_clip")
        return max(worst, self.check(back, expected), difference(self.features(self.back(back)), expected))


def run(name, parts, server):
    with tempfile.TemporaryDirectory() as folder:
        config, custom = build(name, *parts)
        try:
            variant = Variant(config, custom, server, Path(folder))
            variant.features(variant.model)
        except (Exception, AssertionError) as error:  # open_clip refuses in many ways
            return "peer", 0.0, f"{type(error).__name__}: {error}"[:120]
        try:
            worst = variant.run()
        except Refused as refusal:
            return "refused", 0.0, str(refusal)[:200]
        return ("works" if worst < LIMIT else "wrong"), worst, ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    torch.set_num_threads(1)
    server, counts, faults = Server(), {}, []
    for name, *parts in variants():
        if options.names and name not in options.names:
            continue
        word, worst, why = run(name, parts, server)
        counts[word] = counts.get(word, 0) + 1
        if word == "wrong" or (word == "refused" and name not in REFUSED):
            faults.append(name)
        print(f"{name:<48}{word:<9}{worst:8.1e}  {why}", flush=True)
    print(", ".join(f"{count} {word}" for word, count in sorted(counts.items())))
    if faults:
        print(f"faults: {', '.join(faults)}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    keep = define_torchvision_operators()
    with mock.patch.dict("os.environ", {"HF_HUB_OFFLINE": "1"}):
        main()
