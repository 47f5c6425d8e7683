"""Writes small models whose text towers were made for language, and what they compute.

    python tools/peers/make_text_towers.py packages/test-utils/fixtures/text-towers [FAMILY ...]

Each family is a folder: the model of random weights as its library saves it, inputs with unit features, logits and
loss, and the gradient of every parameter under the names of the saved file. transformers' models have their own
config.json. open_clip's take their towers by name from the hub, so a small one has no config there: what is written
is clip-ts's, beside open_clip's tensors. Nothing is downloaded.
"""

import json
import sys
from pathlib import Path
from unittest import mock

import torch
from safetensors.torch import load_file, save_file

from check_interop import define_torchvision_operators

BATCH, VOCABULARY, CONTEXT, WIDTH = 4, 40, 12, 16
STACK = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": WIDTH, "intermediate_size": 24}
BERT = {**STACK, "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT}
VISION = {**STACK, "image_size": 8, "patch_size": 4}


def randomise(model):
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape)
            if name.endswith("logit_scale"):
                value.fill_(1.5)
            elif name.endswith("logit_bias"):
                value.fill_(-2.0)
            elif value.ndim < 2:
                value.add_(0.1 * noise)
            elif "embed_tokens" in name and "layers" not in name:
                value.copy_(0.3 * noise)
            else:
                value.copy_(noise * value[0].numel() ** -0.5)
    return model.eval()


def captions(pad, start, end, tokens=9):
    """Captions of several lengths; no other token has the ids of these three."""
    ids = torch.randint(3, VOCABULARY - 2, (BATCH, tokens))
    for row, last in enumerate((3, 8, 5, 1)):
        ids[row, 0], ids[row, last], ids[row, last + 1 :] = start, end, pad
    return ids


def pixels():
    return torch.randn(BATCH, 3, VISION["image_size"], VISION["image_size"])


def whole(tensor):
    return tensor.detach().contiguous()


def loss_of(logits):
    right = torch.arange(len(logits))
    entropy = torch.nn.functional.cross_entropy
    return (entropy(logits, right) + entropy(logits.T, right)) / 2


