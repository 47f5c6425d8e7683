"""Writes the fixtures of image towers that stand beside a text tower in transformers.

    python tools/peers/make_image_towers.py packages/test-utils/fixtures [NAME ...]

A random model for each, as it saves itself, and what it computes in `io.safetensors`: features, logits, loss,
and in `grads.safetensors` the gradient of every parameter under the names of the file. `at-size.safetensors` holds
the features that the same weights give for images of another size, where the tower interpolates its positions.
`align` also has what a training pass gives, as its batch norms see the batch then.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from check_interop import define_torchvision_operators

operators = define_torchvision_operators()

from transformers import (  # noqa: E402
    AlignConfig,
    AlignModel,
    DeiTConfig,
    Dinov2Config,
    Dinov2WithRegistersConfig,
    RobertaConfig,
    SwinConfig,
    VisionTextDualEncoderConfig,
    VisionTextDualEncoderModel,
)

BATCH, VOCABULARY, CONTEXT = 4, 40, 16
out = Path(sys.argv[1])

STACK = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3}
VISION = {
    "dinov2": lambda: Dinov2Config(**STACK, image_size=16, patch_size=4, mlp_ratio=2),
    "dinov2-registers": lambda: Dinov2WithRegistersConfig(
        **STACK, image_size=16, patch_size=4, mlp_ratio=2, num_register_tokens=3, use_swiglu_ffn=True
    ),
    "deit": lambda: DeiTConfig(**STACK, image_size=16, patch_size=4, intermediate_size=40),
    # 14 places of a side: padded to windows of 4, shifted, merged to 7 and to 4, which is one window
    "swin": lambda: SwinConfig(
        image_size=28, patch_size=2, embed_dim=8, depths=[2, 2, 1], num_heads=[1, 2, 4], window_size=4, mlp_ratio=2.0
    ),
}


def text_config():
    stack = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    return RobertaConfig(
        **stack, vocab_size=VOCABULARY, max_position_embeddings=CONTEXT + 2, type_vocab_size=1, layer_norm_eps=1e-5
    )


def randomise(model):
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name in ("logit_scale", "temperature"):
                value.fill_(1.5 if name == "logit_scale" else 0.3)
            elif value.ndim < 2:
                value.add_(0.1 * torch.randn(value.shape))
            elif "bias_table" in name:
                value.copy_(torch.randn(value.shape))
            else:
                value.copy_(torch.randn(value.shape) * value[0].numel() ** -0.5)
        for name, value in model.named_buffers():
            if name.endswith("running_mean"):
                value.copy_(0.2 * torch.randn(value.shape))
            elif name.endswith("running_var"):
                value.copy_(0.5 + torch.rand(value.shape))
    return model.eval()


def save(tensors, path):
    save_file({name: value.detach().contiguous().clone() for name, value in tensors.items()}, path)


def inputs_for(size, first, end, padding):
    ids = torch.randint(3, VOCABULARY, (BATCH, CONTEXT))
    for row, last in enumerate((3, CONTEXT - 1, 5, 2)):
        ids[row, 0], ids[row, last], ids[row, last + 1 :] = first, end, padding
    return {"pixel_values": torch.randn(BATCH, 3, size, size), "input_ids": ids, "attention_mask": (ids != padding).long()}


def save_gradients(model, folder, name="grads"):
    """The same model with its gradients for values is saved under the names of the file."""
    kept = {key: value.detach().clone() for key, value in model.named_parameters()}
    unused = [key for key, value in model.named_parameters() if value.grad is None]
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(torch.zeros_like(value) if value.grad is None else value.grad)
    model.save_pretrained(folder / "gradients")
    gradients = load_file(folder / "gradients" / "model.safetensors")
    left_out = lambda key: key.split(".")[-1] in ("mask_token", "running_mean", "running_var", "num_batches_tracked")
    learned = {key: value for key, value in gradients.items() if not left_out(key) and key not in unused}
    save(learned, folder / f"{name}.safetensors")
    for leftover in (folder / "gradients").iterdir():
        leftover.unlink()
    (folder / "gradients").rmdir()
    with torch.no_grad():
        for key, value in model.named_parameters():
            value.copy_(kept[key])
            value.grad = None


def save_outputs(inputs, result, path):
    save(
        {
            **{name: value.int() if value.dtype == torch.int64 else value for name, value in inputs.items()},
            "image_embeds": result.image_embeds,
            "text_embeds": result.text_embeds,
            "logits_per_image": result.logits_per_image,
            "loss": result.loss.reshape(1),
        },
        path,
    )


def write_dual_encoder(name):
    torch.manual_seed(0)
    vision = VISION[name]()
    config = VisionTextDualEncoderConfig.from_vision_text_configs(vision, text_config(), projection_dim=16)
    config._attn_implementation = "eager"
    model = randomise(VisionTextDualEncoderModel(config))
    folder = out / name
    model.save_pretrained(folder)
    inputs = inputs_for(vision.image_size, 0, 2, 1)
    result = model(**inputs, return_loss=True)
    result.loss.backward()
    save_outputs(inputs, result, folder / "io.safetensors")
    save_gradients(model, folder)
    if name.startswith("dinov2"):
        pixels = torch.randn(2, 3, 25, 25)
        features = model.get_image_features(pixels).pooler_output
        features = features / features.norm(dim=-1, keepdim=True)
        save({"pixel_values": pixels, "image_embeds": features}, folder / "at-size.safetensors")


def write_align(name):
    torch.manual_seed(0)
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    vision = {
        "image_size": 31,
        "width_coefficient": 0.25,
        "depth_coefficient": 1.2,
        "depth_divisor": 4,
        "kernel_sizes": [3, 5, 3],
        "in_channels": [32, 16, 24],
        "out_channels": [16, 24, 64],
        "strides": [1, 2, 2],
        "num_block_repeats": [1, 1, 1],
        "expand_ratios": [1, 4, 4],
        "depthwise_padding": [2],
    }
    config = AlignConfig(
        text_config={**text, "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT},
        vision_config=vision,
        projection_dim=16,
    )
    config._attn_implementation = "eager"
    model = randomise(AlignModel(config))
    folder = out / name
    model.save_pretrained(folder)
    inputs = inputs_for(vision["image_size"], 1, 2, 0)
    result = model(**inputs, return_loss=True)
    result.loss.backward()
    save_outputs(inputs, result, folder / "io.safetensors")
    save_gradients(model, folder)
    for module in model.modules():  # no dropout
        if isinstance(module, torch.nn.BatchNorm2d):
            module.train()
    result = model(**inputs, return_loss=True)
    result.loss.backward()
    save({"image_embeds": result.image_embeds, "loss": result.loss.reshape(1)}, folder / "io-train.safetensors")
    after = {k: v for k, v in model.state_dict().items() if k.split(".")[-1] in ("running_mean", "running_var")}
    save(after, folder / "running-after.safetensors")
    save_gradients(model, folder, "grads-train")


for wanted in sys.argv[2:] or [*VISION, "align"]:
    write_align(wanted) if wanted == "align" else write_dual_encoder(wanted)
