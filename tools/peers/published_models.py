"""What open_clip and transformers publish by name, as data for packages/model/src/published/generated."""

import copy
import json
from unittest import mock

import torch

from check_interop import REPOSITORY

GENERATED = REPOSITORY / "packages" / "model" / "src" / "published" / "generated"
PREPROCESSING = ("mean", "std", "interpolation", "resize_mode")
ROBERTA = {"max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
# Text towers that open_clip fetches by name: class of their published config.json, and what of it is not the class's
# default. Of towers that are not here the config is not known, and so no size of the model either.
TEXT_TOWERS = {
    "roberta-base": ("RobertaConfig", ROBERTA | {"vocab_size": 50265}),
    "xlm-roberta-base": (
        "XLMRobertaConfig",
        ROBERTA | {"vocab_size": 250002},
    ),
    "xlm-roberta-large": (
        "XLMRobertaConfig",
        {
            **ROBERTA,
            "vocab_size": 250002,
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
        },
    ),
    "facebook/nllb-200-distilled-600M": (
        "M2M100Config",
        {"vocab_size": 256206, "encoder_ffn_dim": 4096, "decoder_ffn_dim": 4096},
    ),
}
# Types whose configuration class says by its defaults what the checkpoint is that it names; of others no sizes are
# known without the checkpoint's own config.
SAYS_ITS_SIZES = {"align", "altclip", "chinese_clip", "clip", "siglip", "siglip2", "tipsv2"}
# Where the published checkpoint differs from these defaults: SigLIP 2 reads Gemma's vocabulary.
PUBLISHED = {"siglip2": {"text_config": {"vocab_size": 256_000}}}


def text_tower_config(name, *_, **__):
    import transformers

    kind, options = TEXT_TOWERS[name]
    return getattr(transformers, kind)(**options)


def parameters_of(config):
    """Numbers that open_clip's model of this config has, made without memory; none where a tower's config is not known."""
    import open_clip
    from transformers import AutoConfig

    if config["text_cfg"].get("hf_model_name", "roberta-base") not in TEXT_TOWERS:
        return {}
    arguments = copy.deepcopy(config)
    custom = arguments.pop("custom_text", False)
    text = arguments["text_cfg"]
    if "hf_model_name" in text:
        text["hf_model_pretrained"] = False
        custom = True
    kind = open_clip.CustomTextCLIP if custom else open_clip.CLIP
    if "multimodal_cfg" in arguments:
        kind = open_clip.CoCa
    with mock.patch.object(AutoConfig, "from_pretrained", text_tower_config), torch.device("meta"):
        return {"parameters": sum(parameter.numel() for parameter in kind(**arguments).parameters())}


def context_of(text):
    """What open_clip.get_tokenizer cuts captions at."""
    return text.get("context_length", 77)


def architectures():
    import open_clip

    published = {name for name, _ in open_clip.list_pretrained()}
    for name in sorted(open_clip.list_models()):
        if name not in published:
            continue
        config = open_clip.get_model_config(name)
        text = config["text_cfg"]
        yield name, {
            **parameters_of(config),
            "imageSize": config["vision_cfg"].get("image_size", 224),
            "contextLength": context_of(text),
            **({"tokenizer": text["hf_tokenizer_name"]} if "hf_tokenizer_name" in text else {}),
            "config": config,
        }


def preprocessings():
    """Every preprocessing that open_clip's weights are published with, and the number that each entry has here."""
    import open_clip

    kinds, of = [], {}
    for name, tag in open_clip.list_pretrained():
        entry = open_clip.pretrained.get_pretrained_cfg(name, tag)
        kind = {key: entry[key] for key in PREPROCESSING}
        if kind not in kinds:
            kinds.append(kind)
        of[name, tag] = kinds.index(kind)
    return kinds, of


def weights(of):
    import open_clip

    for name, tag in open_clip.list_pretrained():
        entry = open_clip.pretrained.get_pretrained_cfg(name, tag)
        repository, _, file = entry["hf_hub"].rpartition("/")
        yield {
            "architecture": name,
            "tag": tag,
            **({"repository": repository} if repository else {}),
            **({"file": file} if file else {}),
            **({"url": entry["url"]} if entry["url"] else {}),
            **({"quickGelu": True} if entry.get("quick_gelu") else {}),
            "preprocess": of[name, tag],
        }


def own_facts(kind, config):
    """Parameters, image size and context of a configuration class's defaults."""
    from transformers import AutoModelForZeroShotImageClassification

    if kind not in SAYS_ITS_SIZES:
        return {}
    with torch.device("meta"):
        model = AutoModelForZeroShotImageClassification.from_config(config)
    vision = config.vision_config
    side = getattr(vision, "image_size", None)
    if side is None and hasattr(vision, "num_patches"):
        side = round(vision.num_patches**0.5) * vision.patch_size  # NaFlex: as many patches as this square has
    text = config.text_config
    # ALIGN's convolutions say no size; RoBERTa's positions begin after the padding's
    skipped = text.pad_token_id + 1 if kind == "altclip" else 0
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        **({"imageSize": side} if isinstance(side, int) and kind != "align" else {}),
        "contextLength": text.max_position_embeddings - skipped,
    }


