const mostWords = 1 << 16;
const longestWord = 64; // longer "words" are rarely seen twice

/** Remembers `compute`'s answers for the words seen last, 65,536 to 131,072 of them. */
export function cacheWords<Value>(compute: (word: string) => Value): (word: string) => Value {
  let recent = new Map<string, Value>();
  let older = new Map<string, Value>();
  return (word) => {
    const known = recent.get(word);
    if (known !== undefined) return known;
    const value = older.get(word) ?? compute(word);
    if (word.length > longestWord) return value;
    if (recent.size >= mostWords) {
      older = recent;
      recent = new Map();
    }
    recent.set(word, value);
    return value;
  };
}
