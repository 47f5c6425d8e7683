// @ts-check
// The page of a side: a worker computes, as in an application; what is asked goes on to it.
const worker = new Worker(new URL("worker.mjs", import.meta.url), { type: "module" });

/** @param {Record<string, any>} request */
const ask = (request) =>
  new Promise((resolve, reject) => {
    worker.addEventListener("error", ({ message }) => reject(new Error(message)), { once: true });
    worker.addEventListener(
      "message",
      ({ data }) => (data.error === undefined ? resolve(data) : reject(new Error(data.error))),
      { once: true },
    );
    worker.postMessage(request);
  });

Object.assign(globalThis, { ask });