def tokenizer_of(kind):
    from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

    found = TOKENIZER_MAPPING_NAMES.get(kind)
    found = found[0] or found[1] if isinstance(found, tuple) else found
    return {"tokenizer": found} if found else {}


def checkpoints():
    """The checkpoints that the configuration classes of zero-shot image classifiers name in their documentation."""
    import re
    from pathlib import Path

    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES as TYPES

    for kind in TYPES:
        folder = kind.replace("-", "_")
        path = Path(transformers.__file__).parent / "models" / folder / f"configuration_{folder}.py"
        names = dict.fromkeys(re.findall(r'checkpoint="([^"]+)"', path.read_text()))
        for name in names:
            yield {"repository": name, "type": kind, **own_facts(kind, CONFIG_MAPPING[kind](**PUBLISHED.get(kind, {}))), **tokenizer_of(kind)}


def constant(name, kind, comment, content):
    """A constant of TypeScript, one entry a line."""
    if isinstance(content, dict):
        lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in content.items()]
        opening, closing = "{", "};"
    else:
        lines = [f"  {json.dumps(value)}," for value in content]
        opening, closing = "[", "];"
    return f"/** {comment} */\nexport const {name}: {kind} = {opening}\n" + "\n".join(lines) + f"\n{closing}\n"


def write_module(file, script, types, *constants):
    GENERATED.mkdir(exist_ok=True, parents=True)
    head = f"// Written by tools/peers/{script}.\n"
    head += f'import type {{ {", ".join(types)} }} from "../types.ts";\n\n'
    (GENERATED / f"{file}.ts").write_text(head + "\n".join(constants))


def write_published():
    script = "list_published.py"
    found = dict(architectures())
    kinds, of = preprocessings()
    listed = "Readonly<Record<string, Architecture>>"
    comment = "open_clip's architectures of which weights are published."
    write_module("architectures", script, ["Architecture"], constant("architectures", listed, comment, found))
    write_module(
        "weights",
        script,
        ["OpenClipPreprocess", "OpenClipWeights"],
        constant("preprocessings", "readonly OpenClipPreprocess[]", "How pictures of weights are prepared.", kinds),
        constant("openClipWeights", "readonly OpenClipWeights[]", "What open_clip's pretrained.py lists.", weights(of)),
    )
    comment = "Checkpoints that the configuration classes of transformers' zero-shot image classifiers name."
    listed = "readonly TransformersCheckpoint[]"
    write_module(
        "checkpoints",
        script,
        ["TransformersCheckpoint"],
        constant("checkpoints", listed, comment, checkpoints()),
    )
