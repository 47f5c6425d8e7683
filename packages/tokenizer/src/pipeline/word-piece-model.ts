import { asNumber, asText, type Json } from "./json.ts";
import { needId, vocabularyOf, type Vocabulary, type WordModel } from "./vocabulary-file.ts";

/**
 * BERT's model (Wu et al. 2016, arXiv:1609.08144, section 4.1): from the left, always the longest piece
 * that the vocabulary has; a word that cannot be cut so, or is too long, is unknown as a whole. Ids in `hidden` never come out of text.
 */
export function wordPieceModel(
  model: Json,
  where: string,
  hidden: ReadonlySet<number>,
): { ids: Vocabulary; encode: WordModel } {
  const ids = vocabularyOf(model["vocab"], `${where}.vocab`);
  const unknown = needId(ids, asText(model["unk_token"] ?? "[UNK]", `${where}.unk_token`));
  const prefix = asText(model["continuing_subword_prefix"] ?? "##", where);
  const longest = asNumber(model["max_input_chars_per_word"] ?? 100, where);
  const pieceAt = (characters: readonly string[], start: number): [id: number, end: number] => {
    const head = start === 0 ? "" : prefix;
    for (let end = characters.length; end > start; end--) {
      const id = ids.get(head + characters.slice(start, end).join(""));
      if (id !== undefined && !hidden.has(id)) return [id, end];
    }
    return [unknown, -1];
  };
  return {
    ids,
    encode(word) {
      if (word.length > 2 * longest) return [unknown];
      const characters = Array.from(word);
      if (characters.length > longest) return [unknown];
      const found: number[] = [];
      for (let start = 0; start < characters.length;) {
        const [id, end] = pieceAt(characters, start);
        if (end < 0) return [unknown];
        found.push(id);
        start = end;
      }
      return found;
    },
  };
}
