"""The models of sweep_configs.py: open_clip's shrunk to 2 layers, and transformers' types at small sizes."""

import copy
from unittest import mock

import torch

from check_families import clip_ids, roberta_ids

# What open_clip fetches by name: class of the config, and what of it differs from the class's defaults.
FETCHED = {
    "roberta-base": ("RobertaConfig", {"layer_norm_eps": 1e-5, "type_vocab_size": 1}),
    "xlm-roberta-base": ("XLMRobertaConfig", {"layer_norm_eps": 1e-5, "type_vocab_size": 1}),
    "xlm-roberta-large": (
        "XLMRobertaConfig",
        {
            "layer_norm_eps": 1e-5,
            "type_vocab_size": 1,
            "hidden_size": 1024,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
        },
    ),
    "google/mt5-base": ("MT5Config", {"d_model": 64, "num_layers": 2, "num_decoder_layers": 2, "d_ff": 64}),
    "google/mt5-xl": ("MT5Config", {"d_model": 64, "num_layers": 2, "num_decoder_layers": 2, "d_ff": 64}),
    "facebook/nllb-200-distilled-600M": ("M2M100Config", {"d_model": 64}),
    "facebook/nllb-200-distilled-1.3B": ("M2M100Config", {"d_model": 64}),
}
KNOWN_TIMM = ("siglip", "swin")  # others are refused by their names; of zeros they would be wrong, not right
VOCABULARY = 1000  # of the towers that open_clip fetches


def cut_of(name):
    """What a fetched tower has here, and what its name stands for, in clip-ts's words."""
    kind, _ = FETCHED[name]
    small = {"layers": 2, "vocabSize": VOCABULARY}
    if "Roberta" in kind:
        vocabulary = 250002 if name.startswith("xlm") else 50265
        return small, {"layers": 24 if "large" in name else 12, "vocabSize": vocabulary}
    if kind == "MT5Config":
        sizes = (2048, 24, 32, 5120) if "xl" in name else (768, 12, 12, 2048)
        small |= {"width": 64, "heads": 6, "mlpWidth": 64}
        vocabulary = 250112
    else:
        sizes = (1024, 24, 16, 8192) if "1.3B" in name else (1024, 12, 16, 4096)
        small |= {"width": 64, "mlpWidth": 64}
        vocabulary = 256206
    return small, {**dict(zip(("width", "layers", "heads", "mlpWidth"), sizes)), "vocabSize": vocabulary}


def language_ids(name):
    """Captions for a fetched tower, and what pads them: T5's family pads with 0 and ends with 1."""
    ids = roberta_ids(VOCABULARY, 40)
    if FETCHED[name][0] != "MT5Config":
        return ids, 1
    return torch.where(ids == 0, 5, torch.where(ids == 1, 0, torch.where(ids == 2, 1, ids.clamp(min=3)))), 0


