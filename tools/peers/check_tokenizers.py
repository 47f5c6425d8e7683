"""Compares the ids that clip-ts gives with those of transformers and open_clip, for tokenizers of every kind.

The tokenizers are trained here on a few sentences, saved as those libraries save them, and opened by
packages/tokenizer (build it first). Nothing is downloaded. `--write` also writes the fixture of the tests.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import sentencepiece

from check_interop import define_torchvision_operators

OPERATORS = define_torchvision_operators()

import transformers
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "packages/tokenizer/src/fixtures/pipelines.json"
NAMES = ["tokenizer.json", "vocab.json", "merges.txt", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"]

CORPUS = [
    "a photo of a cat", "a photo of the small dog.", "two dogs playing in the park", "it's a t-shirt, don't!",
    "the quick brown fox jumps over the lazy dog", "new york at night, 2024", "ein foto einer katze im garten",
    "zwei hunde spielen im park", "grüne bäume und blaue häuser", "une photo d'un chat près de la mer",
    "a black and white drawing of a house", "blue sky over the mountains", "42 red balloons", "an aerial view",
    "猫の写真", "犬と猫", "фото кошки", "a close-up of an apple on a table", "sunset; clouds & birds (flying)",
] * 4

PLAIN = [
    "a photo of a cat.", "a photo of a cat", "It's a T-shirt, don't!", "two  dogs", "the u.s. house", "", " ", "A",
    "  leading and trailing  ", "tab\tand\nnewline\r\nand\u00a0no-break\u3000wide", "don’t “quote” ‘me’", "&amp; &lt;b&gt; &#39;",
    "foo_bar __init__ a_b", "ﬁne ﬂuﬀy ﬃx", "Ｆｕｌｌ　ｗｉｄｔｈ １２３", "sÃ³ cafÃ© naÃ¯ve", "café cafe\u0301", "ΑΣ ΟΔΟΣ Σ", "İstanbul ıI",
    "ſtart 'ſ", "a\u0345b", "grüße STRASSE ẞ", "猫の写真と犬", "漢字かな交じり文 カタカナ", "фото КОШКИ", "한국어 텍스트", "עברית عربي हिन्दी ไทย",
    "😀 👩‍👩‍👧‍👦 🇩🇪 👍🏽", "a\u200bb\u200dc\ufeffd", "x\u00adsoft", "1234567890 3.14 1,000", "½ ² ³ ① Ⅷ ٣", "http://a.b/c?d=e&f=g#h",
    "hello...world!!! ?!", "-- — – ‒", "$5 €6 £7 ¥8", "@user #tag", "a/b\\c|d", "\u0301\u0302", "e\u0301\u0302\u0323", "q\u0307\u0323",
    "\u1e9b\u0323", "ａ\u3099か\u3099", "ﾊﾝｶｸ ｶﾞ", "\u2028line\u2029para\u0085nel", "▁under ▁bar▁", "a  b   c    d", "UPPER lower MiXeD",
    "unbelievablyunsegmentableword", "aaaaaaaaaaaaaaaaaaaaaaaa", "!!!!!!!!", "        ", "\n\n\n", "word " * 100, "supercalifragilistic" * 8,
    "it'S we'RE i'LL you'VE 'twas", "newyork new york NEW YORK", "<ship> a<ship>b <unused0>", "\U0001d4d0\U0001d4d1 𝟙𝟚", "\u0e33\u0e4d\u0e32", "½cup 5µm 10℃ №7 ™",
]

ALPHABET = "aAbeinorst .,!?'-_&;:0123456789äßéΣσς漢猫の犬фК한😀\u0301\u200d\u00a0\u3000ﬁＡ１“’…▁\t\n"


def captions(count):
    """The fixed strings and as many random ones as are missing."""
    random.seed(7)
    drawn = ["".join(random.choices(ALPHABET, k=random.randint(1, 24))) for _ in range(count)]
    words = " ".join(CORPUS).split()
    mixed = [" ".join(random.choices(words + PLAIN[:40], k=random.randint(1, 12))) for _ in range(count // 2)]
    return (PLAIN + drawn + mixed)[:count]


def train_bpe(tokenizer, size, specials, **options):
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=size, special_tokens=specials, show_progress=False, **options))
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(merge) for merge in model["merges"]]


def clip_files(folder):
    blank = transformers.CLIPTokenizer()
    base = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    base.normalizer, base.pre_tokenizer = blank.backend_tokenizer.normalizer, blank.backend_tokenizer.pre_tokenizer
    letters = pre_tokenizers.ByteLevel.alphabet()
    vocab, merges = train_bpe(base, 700, [], end_of_word_suffix="</w>", initial_alphabet=letters)
    texts = sorted(letters) + [letter + "</w>" for letter in sorted(letters)]
    texts += [left + right for left, right in merges] + ["<|startoftext|>", "<|endoftext|>"]
    vocab = {text: index for index, text in enumerate(dict.fromkeys(texts))}
    tokenizer = transformers.CLIPTokenizer(vocab=vocab, merges=merges)
    tokenizer.save_pretrained(folder)
    return tokenizer, vocab, merges


def slow(folder, vocab, merges, config):
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    lines = "\n".join(" ".join(merge) for merge in merges)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{lines}\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def roberta_files(folder, **options):
    base = Tokenizer(models.BPE())
    base.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocab, merges = train_bpe(base, 600, specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    transformers.RobertaTokenizer(vocab=vocab, merges=merges, model_max_length=512, **options).save_pretrained(folder)
    return vocab, merges


def gemma_parts():
    base = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    base.normalizer = normalizers.Replace(" ", "▁")
    specials = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    specials += [f"<0x{byte:02X}>" for byte in range(256)]
    return train_bpe(base, 700, specials, limit_alphabet=60)


def siglip2_files(folder):
    vocab, merges = gemma_parts()
    tokenizer = transformers.Siglip2Tokenizer(vocab=vocab, merges=merges, padding_side="right")
    tokenizer.add_tokens(["\n\n", "<unused0>"])
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", tokenizer.eos_token_id)]
    )
    tokenizer.save_pretrained(folder)


def gemma_files(folder):
    vocab, merges = gemma_parts()
    options = dict(padding_side="right", add_bos_token=False, add_eos_token=True)
    transformers.GemmaTokenizer(vocab=vocab, merges=merges, **options).save_pretrained(folder)


# A few rules in place of SentencePiece's own, whose compiled map is too large for a fixture.
RULES = [
    ("FF21", "41"), ("FF46", "66"), ("FF55", "75"), ("FF4C", "6C"), ("FF11", "31"), ("FB01", "66 69"), ("FB02", "66 6C"),
    ("2581", "20"), ("3000", "20"), ("A0", "20"), ("9", "20"), ("A", "20"), ("D", "20"), ("AD", ""), ("200B", ""), ("65 301", "E9"), ("2026", "2E 2E 2E"),
    ("1E9B 323", "1E69"), ("FF8A", "30CF"), ("FF76 FF9E", "30AC"), ("2122", "54 4D"), ("1D4D0", "41"), ("BD", "31 2044 32"),
]
SMALL = {}


def train_pieces(folder, **options):
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / "corpus.txt"
    text.write_text("\n".join(CORPUS))
    if SMALL:
        rules = folder / "rules.tsv"
        rules.write_text("".join(f"{source}\t{target}\n" for source, target in RULES))
        options["normalization_rule_tsv"] = str(rules)
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(folder / "spiece"), vocab_size=260, model_type="unigram",
        character_coverage=0.985, minloglevel=2, hard_vocab_limit=False, **options,
    )
    text.unlink()
    return folder / "spiece.model"


def t5_files(folder):
    model = train_pieces(folder, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    tokenizer = transformers.T5Tokenizer.from_pretrained(folder, extra_ids=0)
    tokenizer.save_pretrained(folder)
    return model


def siglip_files(folder):
    """SigLIP's own class reads the SentencePiece model, clip-ts the same model as tokenizer.json."""
    t5_files(folder)
    config = {"tokenizer_class": "SiglipTokenizer", "eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>", "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return transformers.SiglipTokenizer(str(folder / "spiece.model"))


def xlmr_files(folder):
    model = train_pieces(folder, pad_id=-1, bos_id=1, eos_id=2, unk_id=0)
    model.rename(folder / "sentencepiece.bpe.model")
    config = {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    transformers.XLMRobertaTokenizer.from_pretrained(folder).save_pretrained(folder)


def bert_files(folder):
    base = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    base.normalizer, base.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    base.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=300, special_tokens=specials, show_progress=False))
    vocab = json.loads(base.to_str())["model"]["vocab"]
    transformers.BertTokenizer(vocab=vocab).save_pretrained(folder)
    return vocab


