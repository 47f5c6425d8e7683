import { refusal } from "./refusals.ts";

/** Decides what is taken on. */
export interface Admission {
  /** Takes on so much and gives what ends it. @throws ClipError of status 429 if that would be too much. */
  take(amount: number): () => void;
  /** What is taken on now. */
  taken(): number;
}

/** Takes on up to so much of something, such as "inputs", at a time. `onFull` hears of every refusal. */
export function createAdmission(most: number, what: string, onFull: (what: string) => void): Admission {
  let taken = 0;
  return {
    taken: () => taken,
    take(amount) {
      if (taken + amount > most) {
        onFull(what);
        throw refusal(
          429,
          `The server is busy: it has ${taken} of at most ${most} ${what} at a time. Try again soon.`,
          {
            code: "server_busy",
            headers: { "retry-after": "1" },
          },
        );
      }
      taken += amount;
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        taken -= amount;
      };
    },
  };
}
