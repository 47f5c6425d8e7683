"""Writes small SentencePiece models and BERT vocabularies with the ids that transformers and open_clip give for them.

The fixture of packages/tokenizer's tests: folders that have no tokenizer.json, as published ones of XLM-R, mT5, NLLB,
SigLIP and Chinese-CLIP often do. Trained on a few sentences, with a few rules in place of SentencePiece's own.

    peers/bin/pip install sentencepiece protobuf
    peers/bin/python tools/peers/make_piece_fixtures.py
"""

import base64
import json
import os
import shutil
import tempfile
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "error"

from check_tokenizers import CORPUS, PLAIN, ROOT, RULES
import sentencepiece
import transformers
from check_token_ids import LANGUAGES, nllb_parts, open_clip_judge

TARGET = ROOT / "packages/tokenizer/src/fixtures/pieces.json"

# Marks that are younger than the library's tables, controls, unassigned characters, white space of all kinds.
TEXTS = PLAIN + [
    "ᡕᢅᡘ a\u1886b", "a\u0afab c\u0d00d", "𞤀𞥄𞤁", "x\u2e43y\u2e52z", "᪰a\u1ab0 b\u1abf", "a\u0378b\u05ffc", "\ue000 private \U000f0000",
    "a\x00b\x01c\x1bd\x7fe\x9ff\ufffdg", "a\u2000b\u205fc\u3000d\u1680e\x1cf\x85g", "«guillemets» ¿qué? ·dot·", "漢a字b\U00020001c", "두 마리의 개",
    "<s> a </s>", "eng_Latn a", "[CLS] a [SEP]", "<0x41> <unk>", "e\u0301\u0323 n\u0303 か\u3099", "a\u200d b\u200cc \ufeff", "0\u06610\u0967",
]


def train(folder, **options):
    text, rules = folder / "corpus.txt", folder / "rules.tsv"
    text.write_text("\n".join(CORPUS))
    rules.write_text("".join(f"{source}\t{target}\n" for source, target in RULES))
    usual = dict(minloglevel=2, character_coverage=0.985, hard_vocab_limit=False, vocab_size=260, normalization_rule_tsv=str(rules), user_defined_symbols=["<ship>"])
    sentencepiece.SentencePieceTrainer.train(input=str(text), model_prefix=str(folder / "made"), num_threads=1, **{**usual, **options})
    for path in [text, rules, folder / "made.vocab"]:
        path.unlink()
    return folder / "made.model"


def siglip2_rows(gemma, config):
    """Whole rows of SigLIP 2's processor, its tokenizer read from a Gemma model's pieces."""
    place = gemma.with_name("siglip2")
    shutil.copytree(gemma, place)
    (place / "tokenizer_config.json").write_text(json.dumps(config))
    processor = transformers.Siglip2Processor(transformers.Siglip2ImageProcessorPil(), transformers.AutoTokenizer.from_pretrained(place))
    return lambda texts: [[int(id) for id in row] for row in processor(text=texts).input_ids]


