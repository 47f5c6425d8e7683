"""Writes the sets of characters that Hugging Face's tokenizers library takes for marks, punctuation and controls.

Its tables are of older Unicode versions than those of JavaScript engines, and BERT's ids depend on them. Asked of the
installed library, character by character:

    peers/bin/python tools/peers/make_unicode_sets.py
"""

from pathlib import Path

from tokenizers import normalizers, pre_tokenizers

TARGET = Path(__file__).resolve().parents[2] / "packages/tokenizer/src/pipeline/unicode-sets.ts"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

HEAD = '''// Written by tools/peers/make_unicode_sets.py from the tables of Hugging Face's tokenizers library.

/** Ranges of code points as a pattern's class: for each the gap before it and its length, in base 36. */
function classOf(ranges: string): string {
  const escape = (code: number): string => `\\\\u{${code.toString(16)}}`;
  let [source, end] = ["", 0];
  for (const range of ranges.split(" ")) {
    const [gap = 0, length = 0] = range.split("+").map((part) => Number.parseInt(part, 36));
    source += `${escape(end + gap)}-${escape(end + gap + length - 1)}`;
    end += gap + length;
  }
  return source;
}
'''


def base36(number):
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
        if number == 0:
            return text


def ranges(codes):
    """Gap and length of every run, as text."""
    parts, end = [], 0
    runs = []
    for code in codes:
        if runs and runs[-1][1] == code:
            runs[-1][1] = code + 1
        else:
            runs.append([code, code + 1])
    for start, stop in runs:
        parts.append(f"{base36(start - end)}+{base36(stop - start)}")
        end = stop
    return " ".join(parts)


def main():
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    clean = normalizers.BertNormalizer(**{**off, "clean_text": True})
    accents = normalizers.BertNormalizer(**{**off, "strip_accents": True})
    # What stands for a mark by itself: characters that decompose keep their letter.
    gone = lambda step: lambda text: step.normalize_str(f"a{text}b") == "ab"
    cut = pre_tokenizers.BertPreTokenizer()
    sets = {
        "removedControls": ("What BERT's cleaning takes out of a text", gone(clean)),
        "accents": ("Marks that BERT strips (nonspacing ones)", gone(accents)),
        "combiningMarks": ("Marks that the step StripAccents strips", gone(normalizers.StripAccents())),
        "punctuation": ("Marks that BERT's words are cut at", lambda text: [part for part, _ in cut.pre_tokenize_str(f"a{text}b")] == ["a", text, "b"]),
    }
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    text = HEAD
    for name, (note, holds) in sets.items():
        codes = [ord(character) for character in characters if holds(character)]
        words = ranges(codes).split(" ")
        lines, line = [], ""
        for word in words:
            if len(line) + len(word) > 105:
                lines.append(line)
                line = ""
            line += word + " "
        lines.append(line.rstrip())
        joined = " +\n".join(f'    "{line}"' for line in lines)
        text += f"\n/** {note}, as a pattern's class. */\nexport const {name}: string = classOf(\n{joined},\n);\n"
    TARGET.write_text(text)
    print(f"{TARGET.stat().st_size} bytes in {TARGET}")


if __name__ == "__main__":
    main()