def other_files(folder, model, normalizer, pre_tokenizer, size=300):
    """A tokenizer.json of no class at all: what its steps say is what counts."""
    base = Tokenizer(model)
    base.normalizer, base.pre_tokenizer = normalizer, pre_tokenizer
    train_bpe(base, size, ["<pad>", "<unk>", "<end>"], limit_alphabet=50)
    end = base.token_to_id("<end>")
    base.post_processor = processors.TemplateProcessing(single="$A <end>", special_tokens=[("<end>", end)])
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=base, pad_token="<pad>", eos_token="<end>", unk_token="<unk>")
    fast.save_pretrained(folder)


def is_stacked(text):
    """Marks in clusters: SentencePiece itself and the tokenizer.json made of its model differ there."""
    return any(unicodedata.combining(character) for character in unicodedata.normalize("NFKD", text))


def make(root):
    """All folders: name, tower, what open_clip's config would say, and the judge from texts to ids."""
    found = []

    def add(folder, kind, openclip=None, judge=None, context=64, **tower):
        vocabulary = 100_000
        facts = dict(kind=kind, vocabSize=vocabulary, contextLength=context, padTokenId=0, **tower)
        found.append(dict(name=folder.name, folder=folder, tower=facts, openClip=openclip, judge=judge))

    def auto(folder, context=64):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        return lambda text: tokenizer(text, truncation=True, max_length=context).input_ids

    def peer(folder, context=64, **options):
        """open_clip's ids without the padding."""
        tokenizer = HFTokenizer(str(folder), context_length=context, **options)
        pad, end = tokenizer.tokenizer.pad_token_id, tokenizer.tokenizer.eos_token_id
        end = tokenizer.tokenizer.sep_token_id if end is None else end

        def ids(text):
            row = tokenizer([text])[0].tolist()
            plain = tokenizer.tokenizer(tokenizer.clean_fn(text), truncation=True, max_length=context).input_ids
            assert row[len(plain):] == [pad] * (context - len(plain))
            return row[: len(plain)]

        return ids

    folder = root / "clip-own"
    tokenizer, vocab, merges = clip_files(folder)
    add(folder, "clip", judge=auto(folder))
    slow(root / "clip-slow", vocab, merges, {"tokenizer_class": "CLIPTokenizer"})
    add(root / "clip-slow", "clip", judge=auto(root / "clip-slow"))
    folder = root / "clip-added"
    tokenizer.add_tokens(["<ship>", "New York"])
    tokenizer.save_pretrained(folder)
    add(folder, "clip", judge=auto(folder))
    folder = root / "clip-own-open-clip"
    shutil.copytree(root / "clip-own", folder)
    cfg = {"hf_tokenizer_name": "x", "context_length": 64, "tokenizer_kwargs": {"clean": "lower"}}
    add(folder, "clip", cfg, peer(folder, clean="lower"))

    folder = root / "roberta"
    vocab, merges = roberta_files(folder)
    add(folder, "roberta", judge=auto(folder))
    slow(root / "roberta-slow", vocab, merges, {"model_max_length": 512})
    (root / "roberta-slow/config.json").write_text('{"model_type": "roberta"}')
    add(root / "roberta-slow", "roberta", judge=auto(root / "roberta-slow"))
    roberta_files(root / "roberta-prefix", add_prefix_space=True)
    add(root / "roberta-prefix", "roberta", judge=auto(root / "roberta-prefix"))
    folder = root / "roberta-open-clip"
    shutil.copytree(root / "roberta", folder)
    add(folder, "roberta", {"hf_tokenizer_name": "roberta-base"}, peer(folder, context=77), context=512)

    siglip2_files(root / "siglip2")
    add(root / "siglip2", "siglip", judge=auto(root / "siglip2"))
    folder = root / "siglip2-open-clip"
    gemma_files(folder)
    cfg = {"hf_tokenizer_name": "timm/x", "context_length": 64, "tokenizer_kwargs": {"clean": "canonicalize"}}
    add(folder, "siglip", cfg, peer(folder, clean="canonicalize"))
    folder = root / "siglip"
    own = siglip_files(folder)
    add(folder, "siglip", judge=lambda text: own(text, truncation=True, max_length=64).input_ids)
    folder = root / "siglip-open-clip"
    t5_files(folder)
    add(folder, "siglip", cfg, peer(folder, clean="canonicalize"))
    folder = root / "t5"
    t5_files(folder)
    add(folder, "roberta", judge=auto(folder))
    xlmr_files(root / "xlm-roberta")
    add(root / "xlm-roberta", "roberta", judge=auto(root / "xlm-roberta"))

    vocab = bert_files(root / "bert")
    add(root / "bert", "clip", judge=auto(root / "bert"), pooling="last")
    folder = root / "bert-slow"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    add(folder, "clip", judge=auto(folder), pooling="last")
    folder = root / "bert-open-clip"
    shutil.copytree(root / "bert", folder)
    cfg = {"hf_tokenizer_name": "bert-base-uncased", "context_length": 32, "tokenizer_kwargs": {"strip_sep_token": True}}
    add(folder, "clip", cfg, peer(folder, context=32, strip_sep_token=True), pooling="last")

    bpe = lambda **options: models.BPE(unk_token="<unk>", **options)
    digits = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True), pre_tokenizers.Punctuation()])
    other_files(root / "words", bpe(fuse_unk=True), normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents()]), digits)
    add(root / "words", "clip", judge=auto(root / "words"))
    spaced = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits(False)])
    other_files(root / "spaced", bpe(continuing_subword_prefix="##"), normalizers.NFD(), spaced)
    add(root / "spaced", "clip", judge=auto(root / "spaced"))
    regex = pre_tokenizers.Split(Regex(r"\p{Lu}?[\p{Ll}\d]+|\s+(?!\S)|\s+|[^\w\s]{1,2}|\w"), "isolated")
    other_files(root / "split", bpe(ignore_merges=True), normalizers.Prepend("_"), regex)
    add(root / "split", "clip", judge=auto(root / "split"))
    meta = pre_tokenizers.Metaspace(prepend_scheme="first")
    other_files(root / "metaspace", bpe(), normalizers.Replace(Regex(" {2,}"), " "), meta)
    add(root / "metaspace", "clip", judge=auto(root / "metaspace"))

    for clean in ["lower", "whitespace", "canonicalize"]:
        simple = SimpleTokenizer(clean=clean, context_length=64)

        def ids(text, simple=simple):
            row = [simple.sot_token_id] + simple.encode(text) + [simple.eot_token_id]
            return row if len(row) <= 64 else row[:63] + row[-1:]

        folder = root / f"simple-{clean}"
        folder.mkdir()
        cfg = {"context_length": 64, "tokenizer_kwargs": {"clean": clean}}
        found.append(dict(name=folder.name, folder=folder, openClip=cfg, judge=ids,
                          tower=dict(kind="clip", vocabSize=49408, contextLength=64, padTokenId=0)))
    return found