def save_gradients(model, names, save):
    """Every parameter's gradient under the file's names: the same model, its gradients for values, is saved again."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            assert value.grad is not None, name
            value.copy_(value.grad)
    gradients = save()
    assert gradients.keys() == names, gradients.keys() ^ names
    return gradients


def write(folder, inputs, image, text, logits, loss):
    save_file(
        {
            **{name: value.int() if value.dtype == torch.int64 else value for name, value in inputs.items()},
            "image_embeds": whole(image),
            "text_embeds": whole(text),
            "logits_per_image": whole(logits),
            "loss": loss.detach().reshape(1),
        },
        folder / "io.safetensors",
    )


def transformers_family(folder, model, ids, pad):
    inputs = {"pixel_values": pixels(), "input_ids": ids}
    if pad is not None:
        inputs["attention_mask"] = (ids != pad).long()
    randomise(model).save_pretrained(folder)
    saved = load_file(folder / "model.safetensors").keys()
    result = model(**inputs, return_loss=True)
    result.loss.backward()
    write(folder, inputs, result.image_embeds, result.text_embeds, result.logits_per_image, result.loss)

    def save():
        model.save_pretrained(folder / "again")
        return load_file(folder / "again" / "model.safetensors")

    save_file(save_gradients(model, saved, save), folder / "grads.safetensors")
    for leftover in (folder / "again").iterdir():
        leftover.unlink()
    (folder / "again").rmdir()


def build_bert(folder):
    from transformers import BertConfig, CLIPVisionConfig, VisionTextDualEncoderConfig, VisionTextDualEncoderModel

    text = BertConfig(**BERT)
    config = VisionTextDualEncoderConfig.from_vision_text_configs(CLIPVisionConfig(**VISION), text, projection_dim=8)
    config._attn_implementation = "eager"
    transformers_family(folder, VisionTextDualEncoderModel(config), captions(0, 1, 2), 0)


def build_chinese_clip(folder):
    from transformers import ChineseCLIPConfig, ChineseCLIPModel

    config = ChineseCLIPConfig(text_config=BERT, vision_config=VISION, projection_dim=8)
    transformers_family(folder, ChineseCLIPModel(config), captions(0, 1, 2), 0)


def build_metaclip_2(folder):
    from transformers import MetaClip2Config, MetaClip2Model

    text = {**BERT, "bos_token_id": 0, "eos_token_id": 2}
    config = MetaClip2Config(text_config=text, vision_config=VISION, projection_dim=8)
    transformers_family(folder, MetaClip2Model(config), captions(1, 0, 2), None)


def build_altclip(folder):
    from transformers import AltCLIPConfig, AltCLIPModel

    text = {**BERT, "max_position_embeddings": CONTEXT + 2, "project_dim": 10}
    config = AltCLIPConfig(text_config=text, vision_config=VISION, projection_dim=8)
    transformers_family(folder, AltCLIPModel(config), captions(1, 0, 2), 1)


def open_clip_family(folder, published, ids, text_cfg, ours):
    """A model of open_clip whose text tower has `published` for a config in the place of the hub's."""
    import open_clip
    from transformers import AutoConfig

    text = {**text_cfg, "hf_model_name": "none", "hf_model_pretrained": False}
    vision = {"image_size": 8, "layers": 2, "width": WIDTH, "head_width": 8, "patch_size": 4, "mlp_ratio": 1.5}
    with mock.patch.object(AutoConfig, "from_pretrained", lambda _: published):
        model = randomise(open_clip.CustomTextCLIP(8, vision, text))
    save_file({name: whole(value) for name, value in model.state_dict().items()}, folder / "model.safetensors")
    inputs = {"pixel_values": pixels(), "input_ids": ids}
    image, words = (torch.nn.functional.normalize(x, dim=-1) for x in model_features(model, inputs))
    logits = model.logit_scale.exp() * image @ words.T
    loss = loss_of(logits)
    loss.backward()
    write(folder, inputs, image, words, logits, loss)
    gradients = {name: whole(value.grad) for name, value in model.named_parameters()}
    save_file(gradients, folder / "grads.safetensors")
    stack = {"width": WIDTH, "layers": 2, "heads": 2, "mlpWidth": 24}
    config = {
        "model_type": "clip-ts",
        "projectionDim": 8,
        "initialLogitScale": 1.5,
        "textHead": text_cfg["hf_proj_type"],
        "vision": {
            **stack, "activation": "gelu", "layerNormEps": 1e-5, "imageSize": 8, "patchSize": 4, "channels": 3
        },
        "text": {**stack, "vocabSize": VOCABULARY, "contextLength": CONTEXT, **ours},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def model_features(model, inputs):
    return model.encode_image(inputs["pixel_values"]), model.encode_text(inputs["input_ids"])


def build_xlm_roberta(folder):
    from transformers import XLMRobertaConfig

    published = XLMRobertaConfig(
        **{**BERT, "max_position_embeddings": CONTEXT + 2}, type_vocab_size=1, layer_norm_eps=1e-5
    )
    said = {"kind": "roberta", "activation": "gelu", "layerNormEps": 1e-5, "pooling": "mean", "tokenTypes": 1}
    ids = {"startTokenId": 0, "endTokenId": 2, "padTokenId": 1}
    text = {"hf_proj_type": "mlp", "hf_pooler_type": "mean_pooler"}
    open_clip_family(folder, published, captions(1, 0, 2), text, {**said, **ids})


def build_nllb(folder):
    from transformers import M2M100Config

    published = M2M100Config(
        vocab_size=VOCABULARY, max_position_embeddings=CONTEXT, d_model=WIDTH, encoder_layers=2, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24,
    )
    said = {"kind": "m2m100", "activation": "relu", "layerNormEps": 1e-5, "pooling": "first"}
    text = {"hf_proj_type": "linear", "hf_pooler_type": "cls_pooler"}
    open_clip_family(folder, published, captions(1, 5, 2), text, {**said, "endTokenId": 2, "padTokenId": 1})


def build_mt5(folder):
    from transformers import MT5Config

    # so few buckets that captions of 12 tokens reach all of them
    published = MT5Config(
        vocab_size=VOCABULARY, d_model=WIDTH, d_kv=6, d_ff=24, num_layers=2, num_heads=2,
        relative_attention_num_buckets=8, relative_attention_max_distance=10,
    )
    said = {"kind": "mt5", "activation": "gelu_pytorch_tanh", "layerNormEps": 1e-6, "pooling": "mean"}
    positions = {"headDim": 6, "buckets": 8, "maxDistance": 10}
    text = {"hf_proj_type": "mlp", "hf_pooler_type": "mean_pooler"}
    ours = {**said, **positions, "endTokenId": 1, "padTokenId": 0}
    open_clip_family(folder, published, captions(0, 5, 1, CONTEXT), text, ours)


FAMILIES = {
    "bert": build_bert,
    "chinese-clip": build_chinese_clip,
    "metaclip-2": build_metaclip_2,
    "altclip": build_altclip,
    "xlm-roberta": build_xlm_roberta,
    "nllb": build_nllb,
    "mt5": build_mt5,
}


def main():
    out = Path(sys.argv[1])
    for name in sys.argv[2:] or FAMILIES:
        torch.manual_seed(0)
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        FAMILIES[name](folder)


if __name__ == "__main__":
    keep = define_torchvision_operators()  # alive as long as torchvision may be imported
    with mock.patch.dict("os.environ", {"HF_HUB_OFFLINE": "1"}):
        main()
