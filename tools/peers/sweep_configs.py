"""Asks of every model config of open_clip, and of transformers' model types, whether clip-ts has its numbers.

    python tools/peers/sweep_configs.py [NAME ...] [--out FILE]

Each model is shrunk (2 layers, narrow towers), filled with random weights and opened in three forms: as the
folder that the peer writes, as its bare state dict (with whatever options `convert`'s message asks for),
and through `convert` to Hugging Face's and open_clip's layouts, back into these libraries. Image features,
text features and logits are compared, the largest difference relative to the largest value; the limit is 1e-5.
Of a model whose folder works, the ids of captions and the pixels of pictures are compared too, by its whole config
(sweep_inputs.py): ids must be equal. It works in full where folder, text and pixels do.
A form is "works", "refused" (clip-ts says why) or "wrong". One line of FILE is one model, its last one counts; what is
there already is not run again. Nothing is downloaded: RoBERTa comes from a config here. Exits with 1 if one is wrong.
"""

import argparse
import functools
import json
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from unittest import mock

import torch
from safetensors.torch import save_file

from check_families import clip_ids, randomise, unit
from check_interop import REPOSITORY, define_torchvision_operators
from sweep_inputs import DATA, Inputs, Supply, difference, inputs_of
from sweep_models import KNOWN_TIMM, cut_of, language_ids, open_clip_model, shrunk, transformers_models

LIMIT = 1e-5
FORMS = ("folder", "bare", "converted")
IN_FULL = ("folder", *Inputs.forms)


