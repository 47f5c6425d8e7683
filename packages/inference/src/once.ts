/** Something that is made when it is first asked for. */
export interface Once<Result> {
  get(): Promise<Result>;
  /** What was made or is being made; undefined before that. */
  made(): Promise<Result> | undefined;
}

/** Makes something when it is first asked for; asked again after a failure, it is tried again. */
export function once<Result>(make: () => Promise<Result>): Once<Result> {
  let made: Promise<Result> | undefined;
  return {
    get() {
      made ??= make();
      made.catch(() => (made = undefined));
      return made;
    },
    made: () => made,
  };
}
