/**
 * Places for labels that want to stand at `wanted` (pixels, in any order) but must be `gap` apart and within
 * [least, most]: those that would touch share one block, centred on what its members want, so each moves as
 * little as its neighbours allow. Where not all fit, they are spread evenly and touch.
 */
export function apart(
  wanted: readonly number[],
  gap: number,
  least: number,
  most: number,
): readonly number[] {
  const room = wanted.length > 1 ? Math.min(gap, (most - least) / (wanted.length - 1)) : gap;
  const order = wanted.map((_, i) => i).sort((i, j) => wanted[i]! - wanted[j]! || i - j);
  const blocks: { members: number[]; first: number }[] = [];
  for (const i of order) {
    let members = [i];
    let first = firstOf(members, wanted, room, least, most);
    for (
      let above = blocks.at(-1);
      above && above.first + above.members.length * room > first;
      above = blocks.at(-1)
    ) {
      blocks.pop();
      members = [...above.members, ...members];
      first = firstOf(members, wanted, room, least, most);
    }
    blocks.push({ members, first });
  }
  const places = new Array<number>(wanted.length);
  for (const { members, first } of blocks) {
    members.forEach((i, k) => {
      places[i] = first + k * room;
    });
  }
  return places;
}

/** Where the first of a block stands so that on average all stand where they want, within bounds. */
function firstOf(
  members: readonly number[],
  wanted: readonly number[],
  gap: number,
  least: number,
  most: number,
) {
  const mean = members.reduce((sum, i, k) => sum + wanted[i]! - k * gap, 0) / members.length;
  return Math.max(least, Math.min(mean, most - (members.length - 1) * gap));
}
