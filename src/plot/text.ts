/**
 * How wide text will be, so that labels can be placed without a browser to measure them: the advance widths of
 * DejaVu Sans (hmtx table of DejaVuSans.ttf 2.37) for the characters from space to tilde, in hundredths of an em.
 */
const advances = [
  32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34,
  34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63, 61, 73,
  68, 99, 69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97, 63, 61, 63,
  63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
];
/** Bold is wider by at most about this. */
const boldness = 1.12;
/** For characters not in the list: wide enough for Greek, accents, signs and arrows. */
const elsewhere = 84;

/** Width in pixels of one line of text at a font size in pixels. */
export function textWidth(text: string, size: number, weight: "normal" | "bold" = "normal"): number {
  let sum = 0;
  for (const c of text) sum += advances[c.codePointAt(0)! - 32] ?? elsewhere;
  return (sum / 100) * size * (weight === "bold" ? boldness : 1);
}

/** The text in lines no wider than `width` pixels, broken at spaces; a longer word is cut short. */
export function wrap(
  text: string,
  width: number,
  size: number,
  weight: "normal" | "bold" = "normal",
): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((w) => w !== "")) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word;
    if (lines.length > 0 && textWidth(longer, size, weight) <= width) lines[lines.length - 1] = longer;
    else lines.push(cut(word, width, size, weight));
  }
  return lines;
}

/** The text on one line of at most `width` pixels, cut short with an ellipsis where it is longer. */
export function cut(text: string, width: number, size: number, weight: "normal" | "bold" = "normal"): string {
  if (textWidth(text, size, weight) <= width) return text;
  const characters = [...text];
  while (characters.length > 0 && textWidth(`${characters.join("")}…`, size, weight) > width)
    characters.pop();
  return `${characters.join("").trimEnd()}…`;
}
