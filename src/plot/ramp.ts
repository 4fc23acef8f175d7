/** Numbers as colours. */

/** From t in [0, 1] to the colour between evenly spaced stops ("#rrggbb"), mixed in sRGB. */
export function ramp(...stops: readonly string[]): (t: number) => string {
  const channels = stops.map((stop) => [1, 3, 5].map((at) => Number.parseInt(stop.slice(at, at + 2), 16)));
  return (t) => {
    const place = Math.min(1, Math.max(0, t)) * (stops.length - 1);
    const from = Math.min(stops.length - 2, Math.floor(place));
    const mixed = channels[from]!.map((v, c) => v + (place - from) * (channels[from + 1]![c]! - v));
    return `#${mixed.map((v) => Math.round(v).toString(16).padStart(2, "0")).join("")}`;
  };
}

/** From below 0 over white to above 0, for t from 0 to 1: the palette's vermillion and blue. */
export const diverging = ramp("#a84a00", "#d55e00", "#f0b488", "#ffffff", "#8fc0de", "#0072b2", "#00466e");

/** From little to much, light to dark. */
export const sequential = ramp("#f4f8fb", "#d3e5f1", "#9cc7e0", "#56a0cb", "#1f74a8", "#0b4a75", "#08304f");
