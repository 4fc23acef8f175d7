import { expect, it } from "vitest";
import { type Progress, run, runSync, type Task } from "../../src/tasks/index.ts";

function* count(total: number, closed?: () => void): Task<number> {
  try {
    for (let done = 1; done <= total; done++) yield { stage: "count", done, total };
    return total;
  } finally {
    closed?.();
  }
}

it("a task returns its result and reports its progress, driven either way", async () => {
  const seen: Progress[] = [];
  expect(runSync(count(3), { onProgress: (p) => seen.push(p) })).toBe(3);
  expect(seen.map((p) => p.done)).toEqual([1, 2, 3]);
  expect(await run(count(3))).toBe(3);
});

it("an aborted task stops, throws the reason and closes what it opened", async () => {
  const controller = new AbortController();
  let closed = false;
  const work = run(
    count(1e9, () => {
      closed = true;
    }),
    {
      signal: controller.signal,
      onProgress: ({ done }) => done === 5 && controller.abort(new Error("enough")),
    },
  );
  await expect(work).rejects.toThrow("enough");
  expect(closed).toBe(true);
});
