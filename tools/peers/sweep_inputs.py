"""What reaches the models of sweep_configs.py: ids of captions and pixels of pictures, as the peers make them.

Each model's folder has its whole config, as published, and no weights. Published vocabularies cannot be had without a
network, so a tokenizer of every kind is trained (check_token_ids.py) and stands for all names of its kind, once as the
file that was trained and once as the peer's `save_pretrained` leaves it. Only CLIP's own vocabulary is the published one.
"""

import functools
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from unittest import mock

import torch

from check_interop import CAPTIONS, REPOSITORY, draw_images

DATA = str(REPOSITORY / "shared" / "data")
# Beginnings of the names that open_clip's configs give, and the trained folder that stands for them.
NAMES = (
    ("facebook/nllb", "nllb"),
    ("facebook/xlm", "xlmr-slow"),
    ("xlm-roberta", "xlmr-slow"),
    ("google/mt5", "mt5-slow"),
    ("timm/ViT-B-16-SigLIP2", "gemma-slow"),
    ("bert", "bert-uncased-slow"),
    ("roberta", "roberta"),
)
# The same by the text tower of transformers' config; class and folder.
TOWERS = {
    "siglip_text_model": ("SiglipTokenizer", "siglip-slow"),
    "siglip2_text_model": ("Siglip2Tokenizer", "siglip2"),
    "metaclip_2_text_model": ("XLMRobertaTokenizer", "xlmr-slow"),
    "altclip_text_model": ("XLMRobertaTokenizer", "xlmr-slow"),
    "chinese_clip_text_model": ("BertTokenizer", "bert-chinese"),
    "align_text_model": ("BertTokenizer", "bert-uncased-slow"),
    "bert": ("BertTokenizer", "bert-uncased-slow"),
    "roberta": ("RobertaTokenizer", "roberta"),
    "xlm-roberta": ("XLMRobertaTokenizer", "xlmr-slow"),
}
# Image processors, on Pillow, by the image tower of transformers' config.
PROCESSORS = {
    "align_vision_model": "EfficientNetImageProcessorPil",
    "altclip_vision_model": "CLIPImageProcessorPil",
    "chinese_clip_vision_model": "ChineseCLIPImageProcessorPil",
    "clip_vision_model": "CLIPImageProcessorPil",
    "deit": "DeiTImageProcessorPil",
    "dinov2": "BitImageProcessorPil",
    "metaclip_2_vision_model": "CLIPImageProcessorPil",
    "siglip_vision_model": "SiglipImageProcessorPil",
    "siglip2_vision_model": "Siglip2ImageProcessorPil",
    "swin": "ViTImageProcessorPil",
    "vit": "ViTImageProcessorPil",
}
STRINGS = 200  # hard ones, beside the captions


class Supply:
    """Trained tokenizers, captions and pictures, made once for all models."""

    def __init__(self, root, data, lines, trained=None):
        self.root, self.data, self.lines, self.trained = root, data, lines, trained or root / "trained"

    @functools.cached_property
    def folders(self):
        if not self.trained.exists():
            import check_token_ids

            work = Path(f"{self.trained}.part")
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            check_token_ids.make(check_token_ids.Workshop(work, self.data, self.lines))
            work.rename(self.trained)
        return self.trained

    @functools.cached_property
    def captions(self):
        import tokenizer_corpus

        strings = tokenizer_corpus.strings(self.data, STRINGS)
        return CAPTIONS + [text for text in strings if not tokenizer_corpus.names_special(text)]

    @functools.cached_property
    def pictures(self):
        return draw_images(self.root, [(640, 480), (97, 201), (30, 41), (500, 333)])

    def place(self, name):
        kind = next((kind for start, kind in NAMES if name.startswith(start)), None)
        if kind is None and "SigLIP" in name:
            kind = "gemma-slow" if "SigLIP2" in name else "siglip-t5"
        if kind is None:
            raise RuntimeError(f"there is no trained tokenizer that stands for {name}")
        return self.folders / kind


