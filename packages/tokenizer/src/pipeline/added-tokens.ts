import { unicodeSpaces } from "../unicode-spaces.ts";
import { asFlag, asId, asList, asObject, asText, refuseFile, refuseStep } from "./json.ts";
import { strip, type TextStep } from "./normalizer.ts";
import { createTrie, longestAt } from "./trie.ts";

/** A token that is found in the text itself, before or after normalisation. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly isSpecial: boolean;
  readonly isNormalized: boolean;
  /** Whether it takes the white space before or behind it along. */
  readonly strips: { readonly start: boolean; readonly end: boolean };
}

/** Reads `added_tokens`. */
export function addedTokensOf(value: unknown, where: string): AddedToken[] {
  if (value === undefined || value === null) return [];
  return asList(value, where).map((entry, index) => {
    const at = `${where}[${index}]`;
    const token = asObject(entry, at);
    const flag = (key: string, fallback: boolean): boolean =>
      asFlag(token[key], fallback, `${at}.${key}`);
    const content = asText(token["content"], `${at}.content`);
    if (content === "") refuseFile(`${at}.content`, "a text that is not empty", content);
    const isSpecial = flag("special", false);
    if (flag("single_word", false) && !isSpecial) refuseStep(`${at}.single_word`, true);
    return {
      id: asId(token["id"], `${at}.id`),
      content,
      isSpecial,
      isNormalized: flag("normalized", !isSpecial),
      strips: { start: flag("lstrip", false), end: flag("rstrip", false) },
    };
  });
}

/** A stretch of text, or a token that was found in it. */
export type Section = string | AddedToken;

/** Cuts a text at added tokens, the longest first where several begin. */
export type SectionFinder = (text: string) => Section[];

const space = new RegExp(`[${unicodeSpaces}]`, "u");

function trimAround(sections: readonly Section[]): Section[] {
  return sections.map((section, index) => {
    if (typeof section !== "string") return section;
    const [before, behind] = [sections[index - 1], sections[index + 1]];
    return strip(section, space, {
      start: typeof before === "object" && before.strips.end,
      end: typeof behind === "object" && behind.strips.start,
    });
  });
}

/** A finder of the given tokens; `normalize` is applied to their texts too. */
export function sectionFinder(tokens: readonly AddedToken[], normalize: TextStep): SectionFinder {
  if (tokens.length === 0) return (text) => [text];
  const trie = createTrie(tokens.map(({ content }, index) => [normalize(content), index]));
  return (text) => {
    const sections: Section[] = [];
    let begun = 0;
    for (let index = 0; index < text.length;) {
      const { value, end } = longestAt(trie, text, index);
      if (value < 0) {
        index++;
        continue;
      }
      if (index > begun) sections.push(text.slice(begun, index));
      sections.push(tokens[value]!);
      index = begun = end;
    }
    if (begun < text.length) sections.push(text.slice(begun));
    return trimAround(sections);
  };
}
