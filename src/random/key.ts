import { UsageError } from "../errors/index.ts";
import { normalQuantile } from "./normal.ts";
import { threefry } from "./threefry.ts";

/**
 * A seed that can be split by name. The same key gives the same numbers on every platform; different names
 * give independent ones, so nothing drawn in one place shifts what is drawn in another.
 */
export interface Key {
  readonly high: number;
  readonly low: number;
}

/** The key of an integer seed in [0, 2⁵³). */
export function key(seed: number): Key {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new UsageError(`a seed is a whole number from 0 to 2^53 - 1, got ${seed}`);
  }
  return { high: Math.floor(seed / 2 ** 32), low: seed >>> 0 };
}

/** The key named `name` under `parent`; an index counts as a name. */
export function split(parent: Key, name: string | number): Key {
  const text = `${typeof name}:${name}`;
  const words = new Uint32Array([parent.high, parent.low]);
  // Absorb the name two characters at a time, its length last: names that are prefixes of others differ.
  for (let i = 0; i < text.length; i += 2) {
    const second = i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
    threefry(words[0]!, words[1]!, text.charCodeAt(i), second, words, 0);
  }
  threefry(words[0]!, words[1]!, text.length, 0xffffffff, words, 0);
  return { high: words[0]!, low: words[1]! };
}

/** Draws are pure: number `i` of a key is always the same, however many are asked for. */
function words(k: Key, count: number): Uint32Array {
  const out = new Uint32Array(2 * count);
  for (let i = 0; i < count; i++) threefry(k.high, k.low, i, 0, out, 2 * i);
  return out;
}

/** `count` numbers uniform on the open interval (0, 1), with 52 random bits: (m + ½) / 2⁵². */
export function uniform(k: Key, count: number): Float64Array {
  const w = words(k, count);
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    // 52 bits keep m + ½ exact, so that neither 0 nor 1 can be returned.
    out[i] = ((w[2 * i]! >>> 6) * 2 ** 26 + (w[2 * i + 1]! >>> 6) + 0.5) / 2 ** 52;
  }
  return out;
}

/** `count` standard normal numbers, by the inverse of the cumulative distribution (plain arithmetic: portable). */
export function normal(k: Key, count: number): Float64Array {
  return uniform(k, count).map(normalQuantile);
}

/** The numbers 0 … n − 1 in random order (Fisher–Yates). */
export function permutation(k: Key, n: number): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  const u = uniform(k, Math.max(0, n - 1));
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(u[i - 1]! * (i + 1));
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}
