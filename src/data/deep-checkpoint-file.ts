import type { DeepCheckpoint } from "../deep/index.ts";
import { FormatError, UsageError } from "../errors/index.ts";
import type { Tensor } from "../linalg/index.ts";
import { decodeSafetensors } from "../networks/safetensors.ts";
import { checksum, expectSealed, sealed } from "./checksum.ts";
import type { Table } from "./table.ts";

/** The metadata; every array is a tensor "group.number". */
interface CheckpointHeader {
  readonly version: 1;
  readonly kind: "deep-checkpoint";
  /** What is being fitted, and how: a fit that is asked for differently does not go on from here. */
  readonly of: string;
  readonly start: number;
  readonly step: number;
  readonly slower: number;
  readonly optimizerSteps: number;
  /** By finished start: its record but the trace. */
  readonly records: readonly Record<string, unknown>[];
  /** Arrays a group. */
  readonly counts: Readonly<Record<string, number>>;
}

/** A fit under way as a file; `of` says what is being fitted and how. */
export function encodeDeepCheckpoint(checkpoint: DeepCheckpoint, of: string): Uint8Array {
  const { start, step, slower, optimizer, finished } = checkpoint;
  const tensors = new Map<string, Tensor>();
  const counts: Record<string, number> = {};
  const put = (group: string, arrays: readonly ArrayLike<number>[]) => {
    counts[group] = arrays.length;
    arrays.forEach((array, k) => {
      tensors.set(`${group}.${k}`, { shape: [array.length], data: Float64Array.from(array) });
    });
  };
  put("arrays", checkpoint.arrays);
  put("posteriors", checkpoint.posteriors);
  put("optimizer", optimizer.arrays);
  put("trace", [checkpoint.trace]);
  finished.forEach((one, f) => {
    put(`finished${f}.arrays`, one.arrays);
    put(`finished${f}.posteriors`, one.posteriors);
    put(`finished${f}.trace`, [one.record.trace]);
  });
  const header: CheckpointHeader = {
    version: 1,
    kind: "deep-checkpoint",
    of,
    start,
    step,
    slower,
    optimizerSteps: optimizer.steps,
    records: finished.map(({ record: { trace: _, ...rest } }) => rest),
    counts,
  };
  return sealed(tensors, JSON.stringify(header));
}

/**
 * The fit under way in a file's bytes; `source` is what to call it in errors. Throws FormatError for any other file, and
 * UsageError where it is of another fit than `of`.
 */
export function decodeDeepCheckpoint(bytes: Uint8Array, of: string, source: string): DeepCheckpoint {
  const file = decodeSafetensors(bytes, source);
  let header: CheckpointHeader;
  try {
    header = JSON.parse(file.metadata.funspace ?? "{}");
  } catch (cause) {
    throw new FormatError(`${source}: its metadata are not JSON; the file was altered`, {}, { cause });
  }
  if (header.kind !== "deep-checkpoint" || header.version !== 1) {
    throw new FormatError(`${source} is no checkpoint of \`funspace deep --checkpoint\``);
  }
  expectSealed(file);
  if (header.of !== of) {
    throw new UsageError(
      `${source} is of another fit: going on takes the same table and options; it was ${header.of}, asked for is ${of}`,
    );
  }
  const take = (group: string) =>
    Array.from({ length: header.counts[group] ?? 0 }, (_, k) => {
      const tensor = file.tensors.get(`${group}.${k}`);
      if (!tensor) throw new FormatError(`${source} lacks the array ${group}.${k}; the file was altered`);
      return Float64Array.from(tensor.data);
    });
  return {
    start: header.start,
    step: header.step,
    slower: header.slower,
    arrays: take("arrays"),
    posteriors: take("posteriors"),
    optimizer: { steps: header.optimizerSteps, arrays: take("optimizer") },
    trace: Array.from(take("trace")[0] ?? []),
    finished: header.records.map((record, f) => ({
      arrays: take(`finished${f}.arrays`),
      posteriors: take(`finished${f}.posteriors`),
      record: {
        ...(record as Omit<DeepCheckpoint["finished"][number]["record"], "trace">),
        trace: Array.from(take(`finished${f}.trace`)[0] ?? []),
      },
    })),
  };
}

/** Eight hexadecimal digits that almost surely differ between tables of different columns or numbers. */
export function fingerprint({ columns, cells }: Table): string {
  return checksum(JSON.stringify([columns, cells]), new Map());
}