def fetched_config(name, *_, **__):
    import transformers

    kind, options = FETCHED[name]
    if "Roberta" in kind:
        options = {**options, "max_position_embeddings": 514, "num_hidden_layers": 2}
    if kind == "M2M100Config":
        layers = {"encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
        options = {**options, **layers}
    return getattr(transformers, kind)(vocab_size=VOCABULARY, **options)


def shrunk(config):
    """The same kind of model with 2 layers, two heads a tower, and small images where the file says them."""
    config = copy.deepcopy(config)
    vision, text = config["vision_cfg"], config["text_cfg"]
    if isinstance(vision.get("layers"), list):
        vision.update(layers=[1, 2, 1, 1], width=32, image_size=64)
        config["embed_dim"] = 64
    elif "timm_model_name" not in vision:
        vision.update(layers=2, width=2 * vision.get("head_width", 64))
        vision["image_size"] = 4 * vision["patch_size"]
        config["embed_dim"] = 64
    if "hf_model_name" in text:
        text["hf_model_pretrained"] = False
    else:
        width = 64 if text.get("vocab_size", 0) < 100_000 else 32
        # without a projection the tower ends in the joint space itself
        text.update(layers=2, heads=2, width=config["embed_dim"] if text.get("proj_type") == "none" else width)
        text["vocab_size"] = VOCABULARY if text.get("proj_type") == "none" else text.get("vocab_size", 49408)
    if "multimodal_cfg" in config:
        config["multimodal_cfg"].update(layers=2, width=text["width"], heads=2, vocab_size=VOCABULARY)
    return config


def cut_blocks(module):
    """Leaves two blocks of every list of blocks."""
    for name, child in module.named_children():
        if name == "blocks" and isinstance(child, (torch.nn.Sequential, torch.nn.ModuleList)):
            setattr(module, name, child[:2])
        cut_blocks(getattr(module, name))


def open_clip_model(config):
    """
    open_clip's model of a config. Towers of timm are cut to two blocks (of each stage), made without memory and then
    filled by the caller, so that the largest fit; Swin with memory, as it has fixed tables that no state dict holds.
    """
    import open_clip
    from transformers import AutoConfig

    arguments = copy.deepcopy(config)
    vision, text = arguments["vision_cfg"], arguments["text_cfg"]
    custom = arguments.pop("custom_text", False) or "hf_model_name" in text
    if "hf_model_name" in text:
        text["hf_model_pretrained"] = False  # as open_clip does where weights follow
    kind = open_clip.CustomTextCLIP if custom else open_clip.CLIP
    if "multimodal_cfg" in arguments:
        kind = open_clip.CoCa
    with mock.patch.object(AutoConfig, "from_pretrained", fetched_config):
        if "timm_model_name" not in vision:
            return kind(**arguments)
        if "swin" in vision["timm_model_name"]:
            model = kind(**arguments)
            cut_blocks(model.visual)
            return model
        with torch.device("meta"):
            model = kind(**arguments)
    cut_blocks(model.visual)
    model.to_empty(device="cpu")
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            value.fill_(1 if value.ndim == 1 and name.endswith("weight") else 0)
    for module in model.modules():
        if hasattr(module, "make_weights"):  # M2M-100's fixed positions, which no state dict has
            module.make_weights(module.num_positions + module.offset, module.embedding_dim, module.padding_idx)
    for owner in (model, getattr(model, "text", None)):
        if getattr(owner, "attn_mask", None) is not None:
            length = owner.attn_mask.shape[-1]
            owner.attn_mask = torch.full((length, length), float("-inf")).triu(1)
    return model


def pixels(size, channels=3):
    return torch.randn(3, channels, size, size, generator=torch.Generator().manual_seed(2))


def pairs(images, ids, padding=None):
    """What a model is given; where padding is named, it is masked."""
    mask = {} if padding is None else {"attention_mask": (ids != padding).long()}
    return {"pixel_values": images, "input_ids": ids, **mask}


def transformers_clip(text=None, vision=None):
    from transformers import CLIPConfig, CLIPModel

    words = {"vocab_size": 600, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    words |= {"num_attention_heads": 4, "max_position_embeddings": 16, "bos_token_id": 598, "eos_token_id": 599}
    image = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 3}
    image |= {"image_size": 32, "patch_size": 8}
    config = CLIPConfig(text_config=words | (text or {}), vision_config=image | (vision or {}), projection_dim=24)
    ids = clip_ids(600, 16)
    end = config.text_config.eos_token_id
    if end not in (2, 599):
        ids = torch.where(ids == 599, end, torch.where(ids == end, 7, ids))
    return CLIPModel(config), pairs(pixels(32, config.vision_config.num_channels), ids)


def transformers_siglip(text=None, vision=None):
    from transformers import SiglipConfig, SiglipModel

    words = {"vocab_size": 300, "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2}
    words |= {"num_attention_heads": 3, "max_position_embeddings": 16}
    image = {"hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 2, "num_attention_heads": 3}
    image |= {"image_size": 32, "patch_size": 8}
    config = SiglipConfig(text_config=words | (text or {}), vision_config=image | (vision or {}))
    ids = torch.randint(0, 300, (3, 16), generator=torch.Generator().manual_seed(1))
    return SiglipModel(config), pairs(pixels(32), ids)


def transformers_siglip2():
    """NaFlex: patches of pictures of three shapes, padded to the most."""
    from transformers import Siglip2Config, Siglip2Model

    stack = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 3}
    words = {**stack, "vocab_size": 300, "max_position_embeddings": 16, "pad_token_id": 0}
    config = Siglip2Config(text_config=words, vision_config={**stack, "patch_size": 4, "num_patches": 16})
    shapes = torch.tensor([[4, 5], [2, 7], [3, 3]])
    mask = (torch.arange(20) < shapes.prod(1)[:, None]).long()
    generator = torch.Generator().manual_seed(2)
    patches = torch.randn(3, 20, 48, generator=generator) * mask[..., None]
    ids = torch.randint(0, 300, (3, 16), generator=torch.Generator().manual_seed(1))
    more = {"pixel_attention_mask": mask.int(), "spatial_shapes": shapes}
    return Siglip2Model(config), pairs(patches, ids) | more


def transformers_align():
    from transformers import AlignConfig, AlignModel

    words = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    words |= {"num_attention_heads": 4, "max_position_embeddings": 34}
    image = {
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
    model = AlignModel(AlignConfig(text_config=words, vision_config=image, projection_dim=16))
    return model, pairs(pixels(31), bert_ids(300, 20), 0)


def bert_ids(vocab, context):
    """Captions that are padded with 0."""
    ids = roberta_ids(vocab, context)
    return torch.where(ids == 0, 5, torch.where(ids == 1, 0, ids))


def dual_encoder(vision_class, text_class, vision=None, **text):
    import transformers

    image = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "image_size": 32, "patch_size": 8}
    image = vision or image | ({"mlp_ratio": 2} if "Dino" in vision_class else {"intermediate_size": 96})
    words = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    words |= {"num_attention_heads": 4, "max_position_embeddings": 34}
    config = transformers.VisionTextDualEncoderConfig.from_vision_text_configs(
        getattr(transformers, vision_class)(**image),
        getattr(transformers, text_class)(**(words | text)),
        projection_dim=24,
    )
    ids = roberta_ids(300, 20)
    model = transformers.VisionTextDualEncoderModel(config)
    return model, pairs(pixels(32), ids, 1)


def small_swin():
    """16 places of a side: in windows of 3, padded and shifted, merged to 8 and to 4."""
    return {
        "image_size": 32,
        "patch_size": 2,
        "embed_dim": 16,
        "depths": [2, 2, 1],
        "num_heads": [1, 2, 4],
        "window_size": 3,
        "mlp_ratio": 2.0,
    }


def of_language(kind, **text):
    """A model of transformers' own class for CLIP's vision tower and a tower of language."""
    import transformers

    image = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 3}
    image |= {"image_size": 32, "patch_size": 8}
    words = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    words |= {"num_attention_heads": 4, "max_position_embeddings": 34}
    config = getattr(transformers, f"{kind}Config")(
        text_config=words | text, vision_config=image, projection_dim=24
    )
    if kind == "MetaClip2":
        return transformers.MetaClip2Model(config), pairs(pixels(32), roberta_ids(300, 20))
    padding = config.text_config.pad_token_id
    ids = bert_ids(300, 20) if padding == 0 else roberta_ids(300, 20)
    return getattr(transformers, f"{kind}Model")(config), pairs(pixels(32), ids, padding)


def transformers_models():
    """Builders by name: each kind of model that `AutoModel` makes of two towers, and its usual variants."""
    return {
        "hf clip": transformers_clip,
        "hf clip, end token 2": lambda: transformers_clip({"eos_token_id": 2}),
        "hf clip, end token within": lambda: transformers_clip({"eos_token_id": 60}),
        "hf clip, gelu": lambda: transformers_clip({"hidden_act": "gelu"}, {"hidden_act": "gelu"}),
        "hf clip, mixed activations": lambda: transformers_clip({"hidden_act": "gelu"}),
        "hf clip, one channel": lambda: transformers_clip(vision={"num_channels": 1}),
        "hf clip, 34 by 8 pixels": lambda: transformers_clip(vision={"image_size": 32, "patch_size": 9}),
        "hf siglip": transformers_siglip,
        "hf siglip, gelu": lambda: transformers_siglip({"hidden_act": "gelu"}, {"hidden_act": "gelu"}),
        "hf siglip, other projection": lambda: transformers_siglip({"projection_size": 48, "hidden_size": 36}),
        "hf siglip2": transformers_siglip2,
        "hf align": transformers_align,
        "hf clip + roberta": lambda: dual_encoder("CLIPVisionConfig", "RobertaConfig"),
        "hf vit + roberta": lambda: dual_encoder("ViTConfig", "RobertaConfig"),
        "hf vit + xlm-roberta": lambda: dual_encoder("ViTConfig", "XLMRobertaConfig"),
        "hf vit + bert": lambda: dual_encoder("ViTConfig", "BertConfig"),
        "hf clip + bert": lambda: dual_encoder("CLIPVisionConfig", "BertConfig"),
        "hf chinese_clip": lambda: of_language("ChineseCLIP"),
        "hf altclip": lambda: of_language("AltCLIP", project_dim=28),
        "hf metaclip_2": lambda: of_language("MetaClip2", bos_token_id=0, eos_token_id=2),
        "hf siglip vision + roberta": lambda: dual_encoder("SiglipVisionConfig", "RobertaConfig"),
        "hf dinov2 + roberta": lambda: dual_encoder("Dinov2Config", "RobertaConfig"),
        "hf deit + roberta": lambda: dual_encoder("DeiTConfig", "RobertaConfig"),
        "hf swin + roberta": lambda: dual_encoder("SwinConfig", "RobertaConfig", small_swin()),
    }
