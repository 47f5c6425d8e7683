import type { MaxSkipped, PairSource } from "@clip-ts/data";
import type { z } from "zod";
import type { Command } from "./command.ts";

/** Settings of a source, as a config's `data.train` holds them. */
export interface SourceSettings {
  readonly kind: string;
}

/** How a source is opened. */
export interface OpeningOptions {
  /** Of the run; for sources that draw what they give. */
  readonly seed: number;
  /** Pairs that may be unusable; 1 %, but never fewer than 10, by default. */
  readonly maxSkipped?: MaxSkipped | undefined;
}

/** What is said of a source in a config and on the command line, and what opens it. */
export interface SourceDefinition<Settings extends SourceSettings = SourceSettings> {
  /** The settings; `kind` is a literal among them. */
  readonly schema: z.ZodObject;
  /** Opens what the settings say, once they have passed the schema. */
  open(settings: Settings, options: OpeningOptions): Promise<PairSource>;
  /**
   * The settings that `words` stand for, where the command line names a source as `kind:words`; without it
   * configs alone do. @throws ClipError for words that mean nothing.
   */
  named?(words: string): Settings;
}

/** A kind of source that a program knows beside the trainer's own. */
export interface SourceKind {
  /** What a config's `kind` says, and what stands before the colon on the command line. */
  readonly kind: string;
  /** How help shows it on the command line, such as "emoji:fluent". */
  readonly example?: string;
  /**
   * What a record's first caption is, such as "the name", where the others do not describe the image alone:
   * `evaluate` then reads only that one, unless it is told otherwise.
   */
  readonly firstCaption?: string;
  /** Imports what it needs when it is called, so that help stays fast. */
  readonly load: () => Promise<SourceDefinition>;
}

/** What a program adds to the trainer: see the README. */
export interface Extension {
  readonly commands?: readonly Command[];
  readonly sources?: readonly SourceKind[];
}

/** Kinds whose packages we publish, for programs that lack them. */
const packages: Readonly<Record<string, string>> = { emoji: "@clip-ts/quickstart" };

/** What to do about a kind of source that this program lacks; undefined if nobody is known to bring it. */
export function whoBrings(kind: string): string | undefined {
  const name = packages[kind];
  if (name === undefined) return undefined;
  return `Sources of the kind ${kind} come with the package ${name}: run npx clip-ts, which has it.`;
}

/** Splits "emoji:fluent" into a kind and its words; undefined without a colon. */
export function splitName(name: string): readonly [kind: string, words: string] | undefined {
  const colon = name.indexOf(":");
  return colon < 0 ? undefined : [name.slice(0, colon), name.slice(colon + 1)];
}

/** The added kind that a name on the command line begins with, as in "emoji:fluent". */
export function kindNamed(name: string, sources: readonly SourceKind[]): SourceKind | undefined {
  const [prefix] = splitName(name) ?? [];
  return sources.find(({ kind }) => kind === prefix);
}
