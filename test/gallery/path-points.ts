/** The points of a path of moves and lines, in relative or absolute coordinates. */
export function pathPoints(data: string): [number, number][] {
  const points: [number, number][] = [];
  let [x, y, startX, startY] = [0, 0, 0, 0];
  for (const [, letter, rest] of data.matchAll(/([A-Za-z])([^A-Za-z]*)/g)) {
    const numbers = [...rest!.matchAll(/-?(?:\d+\.?\d*|\.\d+)/g)].map(Number);
    const lower = letter!.toLowerCase();
    const relative = letter === lower;
    if (lower === "z") [x, y] = [startX, startY];
    for (let i = 0; i < numbers.length; i += lower === "h" || lower === "v" ? 1 : 2) {
      if (lower !== "v") x = numbers[i]! + (relative ? x : 0);
      if (lower !== "h") y = numbers[lower === "v" ? i : i + 1]! + (relative ? y : 0);
      if (lower === "m" && i === 0) [startX, startY] = [x, y];
      points.push([x, y]);
    }
  }
  return points;
}
