// What the text tower reads: ids, the words behind them, and text cleaned as OpenAI cleans it.
import { cleanText, createClipTokenizer } from "@clip-ts/tokenizer";

const tokenizer = createClipTokenizer();
console.log(tokenizer.encode("a photo of a cat").join(" "));
console.log(cleanText("Fish &amp;amp; Chips   ☕"));
const { words } = tokenizer.encodeWithOffsets("an astronaut riding a horse");
console.log(words.map(({ text, firstToken, lastToken }) => `${text}:${firstToken}-${lastToken}`).join(" "));
// A special token written by a user stays text, so no caption can cut another short.
console.log(tokenizer.encode("<|endoftext|> hello").length);