SCRIPT = """
import { openTokenizer } from %s;
import { readFileSync, existsSync } from "node:fs";
const cases = JSON.parse(readFileSync(0, "utf8"));
const results = [];
for (const { files, tower, openClip, texts } of cases) {
  const read = async (name) => files[name];
  const tokenizer = await openTokenizer(tower, read, openClip ? { openClip } : {});
  results.push(texts.map((text) => tokenizer.encode(text)));
}
console.log(JSON.stringify(results));
"""


def ours(cases):
    module = json.dumps(str(ROOT / "packages/tokenizer/dist/index.js"))
    command = ["node", "--input-type=module", "-e", SCRIPT % module]
    answer = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True)
    if answer.returncode != 0:
        sys.exit(answer.stderr)
    return json.loads(answer.stdout)


def compact(files):
    """The files without line breaks and blanks, to be kept."""
    return {name: json.loads(text) if name.endswith(".json") else text for name, text in files.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=400, help="strings for each tokenizer")
    parser.add_argument("--write", action="store_true", help="write the fixture of the tests")
    parser.add_argument("--show", type=int, default=3, help="differences to show")
    args = parser.parse_args()
    texts = captions(args.count)
    SMALL.update({"small": True} if args.write else {})
    with tempfile.TemporaryDirectory() as root:
        cases = make(Path(root))
        for case in cases:
            folder = case.pop("folder")
            case["files"] = {name: (folder / name).read_text() for name in NAMES if (folder / name).exists()}
    wrong = 0
    fixture = []
    for case in cases:
        judge = case.pop("judge")
        case["texts"] = texts
        case["ids"] = [None if case["name"] == "siglip" and is_stacked(text) else judge(text) for text in texts]
    for case, got in zip(cases, ours(cases)):
        compared = [(t, e, g) for t, e, g in zip(texts, case["ids"], got) if e is not None]
        pairs = [(t, e, g) for t, e, g in compared if e != g]
        wrong += len(pairs)
        print(f"{case['name']:22} {len(compared) - len(pairs)}/{len(compared)} equal")
        for text, expected, actual in pairs[: args.show]:
            print(f"   {text!r}\n     expected {expected[:40]}\n     got      {actual[:40]}")
        kept = {key: case[key] for key in ["name", "tower", "openClip"] if case.get(key)}
        files = compact(case["files"])
        same = next((other["name"] for other in fixture if other.get("files") == files), None)
        stored = {"files": files} if same is None else {"filesOf": same}
        fixture.append({**kept, **stored, "ids": case["ids"][: len(PLAIN)]})
    if args.write:
        FIXTURE.write_text(json.dumps({"texts": PLAIN, "tokenizers": fixture}, ensure_ascii=False, separators=(",", ":")) + "\n")
        print(f"{FIXTURE.stat().st_size} bytes in {FIXTURE}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