class Server:
    """serve_models.mjs, which answers one line for each."""

    def __init__(self):
        script = REPOSITORY / "tools" / "peers" / "serve_models.mjs"
        self.log = tempfile.TemporaryFile("w+")
        self.node = subprocess.Popen(
            ["node", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True
        )

    def ask(self, **job):
        self.node.stdin.write(json.dumps(job, default=str) + "\n")
        self.node.stdin.flush()
        answer = json.loads(self.node.stdout.readline())
        if not answer["ok"] and answer["kind"] not in ("ClipError", "UsageError"):
            raise RuntimeError(f"{job}: {answer}")
        return answer

    def checked(self, **job):
        return checked(self.ask(**job))


class Refused(Exception):
    pass


def checked(answer):
    if not answer["ok"]:
        raise Refused(answer["message"])
    return answer


def outputs(image, text, scale, bias):
    image, text = unit(image.float()), unit(text.float())
    logits = scale.exp() * image @ text.T + (0 if bias is None else bias)
    return {"image": image, "text": text, "logits": logits}


class Model:
    """One model in the peer's hands: how it is saved, what it computes, and what its config leaves open."""

    forms = FORMS

    def __init__(self, name, family, server, work):
        self.name, self.family, self.server, self.work = name, family, server, work
        self.folder, self.bare = work / "folder", work / "bare" / "weights.safetensors"
        self.cut = None  # what towers have that are smaller than their names say
        self.heads = self.activation = self.config_file = self.type = None
        self.inputs = work / "inputs.safetensors"

    def forward(self, place, cut=None):
        return checked(
            self.server.ask(do="forward", model=place, inputs=self.inputs, cut=cut)
        )

    def check(self, place, cut=None):
        return difference(self.forward(place, cut), self.expected)

    @functools.cached_property
    def expected(self):
        return self.compute()

    def convert(self, place, out, to, flags=()):
        checked(self.server.ask(do="convert", words=[str(place), str(out), "--to", to, *flags]))

    def rewrite(self, place, out, to, cut, config=None):
        checked(self.server.ask(do="rewrite", model=place, out=out, to=to, cut=cut, configFile=config))

    def flags_for(self, missing):
        """The options that the message of a refusal asks for."""
        if not set(missing) <= {"heads", "activation"}:
            return ["--config", str(self.config_file)]
        values = {"heads": self.heads, "activation": self.activation}
        return [word for what in missing for word in (f"--{what}", values[what])]

    def folder_form(self):
        return self.check(self.folder, self.cut)

    def bare_form(self):
        answer = self.server.ask(do="forward", model=self.bare, inputs=self.inputs)
        if answer["ok"]:
            return difference(answer, self.expected)
        missing = answer["data"].get("missing")
        if missing is None:
            raise Refused(answer["message"])
        flags = self.flags_for(missing)
        self.asked = " ".join(word for word in flags if word.startswith("--"))
        if flags[0] == "--config" and self.cut is not None:
            self.rewrite(self.bare, self.work / "from-bare", "hf", self.cut, self.config_file)
        else:
            self.convert(self.bare, self.work / "from-bare", "hf", flags)
        return self.check(self.work / "from-bare")

    def run(self):
        result = {"name": self.name, "family": self.family, **({"type": self.type} if self.type else {})}
        for form in self.forms:
            result |= answer_of(self, form)
        return result | {"asked": getattr(self, "asked", "")}


def answer_of(model, form):
    """What one form of a model gives: "works", "refused" or "wrong", with the figure or the reason."""
    start = time.time()
    try:
        worst = getattr(model, f"{form}_form")()
        found = {form: "works" if worst < LIMIT else "wrong", f"{form}_figure": worst}
    except Refused as refusal:
        found = {form: "refused", f"{form}_why": str(refusal)[:400]}
    return found | {f"{form}_seconds": round(time.time() - start, 1)}


class OpenClipModel(Model):
    def __init__(self, name, server, work):
        import open_clip

        config = shrunk(open_clip.get_model_config(name))
        vision, text = config["vision_cfg"], config["text_cfg"]
        super().__init__(name, family_of(name, config), server, work)
        self.model = model = open_clip_model(config)
        timm = vision.get("timm_model_name", "siglip")
        if any(known in timm for known in KNOWN_TIMM):
            randomise(model)
        if "timm_model_name" in vision and any(known in timm for known in KNOWN_TIMM):
            self.cut = {"vision": {"layers": [2] * 4 if "swin" in timm else 2}}
        if "hf_model_name" in text:
            self.cut = {**(self.cut or {}), "text": cut_of(text["hf_model_name"])[0]}
        ids = self.ids(config)
        size = vision.get("image_size", 224)
        pixels = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(2))
        given = {"pixel_values": pixels, "input_ids": ids}
        if "hf_model_name" in text:
            given["attention_mask"] = (ids != language_ids(text["hf_model_name"])[1]).long()
        save_file(given, self.inputs)
        self.given, self.config = (pixels, ids), config
        self.save(model, config)
        self.say(model, config)

    def ids(self, config):
        text = config["text_cfg"]
        if "hf_model_name" in text:
            return language_ids(text["hf_model_name"])[0]
        vocab, context = text.get("vocab_size", 49408), text.get("context_length", 77)
        if text.get("pool_type") == "eos":
            ids = clip_ids(vocab, context)
            return torch.where(ids == vocab - 1, text["eos_id"], torch.where(ids == text["eos_id"], 7, ids))
        if text.get("pool_type") == "last":
            generator = torch.Generator().manual_seed(1)
            return torch.randint(0, vocab, (3, context), generator=generator)
        return clip_ids(vocab, context)

    def compute(self):
        return self.features(self.model)

    def features(self, model):
        pixels, ids = self.given
        with torch.no_grad():
            image, text = model.encode_image(pixels), model.encode_text(ids)
            image, text = (x[0] if isinstance(x, tuple) else x for x in (image, text))  # CoCa's tokens
        return outputs(image, text, model.logit_scale, getattr(model, "logit_bias", None))

    def save(self, model, config):
        state = {name: value.contiguous() for name, value in model.state_dict().items()}
        for folder in (self.folder, self.bare.parent):
            folder.mkdir()
        self.config_file = self.work / "open_clip_config.json"
        written = json.dumps({"model_cfg": config, "preprocess_cfg": {}})
        self.config_file.write_text(written)
        (self.folder / "open_clip_config.json").write_text(written)
        save_file(state, self.folder / "open_clip_model.safetensors")
        save_file(state, self.bare)

    def say(self, model, config):
        """Heads and activations of both towers, as a user would find them in the training's settings."""
        vision, text = config["vision_cfg"], config["text_cfg"]
        width = vision.get("width", 64) * (32 if isinstance(vision.get("layers"), list) else 1)
        heads = width // vision.get("head_width", 64)
        usual = "quick_gelu" if config.get("quick_gelu") else "gelu"
        activations = [usual, "gelu_pytorch_tanh" if text.get("act_kwargs") else usual]
        if "timm_model_name" in vision and hasattr(model.visual.trunk, "blocks"):
            block = model.visual.trunk.blocks[0]
            heads = getattr(getattr(block, "attn", None), "num_heads", 1)
            act = type(getattr(getattr(block, "mlp", None), "act", None)).__name__
            activations[0] = "gelu_pytorch_tanh" if act == "GELUTanh" else "gelu"
        self.heads = f"{heads},{text.get('heads', 2)}"
        self.activation = ",".join(activations)

    def converted_form(self):
        hf, back = self.work / "hf", self.work / "back"
        if self.cut is None:
            self.convert(self.folder, hf, "hf")
        else:
            self.rewrite(self.folder, hf, "hf", self.cut)
        worst = max(self.check(hf), self.in_transformers(hf))
        if self.cut is None:
            self.convert(hf, back, "open_clip")
        else:
            self.rewrite(hf, back, "open_clip", self.whole())
        return max(worst, self.check(back, self.cut), self.in_open_clip(back))

    def whole(self):
        """What the towers have that the written names stand for."""
        layers = {640: [2, 2, 18, 2], 768: 12, 1024: 24, 1152: 27, 1536: 40}  # 640 is Swin-B's
        vision = {"layers": layers[self.config["embed_dim"]]} if "vision" in self.cut else {}
        name = self.config["text_cfg"].get("hf_model_name", "")
        text = cut_of(name)[1] if name else {}
        return {"vision": vision, "text": text}

    def in_open_clip(self, folder):
        from safetensors.torch import load_file

        config = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
        model = open_clip_model(config)
        model.load_state_dict(load_file(folder / "open_clip_model.safetensors"), strict=True)
        return difference(self.features(model.eval()), self.expected)

    def in_transformers(self, folder):
        kind = json.loads((folder / "config.json").read_text())["model_type"]
        self.hf_type = kind
        if kind == "clip-ts":
            return 0.0
        pixels, ids = self.given
        given = {"pixel_values": pixels, "input_ids": ids}
        return difference(transformers_features(folder, given), self.expected)


