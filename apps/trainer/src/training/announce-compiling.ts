/**
 * Says that the training step is being compiled for batches of these shapes, which keeps a run waiting
 * for seconds, and how long it took.
 */
export function announceCompiling(shapes: string): () => void {
  const started = performance.now();
  const write = (text: string): void => void process.stderr.write(text);
  if (process.stderr.isTTY) write(`\rcompile a training step for ${shapes} ...`);
  return () => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const end = process.stderr.isTTY ? "" : `compile a training step for ${shapes} ...`;
    write(`${end} ${seconds} s\n`);
  };
}
