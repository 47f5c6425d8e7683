"""Token ids of every kind of tokenizer on 10,000 strings of mixed scripts: clip-ts against transformers and open_clip.

Each tokenizer is trained here (>= 8,000 entries where there is a vocabulary to train) on a made corpus, saved in the
forms in which published models have it, and opened by packages/tokenizer (build it first). A line of the table is one
folder. Python reads special tokens in captions, clip-ts only with `parseSpecialTokens`, so ids are compared with that
switched on; strings that name none must give the same ids without it. Nothing is downloaded.

    peers/bin/pip install sentencepiece protobuf
    peers/bin/python tools/peers/check_token_ids.py [NAME ...] [--data FOLDER] [--count 10000] [--js tokenizers]

`--js tokenizers` asks @huggingface/tokenizers in place of clip-ts, `--keep FOLDER` keeps the trained folders.
"""

import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "error"

from check_tokenizers import ROOT, slow  # defines torchvision's operators
import sentencepiece
import tokenizer_corpus as made
import transformers
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

TEXTS = ["tokenizer.json", "vocab.json", "merges.txt", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"]
MODELS = ["sentencepiece.bpe.model", "spiece.model", "tokenizer.model"]
LANGUAGES = ["ace_Arab", "deu_Latn", "eng_Latn", "fra_Latn", "zho_Hans", "zul_Latn"]


class Workshop:
    """Trained models, each made once."""

    def __init__(self, root, data, lines):
        self.root, self.data = root, data
        self.corpus = made.corpus(data, lines)
        self.text = root / "corpus.txt"
        self.text.write_text("\n".join(self.corpus))
        self.done = {}

    def pieces(self, kind, **options):
        """A SentencePiece model's file."""
        path = self.root / f"{kind}.model"
        if not path.exists():
            quiet = dict(minloglevel=2, num_threads=1, max_sentence_length=100_000, character_coverage=0.9995)
            sentencepiece.SentencePieceTrainer.train(input=str(self.text), model_prefix=str(path.with_suffix("")), **{**quiet, **options})
        return path

    def word_pieces(self, lowercase):
        if lowercase not in self.done:
            base = Tokenizer(models.WordPiece(unk_token="[UNK]"))
            base.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
            base.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
            specials = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
            trainer = trainers.WordPieceTrainer(vocab_size=12_000, special_tokens=specials, show_progress=False, limit_alphabet=3000)
            base.train_from_iterator(self.corpus, trainer)
            self.done[lowercase] = json.loads(base.to_str())["model"]["vocab"]
        return self.done[lowercase]


def folder_of(root, name, config=None, **files):
    """A new folder with the given files, copied from where they lie."""
    folder = root / name
    folder.mkdir()
    for file, source in files.items():
        shutil.copy(source, folder / file.replace("__", "."))
    if config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def judge_of(tokenizer, context, **options):
    return lambda texts: tokenizer(texts, truncation=True, max_length=context, **options).input_ids


def saved(tokenizer, folder):
    tokenizer.save_pretrained(folder)
    return folder


def auto(folder, context):
    return judge_of(transformers.AutoTokenizer.from_pretrained(folder), context)


def open_clip_judge(folder, context, language=None, **options):
    """open_clip's whole rows, padding included."""
    tokenizer = HFTokenizer(str(folder), context_length=context, **options)
    if language is not None:  # open_clip's set_language is undone by transformers at the next call
        tokenizer.tokenizer.src_lang = language
    return lambda texts: [row.tolist() for row in tokenizer(texts)]


def bert_cases(shop, add):
    root = shop.root
    for name, lowercase in [("uncased", True), ("cased", False)]:
        vocab = shop.word_pieces(lowercase)
        fast = saved(transformers.BertTokenizer(vocab=vocab, do_lower_case=lowercase), root / f"bert-{name}")
        add(f"bert {name}, tokenizer.json", fast, "bert", auto(fast, 64), context=64)
        lines = root / f"vocab-{name}.txt"
        lines.write_text("\n".join(vocab) + "\n")
        config = {"tokenizer_class": "BertTokenizer", "do_lower_case": lowercase}
        old = folder_of(root, f"bert-{name}-slow", config, vocab__txt=lines)
        add(f"bert {name}, vocab.txt", old, "bert", auto(old, 64), context=64)
    chinese = root / "bert-chinese"
    chinese.mkdir()
    han = [character for character in made.assigned() if unicodedata.name(character, "").startswith("CJK UNIFIED")][:7000]
    vocab = {text: index for index, text in enumerate(dict.fromkeys(list(shop.word_pieces(True)) + han + ["##" + c for c in han]))}
    (chinese / "vocab.txt").write_text("\n".join(vocab) + "\n")
    judge = judge_of(transformers.BertTokenizer.from_pretrained(chinese), 52)
    add("chinese_clip: bert chinese, vocab.txt alone", chinese, "bert", judge, context=52)
    clipa = folder_of(root, "clipa", None, tokenizer__json=root / "bert-uncased/tokenizer.json")
    shutil.copy(root / "bert-uncased/tokenizer_config.json", clipa)
    cfg = {"hf_tokenizer_name": "bert-base-uncased", "context_length": 32, "tokenizer_kwargs": {"strip_sep_token": True}}
    tower = dict(causal=False, pooling="last")
    add("open_clip CLIPA", clipa, "clip", open_clip_judge(clipa, 32, strip_sep_token=True), context=32, openClip=cfg, rows=True, **tower)


def xlmr_cases(shop, add):
    root = shop.root
    model = shop.pieces("xlmr", vocab_size=10_000, pad_id=-1, bos_id=1, eos_id=2, unk_id=0)
    config = {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512}
    alone = folder_of(root, "xlmr-slow", config, **{"sentencepiece__bpe__model": model})
    add("xlm-roberta, sentencepiece.bpe.model alone", alone, "roberta", auto(alone, 77))
    fast = saved(transformers.AutoTokenizer.from_pretrained(alone), root / "xlmr")
    add("altclip, metaclip_2: xlm-roberta, tokenizer.json", fast, "roberta", auto(fast, 77))
    cfg = {"hf_tokenizer_name": "facebook/xlm-v-base", "context_length": 77, "eos_id": 2}
    add("open_clip MetaCLIP 2, XLM-R", alone, "clip", open_clip_judge(alone, 77), openClip=cfg, padTokenId=1, rows=True)


def mt5_cases(shop, add):
    root = shop.root
    model = shop.pieces("mt5", vocab_size=10_000, pad_id=0, bos_id=-1, eos_id=1, unk_id=2, byte_fallback=True)
    config = {"tokenizer_class": "T5Tokenizer", "extra_ids": 0}
    alone = folder_of(root, "mt5-slow", config, spiece__model=model)
    add("mt5, spiece.model alone", alone, "mt5", auto(alone, 77))
    fast = saved(transformers.AutoTokenizer.from_pretrained(folder_of(root, "t5-slow", {"tokenizer_class": "T5Tokenizer"}, spiece__model=model)), root / "mt5")
    add("t5 with sentinels, tokenizer.json", fast, "mt5", auto(fast, 77))
    cfg = {"hf_tokenizer_name": "google/mt5-base", "context_length": 77, "tokenizer_kwargs": {"clean": "canonicalize"}}
    add("open_clip MetaCLIP 2, mT5", alone, "clip", open_clip_judge(alone, 77, clean="canonicalize"), openClip=cfg, padTokenId=0, rows=True)
    cfg = {"hf_tokenizer_name": "google/mt5-base"}
    add("open_clip mT5 tower", alone, "mt5", open_clip_judge(alone, 77), openClip=cfg, padTokenId=0, rows=True)


def nllb_parts(folder):
    """What NllbTokenizer is made of. transformers 5 forgets the languages of a folder that has a SentencePiece model
    only; given by hand they have the ids of the published models."""
    made_of = json.loads(transformers.NllbTokenizer.from_pretrained(folder, additional_special_tokens=None)._tokenizer.to_str())
    vocab = dict(made_of["model"]["vocab"])
    for language in LANGUAGES:
        vocab[language] = len(vocab)
    merges = [tuple(merge) for merge in made_of["model"]["merges"]]
    charsmap = next(step["precompiled_charsmap"] for step in made_of["normalizer"]["normalizers"] if step["type"] == "Precompiled")
    return dict(vocab=vocab, merges=merges, extra_special_tokens=LANGUAGES, _spm_precompiled_charsmap=base64.b64decode(charsmap))


def nllb_cases(shop, add):
    root = shop.root
    model = shop.pieces("nllb", model_type="bpe", vocab_size=10_000, pad_id=-1, bos_id=1, eos_id=2, unk_id=0)
    config = {"tokenizer_class": "NllbTokenizer", "additional_special_tokens": LANGUAGES}
    alone = folder_of(root, "nllb-slow", config, **{"sentencepiece__bpe__model": model})
    parts = nllb_parts(alone)
    make = lambda **options: transformers.NllbTokenizer(**parts, **options)
    add("nllb, sentencepiece.bpe.model alone", alone, "m2m", judge_of(make(), 77))
    fast = saved(make(), root / "nllb")
    add("nllb, tokenizer.json", fast, "m2m", auto(fast, 77))
    german = saved(make(src_lang="deu_Latn"), root / "nllb-german")
    add("nllb, src_lang deu_Latn", german, "m2m", auto(german, 77))
    old = saved(make(legacy_behaviour=True), root / "nllb-legacy")
    add("nllb, legacy behaviour", old, "m2m", auto(old, 77))
    cfg = {"hf_tokenizer_name": "facebook/nllb-200-distilled-600M"}
    add("open_clip NLLB", fast, "m2m", open_clip_judge(fast, 77), openClip=cfg, padTokenId=1, rows=True)
    add("open_clip NLLB, in French", fast, "m2m", open_clip_judge(fast, 77, language="fra_Latn"), openClip=cfg, padTokenId=1, rows=True, language="fra_Latn")


def siglip_cases(shop, add):
    root = shop.root
    model = shop.pieces("t5", vocab_size=9_000, pad_id=0, bos_id=-1, eos_id=1, unk_id=2)
    config = {"tokenizer_class": "SiglipTokenizer", "model_max_length": 64}
    alone = folder_of(root, "siglip-slow", config, spiece__model=model)
    # Special tokens as plain text on both sides: this class finds them before it cleans a text.
    own = judge_of(transformers.SiglipTokenizer(str(model), split_special_tokens=True), 64)
    add("siglip, spiece.model alone", alone, "siglip", own, context=64, parses=False)
    fast = saved(transformers.T5Tokenizer.from_pretrained(folder_of(root, "siglip-t5", {"tokenizer_class": "T5Tokenizer"}, spiece__model=model), extra_ids=0), root / "siglip-fast")
    cfg = {"hf_tokenizer_name": "timm/ViT-B-16-SigLIP", "context_length": 64, "tokenizer_kwargs": {"clean": "canonicalize"}}
    add("open_clip SigLIP", fast, "siglip", open_clip_judge(fast, 64, clean="canonicalize"), context=64, openClip=cfg, rows=True)
    shutil.copy(fast / "tokenizer.json", folder_of(root, "siglip", config))
    add("siglip, tokenizer.json", root / "siglip", "siglip", own, context=64, parses=False)
    gemma = shop.pieces("gemma", model_type="bpe", vocab_size=10_000, pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>",
                        bos_piece="<bos>", byte_fallback=True, add_dummy_prefix=False, remove_extra_whitespaces=False, normalization_rule_name="identity")
    config = {"tokenizer_class": "GemmaTokenizer", "padding_side": "right", "add_bos_token": False, "add_eos_token": True}
    slow_gemma = folder_of(root, "gemma-slow", config, tokenizer__model=gemma)
    tokenizer = transformers.AutoTokenizer.from_pretrained(slow_gemma)
    raw = json.loads(tokenizer._tokenizer.to_str())["model"]
    siglip2 = transformers.Siglip2Tokenizer(vocab=raw["vocab"], merges=[tuple(merge) for merge in raw["merges"]], padding_side="right")
    siglip2._tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", siglip2.eos_token_id)])
    fast = saved(siglip2, root / "siglip2")
    add("siglip2, tokenizer.json", fast, "siglip", auto(fast, 64), context=64)
    cfg = {"hf_tokenizer_name": "timm/x", "context_length": 64, "tokenizer_kwargs": {"clean": "canonicalize"}}
    add("open_clip SigLIP 2, tokenizer.model alone", slow_gemma, "siglip", open_clip_judge(slow_gemma, 64, clean="canonicalize"), context=64, openClip=cfg, rows=True)


def own_cases(shop, add):
    root = shop.root
    source = Path(shop.data) / "roberta-tokenizer"
    if source.exists():
        files = {name.replace(".", "__"): source / name for name in ["vocab.json", "merges.txt", "tokenizer_config.json"]}
        roberta = folder_of(root, "roberta", **files)
        add("roberta, vocab.json and merges.txt", roberta, "roberta", auto(roberta, 77))
        fast = saved(transformers.AutoTokenizer.from_pretrained(roberta), root / "roberta-fast")
        add("roberta, tokenizer.json", fast, "roberta", auto(fast, 77))
        add("open_clip RoBERTa", roberta, "roberta", open_clip_judge(roberta, 77), openClip={"hf_tokenizer_name": "roberta-base"}, padTokenId=1, rows=True)
    simple = SimpleTokenizer(context_length=77)
    empty = folder_of(root, "clip")
    judge = lambda texts: [row.tolist() for row in simple(texts)]
    add("open_clip CLIP, built in", empty, "clip", judge, openClip={"context_length": 77}, vocabSize=49408, rows=True)


def make(shop):
    found = []

    def add(name, folder, kind, judge, context=77, openClip=None, rows=False, language=None, parses=True, **tower):
        facts = dict(kind=kind, vocabSize=1_000_000, contextLength=context, padTokenId=0)
        facts.update(tower)
        found.append(dict(name=name, folder=folder, tower=facts, openClip=openClip, judge=judge, rows=rows, language=language, parses=parses))

    for cases in [bert_cases, xlmr_cases, mt5_cases, nllb_cases, siglip_cases, own_cases]:
        cases(shop, add)
    return found


def difference(expected, got):
    """Where two rows part, and what follows there."""
    at = next((i for i, (e, g) in enumerate(zip(expected, got)) if e != g), min(len(expected), len(got)))
    return f"at {at}: expected {expected[max(0, at - 2):at + 8]}, got {got[max(0, at - 2):at + 8]}"


def ask(case, texts, peer, parse):
    """Ids of all texts from JavaScript, and seconds of processor time."""
    script = Path(__file__).with_name("token_ids.mjs")
    facts = {key: case[key] for key in ["tower", "openClip", "rows", "language"]}
    order = dict(folder=str(case["folder"]), peer=peer, parse=parse, texts=texts, **facts)
    answer = subprocess.run(["node", str(script)], input=json.dumps(order), capture_output=True, text=True)
    if answer.returncode != 0:
        return None, answer.stderr.strip().splitlines()[-1:]
    told = json.loads(answer.stdout)
    return told["ids"], told


def compare(case, texts, args):
    """Prints a line, and the first differing strings. @returns how many differ."""
    begun = time.process_time()
    expected = case["judge"](texts)
    python_seconds = time.process_time() - begun
    got, told = ask(case, texts, args.js, case["parses"])
    if got is None:
        print(f"{case['name']:48} refused: {told}", flush=True)
        return len(texts)
    plain = [text for text in texts if not made.names_special(text)]
    by_text = dict(zip(texts, expected))
    got_plain = ask(case, plain, args.js, False)[0] if args.js == "clip-ts" and case["parses"] else []
    differing = {text: (e, g) for text, e, g in zip(texts, expected, got) if e != g}
    differing.update({text: (by_text[text], g) for text, g in zip(plain, got_plain) if by_text[text] != g})
    print(f"{case['name']:48} {len(texts) - len(differing):6} of {len(texts)} equal, {100 * len(differing) / len(texts):5.2f} % differ; opened in "
          f"{told['openMs']:5.0f} ms, {1000 * told['seconds'] / len(texts):.3f} ms of processor a string (Python {1000 * python_seconds / len(texts):.3f})", flush=True)
    for text, (e, g) in list(differing.items())[: args.show]:
        print(f"   {text!r}\n     {difference(e, g)}")
    return len(differing)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of names of cases; all by default")
    parser.add_argument("--data", default=str(ROOT / "shared/data"), help="folder with clip-tokenizer and roberta-tokenizer")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--lines", type=int, default=40_000, help="lines of the corpus")
    parser.add_argument("--show", type=int, default=3)
    parser.add_argument("--js", default="clip-ts", choices=["clip-ts", "tokenizers"])
    parser.add_argument("--keep", help="a folder that keeps the trained models, to be used again")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        kept = Path(args.keep) if args.keep else None
        if kept is not None and kept.exists():
            for path in kept.glob("*.model"):
                shutil.copy(path, root)
        shop = Workshop(Path(root), args.data, args.lines)
        cases = make(shop)
        if kept is not None:
            shutil.copytree(root, kept, dirs_exist_ok=True)
        texts = made.strings(args.data, args.count)
        wanted = [case for case in cases if not args.names or any(name in case["name"] for name in args.names)]
        sys.exit(1 if sum(compare(case, texts, args) for case in wanted) else 0)


if __name__ == "__main__":
    main()
