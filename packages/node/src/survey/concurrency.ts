/** Images in the making at a time: twice as many as threads that libuv has, four unless UV_THREADPOOL_SIZE says more. */
export function usualConcurrency(): number {
  const threads = Number(process.env["UV_THREADPOOL_SIZE"] ?? 4);
  return 2 * (Number.isInteger(threads) && threads > 0 ? threads : 4);
}
