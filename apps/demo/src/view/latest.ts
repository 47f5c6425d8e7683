/**
 * Runs a task again whenever it is asked for, one run at a time: what is asked for meanwhile waits, and
 * only the last of it runs. So results never arrive in the wrong order, and none is computed in vain.
 */
export function latest(
  task: () => Promise<void>,
  onError: (error: unknown) => void,
): () => Promise<void> {
  let running: Promise<void> | undefined;
  let askedAgain = false;
  const run = async (): Promise<void> => {
    do {
      askedAgain = false;
      await task().catch(onError);
    } while (askedAgain);
    running = undefined;
  };
  return () => {
    askedAgain = running !== undefined;
    return (running ??= run());
  };
}