def difference(ours, expected):
    """The largest of all tensors, relative to the largest value of each."""
    worst = 0.0
    for name, value in expected.items():
        actual = torch.as_tensor(ours[name], dtype=torch.float64)
        scale = value.double().abs().max().item()
        worst = max(worst, (actual - value.double()).abs().max().item() / scale)
    return worst


def link_files(source, folder):
    for path in source.iterdir():
        (folder / path.name).symlink_to(path)


def share_of_differing(expected, got):
    return sum(one != other for one, other in zip(expected, got, strict=True)) / len(expected)


class Inputs:
    """What the peer makes of captions and pictures for one model, compared with clip-ts."""

    forms = ("text", "pixels")

    def __init__(self, name, server, work, supply):
        self.name, self.server, self.work, self.supply = name, server, work, supply
        self.made = 0

    def folder(self):
        self.made += 1
        folder = self.work / f"inputs-{self.made}"
        folder.mkdir()
        return folder

    def ids(self, folder, rows):
        return self.server.checked(do="ids", model=folder, texts=self.supply.captions, rows=rows)

    def pixels(self, folder):
        from safetensors.torch import load_file

        out = folder / "pixels.safetensors"
        self.server.checked(do="preprocess", words=[str(folder), *map(str, self.supply.pictures), "-o", str(out)])
        return load_file(out)

    def images(self):
        from PIL import Image

        return [Image.open(path).convert("RGB") for path in self.supply.pictures]


class OpenClipInputs(Inputs):
    """By the configs of clip-ts's own list for all weights that open_clip publishes of an architecture."""

    @functools.cached_property
    def configs(self):
        """Distinct configs, each as it would lie in a folder, and the name of the tokenizer."""
        import open_clip

        tags = open_clip.list_pretrained_tags_by_model(self.name)
        model = open_clip.get_model_config(self.name)
        if not tags:
            return [{"model_cfg": model, "preprocess_cfg": asdict(open_clip.transform.PreprocessCfg())}]
        found = []
        for tag in tags:
            config = self.server.checked(do="published", name=f"{self.name}/{tag}")["config"]
            theirs = open_clip.pretrained.get_pretrained_cfg(self.name, tag)
            quick = {"quick_gelu": True} if theirs.get("quick_gelu") else {}
            kept = {key: theirs[key] for key in config["preprocess_cfg"]}
            expected = json.loads(json.dumps({"model_cfg": model | quick, "preprocess_cfg": kept}))
            if config != expected:
                raise RuntimeError(f"{self.name}/{tag}: clip-ts's list has {config}, open_clip {expected}")
            if config not in found:
                found.append(config)
        return found

    def described(self, config):
        folder = self.folder()
        (folder / "open_clip_config.json").write_text(json.dumps(config))
        return folder

    def text_form(self):
        import open_clip
        from transformers import AutoTokenizer

        original = AutoTokenizer.from_pretrained
        name = self.configs[0]["model_cfg"]["text_cfg"].get("hf_tokenizer_name")
        trained = self.supply.place(name) if name else None
        take = lambda _, **options: original(trained, **options)
        with mock.patch.object(AutoTokenizer, "from_pretrained", take):
            tokenizer = open_clip.get_tokenizer(self.name)
        expected = tokenizer(self.supply.captions).tolist()
        folders = [self.described(self.configs[0]) for _ in range(2 if name else 1)]
        if name:
            link_files(trained, folders[0])
            tokenizer.save_pretrained(folders[1])
        return max(share_of_differing(expected, self.ids(folder, True)["ids"]) for folder in folders)

    def pixels_form(self):
        from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict

        worst = 0.0
        for config in self.configs:
            size = config["model_cfg"]["vision_cfg"].get("image_size", 224)
            merged = merge_preprocess_dict(PreprocessCfg(), config["preprocess_cfg"]) | {"size": size}
            transform = image_transform_v2(PreprocessCfg(**merged), is_train=False)
            expected = {"pixel_values": torch.stack([transform(image) for image in self.images()])}
            folder = self.described(config)
            worst = max(worst, difference(self.pixels(folder), expected))
        return worst


