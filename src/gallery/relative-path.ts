// The commands of polylines and polygons, and how many numbers each takes.
const counts: Readonly<Record<string, number>> = { M: 2, L: 2, H: 1, V: 1, Z: 0 };

/**
 * The same polylines and polygons in relative coordinates, about half as long: neighbouring points are near. Steps are
 * between positions in whole tenths of a pixel, so that rounding does not add up. A path with curves or arcs comes
 * back as it is. (SVG 1.1, section 8.3.)
 */
export function relativePath(data: string): string {
  let [out, last] = ["", ""];
  let [x, y, startX, startY] = [0, 0, 0, 0];
  for (const command of data.match(/[A-Za-z][^A-Za-z]*/g) ?? []) {
    const name = command[0]!;
    const to = (command.match(/-?[\d.]+(?:e[-+]?\d+)?/g) ?? []).map((v) => Math.round(10 * Number(v)));
    if (counts[name] !== to.length) return data;
    const [fromX, fromY] = [x, y];
    if (name === "Z") [x, y] = [startX, startY];
    else if (name === "V") y = to[0]!;
    else {
      x = to[0]!;
      if (name !== "H") y = to[1]!;
    }
    if (name === "M") [startX, startY] = [x, y];
    const steps = [
      ...(name === "V" || name === "Z" ? [] : [x - fromX]),
      ...(name === "H" || name === "Z" ? [] : [y - fromY]),
    ];
    // The first move, from (0, 0), is the same in both; a letter that repeats may be left out, but for another move.
    const letter = out === "" || name === "Z" ? name : name.toLowerCase();
    const repeats = letter === last && letter !== "m";
    out += repeats ? "" : letter;
    steps.forEach((step, i) => {
      const digits = String(step / 10).replace(/^(-?)0\./, "$1.");
      out += (i === 0 && !repeats) || digits.startsWith("-") ? digits : ` ${digits}`;
    });
    last = letter;
  }
  return out;
}
