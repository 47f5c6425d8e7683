"""One side of a comparison: PyTorch with open_clip.

    python open_clip_side.py train|infer|tokenize|preprocess

Requests come as lines of JSON on stdin, replies go as lines of JSON to file descriptor 3 (see
measure/serve.mjs). The first line prepares the side, every other is one timed run.
"""

import io
import json
import math
import os
import sys
import time
from pathlib import Path

import torch

# torchvision's Python part can be used without its compiled part once these names exist.
try:
    import torchvision  # noqa: F401
except (ImportError, RuntimeError):
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    LIBRARY = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        LIBRARY.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import open_clip
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg, convert_weights_to_lp
from safetensors.torch import load_file

VERSION = f"open_clip {open_clip.__version__}, torch {torch.__version__}"


def load_model(folder, cast_dtype=None):
    config = json.loads((Path(folder) / "config.json").read_text())
    vision, text = config["vision_config"], config["text_config"]
    model = CLIP(
        embed_dim=config["projection_dim"],
        vision_cfg=CLIPVisionCfg(
            layers=vision["num_hidden_layers"],
            width=vision["hidden_size"],
            head_width=vision["hidden_size"] // vision["num_attention_heads"],
            mlp_ratio=vision["intermediate_size"] / vision["hidden_size"],
            patch_size=vision["patch_size"],
            image_size=vision["image_size"],
        ),
        text_cfg=CLIPTextCfg(
            context_length=text["max_position_embeddings"],
            vocab_size=text["vocab_size"],
            width=text["hidden_size"],
            heads=text["num_attention_heads"],
            layers=text["num_hidden_layers"],
            mlp_ratio=text["intermediate_size"] / text["hidden_size"],
        ),
        quick_gelu=text["hidden_act"] == "quick_gelu",
        cast_dtype=cast_dtype,
    )
    model.load_state_dict(load_file(Path(folder) / "model.safetensors"), strict=True)
    return model


def load_batches(path, context):
    """Images, and captions padded to the context length: open_clip's text tower takes no other."""
    arrays = load_file(path)
    batches = []
    for index in range(sum(name.startswith("pixel_values.") for name in arrays)):
        ids = arrays[f"input_ids.{index}"].long()
        ids = torch.nn.functional.pad(ids, (0, context - ids.shape[1]))
        batches.append((arrays[f"pixel_values.{index}"], ids))
    return batches


def autocast(is_on):
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_on)


def adamw(model, rule):
    """The groups of open_clip's own training script, updated by the fused kernel where it runs."""

    def is_plain(name, leaf):
        return leaf.ndim < 2 or any(part in name for part in ("bn", "ln", "bias", "logit_scale"))

    leaves = list(model.named_parameters())
    plain = [leaf for name, leaf in leaves if is_plain(name, leaf)]
    decayed = [leaf for name, leaf in leaves if not is_plain(name, leaf)]
    groups = [
        {"params": plain, "weight_decay": 0.0},
        {"params": decayed, "weight_decay": rule["weightDecay"]},
    ]
    settings = {"lr": rule["learningRate"], "betas": (rule["beta1"], rule["beta2"])}
    settings["eps"] = rule["eps"]
    try:
        return torch.optim.AdamW(groups, fused=True, **settings), "fused AdamW"
    except RuntimeError:
        return torch.optim.AdamW(groups, foreach=True, **settings), "foreach AdamW"


def train(options):
    model = load_model(options["model"])
    model.train()
    batches = load_batches(options["batches"], model.context_length)
    optimizer, kind = adamw(model, options["rule"])
    loss_of = open_clip.ClipLoss()
    is_bf16 = options["precision"] == "bf16"

    def run(request):
        images, texts = batches[request["round"] % len(batches)]
        optimizer.zero_grad(set_to_none=True)
        with autocast(is_bf16):
            image_features, text_features, scale = model(images, texts)
            loss = loss_of(image_features, text_features, scale)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), options["rule"]["maxNorm"])
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        return {"loss": loss.item(), "gradNorm": norm.item()}

    return {"version": VERSION, "detail": kind}, run, lambda _, metrics: metrics


def infer(options):
    has_bf16_weights = options["variant"] == "weights"
    dtype = torch.bfloat16 if has_bf16_weights else torch.float32
    model = load_model(options["model"], dtype if has_bf16_weights else None).eval()
    if has_bf16_weights:
        convert_weights_to_lp(model, dtype=dtype)
    images, texts = load_batches(options["batch"], model.context_length)[0]
    images = images.to(dtype)

    def run(request):
        with torch.inference_mode(), autocast(options["variant"] == "autocast"):
            if request["part"] == "images":
                return model.encode_image(images, normalize=True)
            return model.encode_text(texts, normalize=True)

    def show(request, features):
        return features.float().flatten().tolist() if request["round"] == 0 else None

    return {"version": VERSION}, run, show


def tokenize(options):
    tokenizer = open_clip.SimpleTokenizer()
    texts = Path(options["captions"]).read_text(encoding="utf-8").split("\n")

    def show(request, ids):
        if request["round"] > 0:
            return None
        end = tokenizer.eot_token_id
        return [row[: row.index(end) + 1] for row in ids.tolist()]

    return {"version": VERSION}, lambda _: tokenizer(texts), show


def preprocess(options):
    import PIL
    from open_clip.transform import image_transform
    from PIL import Image

    mean, std = tuple(options["mean"]), tuple(options["std"])
    transform = image_transform(options["size"], is_train=False, mean=mean, std=std)
    files = [Path(path).read_bytes() for path in options["images"]]
    decoded = [Image.open(io.BytesIO(data)).convert("RGB") for data in files]

    def run(request):
        if request["part"] == "pixels":
            return [transform(image) for image in decoded]
        return [transform(Image.open(io.BytesIO(data))) for data in files]

    def show(request, results):
        if request["round"] > 0:
            return None
        count = options["samples"]
        rows = [values.flatten().tolist() for values in results]
        return [row[index * len(row) // count] for row in rows for index in range(count)]

    return {"version": f"{VERSION}, Pillow {PIL.__version__}"}, run, show


def serve(tasks):
    """Answers requests; what a task's `run` gives may say by itself what it took, in a dict with `milliseconds`."""
    replies = os.fdopen(3, "w")

    def reply(content):
        print(json.dumps(content), file=replies, flush=True)

    started = time.perf_counter()
    options = json.loads(sys.stdin.readline())
    torch.set_num_threads(options["threads"])
    facts, run, show = tasks[sys.argv[1]](options)
    reply({"facts": facts, "milliseconds": 1000 * (time.perf_counter() - started)})
    for line in sys.stdin:
        request = json.loads(line)
        started, used = time.perf_counter(), time.process_time()
        result = run(request)
        took = {
            "milliseconds": 1000 * (time.perf_counter() - started),
            "cpuMilliseconds": 1000 * (time.process_time() - used),
        }
        if isinstance(result, dict):
            took = {name: result.get(name, value) for name, value in took.items()}
        reply({**took, "shown": show(request, result)})


if __name__ == "__main__":
    serve({"train": train, "infer": infer, "tokenize": tokenize, "preprocess": preprocess})