class TransformersInputs(Inputs):
    """By the defaults of the type's config and image processor."""

    @functools.cached_property
    def config(self):
        from transformers import VisionTextDualEncoderConfig
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING

        kind = self.name.removeprefix("hf ").split(",")[0]
        if kind == "metaclip_2":  # the class's own defaults are of CLIP's vocabulary, its tokenizer is not
            return CONFIG_MAPPING[kind](text_config={"bos_token_id": 0, "eos_token_id": 2, "vocab_size": 901629})
        if " + " not in kind:
            return CONFIG_MAPPING[kind]()
        image, text = kind.split(" + ")
        image = {"clip": "clip_vision_model", "siglip vision": "siglip_vision_model"}.get(image, image)
        make = VisionTextDualEncoderConfig.from_vision_text_configs
        return make(CONFIG_MAPPING[image](), CONFIG_MAPPING[text](), projection_dim=512)

    def described(self):
        folder = self.folder()
        self.config.save_pretrained(folder)
        return folder

    def tokenizer(self, tower):
        """The peer's, and the folder that it was read from."""
        import transformers

        kind, trained = TOWERS[tower]
        place = self.supply.folders / trained
        if kind == "SiglipTokenizer":
            return transformers.SiglipTokenizer(str(place / "spiece.model"), split_special_tokens=True), place
        return getattr(transformers, kind).from_pretrained(place), place

    def clips_text(self):
        """
        CLIP's own vocabulary is compared with OpenAI's own code, which open_clip keeps: transformers repairs no mojibake
        and no HTML and lower cases otherwise. Plain captions must have its ids too.
        """
        import transformers
        from open_clip.tokenizer import SimpleTokenizer

        own = SimpleTokenizer()
        merges = sorted(own.bpe_ranks, key=own.bpe_ranks.get)
        special = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
        vocab = {special.get(text, text): index for text, index in own.encoder.items()}
        tokenizer, folder = transformers.CLIPTokenizer(vocab=vocab, merges=merges), self.described()
        tokenizer.save_pretrained(folder)
        told = self.ids(folder, False)
        cut, captions = told["contextLength"], self.supply.captions
        expected = [[own.sot_token_id, *own.encode(text)[: cut - 2], own.eot_token_id] for text in captions]
        plain = tokenizer(CAPTIONS, truncation=True, max_length=cut).input_ids
        return max(share_of_differing(expected, told["ids"]), share_of_differing(plain, told["ids"][: len(CAPTIONS)]))

    def text_form(self):
        tower = self.config.text_config.model_type
        if tower == "clip_text_model":
            return self.clips_text()
        tokenizer, trained = self.tokenizer(tower)
        folders = [self.described(), self.described()]
        link_files(trained, folders[0])
        tokenizer.save_pretrained(folders[1])
        worst = 0.0
        for folder in folders:
            told = self.ids(folder, False)
            expected = tokenizer(self.supply.captions, truncation=True, max_length=told["contextLength"]).input_ids
            worst = max(worst, share_of_differing(expected, told["ids"]))
        return worst

    def pixels_form(self):
        import transformers

        processor = getattr(transformers, PROCESSORS[self.config.vision_config.model_type])()
        folder = self.described()
        processor.save_pretrained(folder)
        expected = {key: value.float() for key, value in processor(self.images(), return_tensors="pt").items()}
        return difference(self.pixels(folder), expected)


def inputs_of(name, server, work, supply):
    kind = TransformersInputs if name.startswith("hf ") else OpenClipInputs
    return kind(name, server, work, supply)