def transformers_features(folder, given):
    from transformers import AutoModel

    model, info = AutoModel.from_pretrained(folder, output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        # torch fills counters of batches up by itself, and computes nothing from them here
        found = {name for name in info.get(kind, ()) if not str(name).endswith("num_batches_tracked")}
        if found:
            raise RuntimeError(f"transformers: {kind}: {found}")
    return features_of(model.eval(), given)


def features_of(model, given):
    with torch.no_grad():
        out = model(**given)
    return {"image": out.image_embeds, "text": out.text_embeds, "logits": out.logits_per_image}


class TransformersModel(Model):
    def __init__(self, name, build, server, work):
        super().__init__(name, "transformers", server, work)
        model, self.given = build()
        randomise(model)
        save_file(self.given, self.inputs)
        model.save_pretrained(self.folder)
        self.model, self.type = model, model.config.model_type
        self.bare.parent.mkdir()
        state = {key: value.contiguous() for key, value in model.state_dict().items()}
        save_file(state, self.bare)
        self.config_file = self.folder / "config.json"
        vision, text = model.config.vision_config, model.config.text_config
        self.heads = ",".join(str(getattr(part, "num_attention_heads", 2)) for part in (vision, text))
        self.activation = ",".join(str(getattr(part, "hidden_act", "gelu")) for part in (vision, text))

    def compute(self):
        return features_of(self.model.eval(), self.given)

    def converted_form(self):
        """To open_clip's layout where it has the model, else to OpenAI's names, and back into transformers."""
        out, back = self.work / "open_clip", self.work / "back"
        try:
            self.convert(self.folder, out, "open_clip")
        except Refused:
            self.convert(self.folder, out, "hf")
        worst = self.check(out)
        self.convert(out, back, "hf")
        return max(worst, self.check(back), self.in_transformers(back))

    def in_transformers(self, folder):
        return difference(transformers_features(folder, self.given), self.expected)


class ConfigAlone(Model):
    """A type of which there is no small model here: only whether its config is refused can be asked, and is."""

    def __init__(self, name, kind, server, work):
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING

        super().__init__(name, "transformers", server, work)
        CONFIG_MAPPING[kind]().save_pretrained(self.folder)
        save_file({"nothing": torch.zeros(1)}, self.folder / "model.safetensors")
        save_file({"pixel_values": torch.zeros(1, 3, 32, 32)}, self.inputs)
        self.type = kind

    def run(self):
        answer = self.server.ask(do="forward", model=self.folder, inputs=self.inputs)
        why = answer.get("message", "")
        if answer["ok"] or "model_type" not in why:
            raise RuntimeError(f"{self.name} is not refused by its type any more: put a model of it into sweep_models.py ({why})")
        row = {"name": self.name, "family": self.family, "type": self.type, "asked": ""}
        return row | {form: "refused" for form in self.forms} | {f"{form}_why": why[:400] for form in self.forms}


def types_without_model(models):
    """transformers' zero-shot image classifiers of which sweep_models.py has no model, by the name of their row."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES as TYPES

    known = {name.removeprefix("hf ").split(",")[0].split(" ")[0].replace("-", "_") for name in models}
    return {f"hf {kind}": kind for kind in TYPES if kind.replace("-", "_") not in known}


def family_of(name, config):
    vision, text = config["vision_cfg"], config["text_cfg"]
    timm = vision.get("timm_model_name", "")
    for start, family in (
        ("coca", "CoCa"),
        ("nllb", "NLLB"),
        ("mt5", "mT5"),
        ("xlm-roberta", "RoBERTa, XLM-R"),
        ("roberta", "RoBERTa, XLM-R"),
        ("EVA", "EVA"),
        ("MobileCLIP", "MobileCLIP"),
        ("PE-", "PE-Core"),
        ("ViTamin", "ViTamin"),
        ("convnext", "ConvNeXt"),
    ):
        if name.startswith(start):
            return family
    if "siglip" in timm:
        return "SigLIP 2" if "SigLIP2" in name else "SigLIP"
    if timm:
        return "other timm"
    if "CLIPA" in name:
        return "CLIPA"
    if "worldwide" in name:
        return "MetaCLIP 2"
    return "CLIP ResNet" if isinstance(vision["layers"], list) else "CLIP ViT"


def sort_key(row):
    return row["family"], row["name"]


def in_full(row):
    return all(row.get(form) == "works" for form in IN_FULL)


def table(rows):
    """Works / refused / wrong by family, in all forms."""
    families = sorted({row["family"] for row in rows})
    forms = (*IN_FULL, *FORMS[1:])
    lines = [f"| family | configs | in full | {' | '.join(forms)} |", "| --- | --: | --: |" + " --- |" * len(forms)]
    for family in [*families, "all"]:
        own = [row for row in rows if family in ("all", row["family"])]
        cells = [str(sum(map(in_full, own)))]
        for form in forms:
            counts = [sum(row.get(form) == word for row in own) for word in ("works", "refused", "wrong")]
            cells.append(" / ".join(map(str, counts)))
        lines.append(f"| {family} | {len(own)} | {' | '.join(cells)} |")
    return "\n".join(lines)


class Sweep:
    """All models of a run, what is known of them, and who answers."""

    def __init__(self, options):
        self.types = transformers_models()
        self.alone = types_without_model(self.types)
        self.out = options.out
        lines = self.out.read_text().splitlines() if self.out.exists() else []
        self.done = {row["name"]: row for row in map(json.loads, lines)}
        self.server, self.failed = Server(), 0
        self.root = tempfile.TemporaryDirectory()
        self.supply = Supply(Path(self.root.name), options.data, options.lines, options.tokenizers)

    def model(self, name, folder):
        if name in self.alone:
            return ConfigAlone(name, self.alone[name], self.server, folder)
        if name in self.types:
            return TransformersModel(name, self.types[name], self.server, folder)
        return OpenClipModel(name, self.server, folder)

    def keep(self, name, row):
        if row == self.done.get(name):
            return
        self.done[name] = row
        with self.out.open("a") as out:
            out.write(json.dumps(row) + "\n")
        forms = (*IN_FULL, *FORMS[1:])
        shown = [f"{form} {row[form]} {row.get(f'{form}_figure', 0):.1e}" for form in forms if form in row]
        print(f"{name:<36}{'  '.join(shown)}  {row['asked']}", flush=True)

    def ask(self, name):
        """Asks of a model what is not known yet."""
        row = self.done.get(name, {})
        with tempfile.TemporaryDirectory() as folder:
            if not all(form in row for form in Model.forms):
                row = row | self.model(name, Path(folder)).run()
                self.keep(name, row)
            if row["folder"] != "works":
                return
            inputs = inputs_of(name, self.server, Path(folder), self.supply)
            for form in inputs.forms:
                if form not in row:
                    row = row | answer_of(inputs, form)
            self.keep(name, row)

    def run(self, name):
        try:
            self.ask(name)
        except Exception as error:
            print(f"{name}: {error}", file=sys.stderr)
            traceback.print_exc()
            self.failed += 1


def main():
    import open_clip

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="open_clip's or transformers' models; all by default")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "clip-ts-sweep.jsonl")
    parser.add_argument("--folders", action="store_true", help="only what list_works.py reads: folder, text and pixels")
    parser.add_argument("--data", default=DATA, help="folder with roberta-tokenizer, if there is one")
    parser.add_argument("--lines", type=int, default=12_000, help="lines of the corpus that tokenizers are trained on")
    parser.add_argument("--tokenizers", type=Path, help="folder that keeps trained tokenizers, to be used again")
    options = parser.parse_args()
    if options.folders:
        Model.forms = FORMS[:1]
    torch.set_num_threads(1)
    sweep = Sweep(options)
    names = options.names or [*open_clip.list_models(), *sweep.types, *sweep.alone]
    for name in names:
        sweep.run(name)
    rows = sorted((sweep.done[name] for name in names if name in sweep.done), key=sort_key)
    print(table(rows))
    wrong = any(row.get(form) == "wrong" for row in rows for form in {*IN_FULL, *FORMS})
    sys.exit(1 if wrong or sweep.failed else 0)


if __name__ == "__main__":
    keep = define_torchvision_operators()  # alive as long as torchvision may be imported
    with mock.patch.dict("os.environ", {"HF_HUB_OFFLINE": "1"}):
        main()