def make(root):
    found = []

    def folder(name, file, config, **options):
        place = root / name
        place.mkdir()
        train(place, **options).rename(place / file)
        (place / "tokenizer_config.json").write_text(json.dumps(config))
        return place

    def add(name, place, kind, judge, context=64, **more):
        tower = dict(kind=kind, vocabSize=100_000, contextLength=context, padTokenId=more.pop("pad", 0), **more.pop("tower", {}))
        found.append(dict(name=name, place=place, tower=tower, ids=judge(TEXTS), **more))

    def plain(tokenizer, context=64):
        return lambda texts: tokenizer(texts, truncation=True, max_length=context).input_ids

    auto = lambda place: plain(transformers.AutoTokenizer.from_pretrained(place))
    xlmr = folder("xlm-roberta", "sentencepiece.bpe.model", {"tokenizer_class": "XLMRobertaTokenizer"}, pad_id=-1, bos_id=1, eos_id=2, unk_id=0)
    add("xlm-roberta", xlmr, "roberta", auto(xlmr))
    cfg = {"hf_tokenizer_name": "facebook/xlm-v-base", "context_length": 24}
    add("xlm-roberta in open_clip", xlmr, "clip", open_clip_judge(xlmr, 24), context=24, openClip=cfg, pad=1, rows=True)
    t5 = dict(pad_id=0, bos_id=-1, eos_id=1, unk_id=2)
    mt5 = folder("mt5", "spiece.model", {"tokenizer_class": "T5Tokenizer", "extra_ids": 0}, byte_fallback=True, **{**t5, "vocab_size": 420})
    add("mt5", mt5, "mt5", auto(mt5))
    cfg = {"hf_tokenizer_name": "google/mt5-base", "context_length": 24, "tokenizer_kwargs": {"clean": "canonicalize"}}
    add("mt5 in open_clip", mt5, "clip", open_clip_judge(mt5, 24, clean="canonicalize"), context=24, openClip=cfg, rows=True)
    siglip = folder("siglip", "spiece.model", {"tokenizer_class": "SiglipTokenizer"}, **{**t5, "user_defined_symbols": []})
    add("siglip", siglip, "siglip", plain(transformers.SiglipTokenizer(str(siglip / "spiece.model"), split_special_tokens=True)))
    gemma = folder("gemma", "tokenizer.model", {"tokenizer_class": "GemmaTokenizer", "padding_side": "right", "add_bos_token": False, "add_eos_token": True},
                   model_type="bpe", vocab_size=620, pad_id=0, eos_id=1, bos_id=2, unk_id=3, eos_piece="<eos>", bos_piece="<bos>", byte_fallback=True,
                   add_dummy_prefix=False, remove_extra_whitespaces=False)
    cfg = {"hf_tokenizer_name": "timm/x", "context_length": 24, "tokenizer_kwargs": {"clean": "canonicalize"}}
    add("gemma in open_clip", gemma, "siglip", open_clip_judge(gemma, 24, clean="canonicalize"), context=24, openClip=cfg, rows=True)
    own = {"tokenizer_class": "Siglip2Tokenizer", "padding_side": "right", "add_bos_token": False, "add_eos_token": True}
    # transformers' config says pad 1 where a file says none; its processor fills rows with the tokenizer's own.
    add("siglip2", gemma, "siglip", siglip2_rows(gemma, own), pad=1, config=own, rows=True)
    config = {"tokenizer_class": "NllbTokenizer", "additional_special_tokens": LANGUAGES}
    nllb = folder("nllb", "sentencepiece.bpe.model", config, model_type="bpe", pad_id=-1, bos_id=1, eos_id=2, unk_id=0, user_defined_symbols=[])
    parts = nllb_parts(nllb)
    add("nllb", nllb, "m2m", plain(transformers.NllbTokenizer(**parts)))
    add("nllb in German", nllb, "m2m", plain(transformers.NllbTokenizer(src_lang="deu_Latn", **parts)), language="deu_Latn")
    add("nllb, legacy", nllb, "m2m", plain(transformers.NllbTokenizer(legacy_behaviour=True, **parts)), config={**config, "legacy_behaviour": True})
    letters = dict.fromkeys("".join(TEXTS).lower() + "".join(TEXTS))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [head + letter for head in ["", "##"] for letter in letters if not letter.isspace()]
    for name, lowercase in [("bert", True), ("bert cased", False)]:
        place = root / name
        place.mkdir()
        (place / "vocab.txt").write_text("\n".join(pieces) + "\n")
        (place / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": lowercase}))
        add(name, place, "bert", plain(transformers.BertTokenizer.from_pretrained(place)))
    return found


def main():
    with tempfile.TemporaryDirectory() as root:
        cases = make(Path(root))
        stored = {}
        for case in cases:
            place = case.pop("place")
            texts = {path.name: path.read_text() for path in place.iterdir() if path.suffix in (".json", ".txt")}
            models = {path.name: base64.b64encode(path.read_bytes()).decode() for path in place.glob("*.model")}
            known = next((name for name, held in stored.items() if held == (texts, models)), None)
            stored.setdefault(case["name"], (texts, models))
            config = case.pop("config", None)
            if config is not None:
                case["config"] = json.dumps(config)
            case.update({"filesOf": known} if known else {"texts": texts, "models": models})
            # What is special in Python is plain text here: no ids to compare with.
            special = ["<s>", "</s>", "eng_Latn", "[CLS]", "<unk>"] if case["name"] != "siglip" else []
            case["ids"] = [None if any(token in text for token in special) else ids for text, ids in zip(TEXTS, case["ids"])]
    TARGET.write_text(json.dumps({"texts": TEXTS, "tokenizers": cases}, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{TARGET.stat().st_size} bytes in {TARGET}")


if __name__ == "__main__":
    main()
