import type { Floats } from "../engine/index.ts";
import { floats, joinTensors, type Matrix, type Tensor } from "../linalg/index.ts";
import type { Network, TangentSide } from "../networks/index.ts";
import { numbersAPoint, pointBlocks, pointsAtOnce, pointsKept } from "./point-blocks.ts";
import type { Span } from "./selection.ts";
import { type TangentSite, tangentSites } from "./sites.ts";
import { type ContractedLayer, writtenGradients, writtenSide } from "./written-gradients.ts";

/** What becomes of the outputs: see TangentKernelOptions. */
export type TangentOutputs = "full" | "trace" | "independent";

/** How a tangent kernel's shares are contracted: what is kept of each layer, and of how many points at once. */
export interface Contraction {
  readonly net: Network;
  readonly spans: readonly Span[];
  readonly outputs: TangentOutputs;
  /** Whether a span's gradients are written out as they come, or its tape and cotangents are kept. */
  readonly written: readonly boolean[];
  /** Numbers a point: in a pass, and kept of it. */
  readonly numbers: { readonly passing: number; readonly kept: number };
  /** Points that pass through the network together. */
  readonly pass: number;
  /** Points whose gradients or tapes and cotangents are held at once, on each side. */
  readonly block: number;
}

// Numbers of the points that pass at once: memory that is used again, as page after fresh page takes longer than sums.
const passNumbers = 8_000_000;

/**
 * The plan for a network: gradients are written out where they take about as little room as what they are made of (as those
 * of a convolution on large images do); their products are then also fewer than those over pairs of positions.
 */
export function contraction(net: Network, spans: readonly Span[], outputs: TangentOutputs): Contraction {
  const moving = spans.map(({ index }) => index);
  const { passing, kept } = numbersAPoint(net, net.outputs, moving);
  const written = spans.map(({ size }, l) => net.outputs * size <= 2 * kept[l]!);
  const parts = spans.map(({ size }, l) => (written[l] ? net.outputs * size : kept[l]!));
  const numbers = { passing, kept: parts.reduce((a, b) => a + b, 0) };
  const joined = spans.every(({ index }, l) => written[l] || net.layers[index]!.joinTapes);
  const block = joined ? pointsKept(numbers.kept) : pointsAtOnce(net, net.outputs, moving);
  const pass = joined ? Math.min(block, Math.max(1, Math.floor(passNumbers / passing))) : block;
  return { net, spans, outputs, written, numbers, pass, block };
}

/** A layer with its sides: one, or one for each independent output. */
export interface ContractionSide {
  readonly layer: ContractedLayer;
  readonly sides: readonly TangentSide<unknown>[];
}

/** What is kept of a batch of points, layer by layer; they pass through the network a few at a time. */
export function sidesOf(c: Contraction, x: Matrix): readonly ContractionSide[] {
  const held = c.spans.map(({ size }, l) => (c.written[l] ? holdGradients(c, size, x.rows) : holdSides(c)));
  const passes = x.rows > 0 ? pointBlocks(x, c.pass) : [{ points: x }];
  for (const { points } of passes) {
    tangentSites(c.net, points, c.spans, c.outputs === "trace").forEach((site, l) => {
      held[l]!.add(site);
    });
  }
  return held.map(({ side }) => side());
}

/** Takes a layer's sites pass by pass. */
interface Held {
  add(site: TangentSite): void;
  side(): ContractionSide;
}

function holdGradients({ net, outputs, pass }: Contraction, size: number, n: number): Held {
  const parts: Floats[] = [];
  let perPoint = 1;
  return {
    add({ layer, side }) {
      perPoint = side.cotangents.length;
      if (layer.unorderedGradients) {
        // In an order of their own: products of gradients with each other do not tell.
        parts.push(layer.unorderedGradients(side).data);
        return;
      }
      const rows = side.cotangents[0]!.shape[0]! * perPoint;
      const data = floats(net.precision, rows * size);
      layer.writeJacobian!(side, { rows, cols: size, data }, 0);
      parts.push(data);
    },
    side() {
      const written = (rowsAPoint: number, cols: number, offset = 0, stride = cols) =>
        writtenSide({ parts, rowsPerPart: pass * rowsAPoint, rows: n * rowsAPoint, cols, offset, stride });
      const sides = {
        full: () => [written(perPoint, size)],
        trace: () => [written(1, perPoint * size)],
        independent: () =>
          Array.from({ length: perPoint }, (_, p) => written(1, size, p * size, perPoint * size)),
      }[outputs]();
      return { layer: writtenGradients, sides };
    },
  };
}

function holdSides({ outputs }: Contraction): Held {
  let layer: TangentSite["layer"] | undefined;
  const tapes: unknown[] = [];
  const cotangents: Tensor[][] = [];
  return {
    add(site) {
      layer = site.layer;
      tapes.push(site.side.tape);
      site.side.cotangents.forEach((dy, p) => {
        cotangents[p] ??= [];
        cotangents[p].push(dy);
      });
    },
    side() {
      const tape = tapes.length === 1 ? tapes[0] : layer!.joinTapes!(tapes.splice(0));
      // Lists are emptied one by one: what was joined need not be held twice.
      const joined = cotangents.map((batches) => joinTensors(batches.splice(0)));
      const apart = outputs === "independent";
      const sides = apart ? joined.map((dy) => ({ tape, cotangents: [dy] })) : [{ tape, cotangents: joined }];
      return { layer: layer!, sides };
    },
  };
}
