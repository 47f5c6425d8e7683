import { expect, test } from "vitest";
import { isClipError, refuseAfterDisposal } from "./errors.ts";

const words = { what: "This model", remedy: "Open it again." };

function counted() {
  const calls: string[] = [];
  const api = {
    lanes: 3,
    run: (text: string) => {
      calls.push(text);
      return Promise.resolve(text.length);
    },
    dispose: () => void calls.push("dispose"),
  };
  return { calls, api: refuseAfterDisposal(api, words) };
}

test("before disposal nothing changes", async () => {
  const { api } = counted();
  expect(api.lanes).toBe(3);
  expect(await api.run("four")).toBe(4);
});

test("afterwards methods reject with what happened and what to do, and nothing runs", async () => {
  const { api, calls } = counted();
  api.dispose();
  const error: unknown = await api.run("x").catch((cause: unknown) => cause);
  expect(isClipError(error) && error.code).toBe("disposed");
  expect((error as Error).message).toBe("This model was disposed, which freed its memory. Open it again.");
  expect(calls).toEqual(["dispose"]);
});

test("disposing twice frees once, and waits for the same end", async () => {
  let freed = 0;
  const free = async (): Promise<void> => {
    await Promise.resolve();
    freed++;
  };
  const api = refuseAfterDisposal({ dispose: free }, words);
  await Promise.all([api.dispose(), api.dispose()]);
  expect(freed).toBe(1);
});
