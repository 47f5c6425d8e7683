/** Where a collection is. */
export interface CollectionPlace {
  /** Of the server: http://localhost:6333. Its port is 6333 where none is named. */
  readonly url: string;
  readonly collection: string;
  readonly apiKey?: string;
  /** Milliseconds that an answer may take; 60,000 by default. */
  readonly timeoutMs?: number;
}
