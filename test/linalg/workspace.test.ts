import { expect, it } from "vitest";
import { borrow, giveBack } from "../../src/linalg/index.ts";

it("arrays given back are lent out again, by length, each to one borrower at a time", () => {
  const [a, b, c] = [borrow(1001), borrow(1001), borrow(1002)];
  expect(a).not.toBe(b);
  for (const array of [a, b, c]) giveBack(array);
  // Within a turn of the event loop nothing held weakly is collected.
  expect(borrow(1002)).toBe(c);
  const again = [borrow(1001), borrow(1001), borrow(1001)];
  // The same arrays, not equal ones.
  expect([a, b].map((array) => again.indexOf(array)).sort()).toEqual([0, 1]);
  expect(new Set(again).size).toBe(3);
  expect(again[2]!.length).toBe(1001);
});
