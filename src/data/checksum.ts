import { FormatError } from "../errors/index.ts";
import type { Tensor } from "../linalg/index.ts";
import { encodeSafetensors, type Safetensors } from "../networks/safetensors.ts";

/** A model's file: its header in the metadata, and what tells whether anything was altered since. */
export function sealed(tensors: ReadonlyMap<string, Tensor>, header: string): Uint8Array {
  return encodeSafetensors(tensors, { funspace: header, "funspace.checksum": checksum(header, tensors) });
}

/** Throws FormatError for a file whose contents are not those it was sealed with; one without a seal passes. */
export function expectSealed({ tensors, metadata }: Safetensors): void {
  const stated = metadata["funspace.checksum"];
  const found = checksum(metadata.funspace ?? "", tensors);
  if (stated !== undefined && stated !== found) {
    throw new FormatError(
      `its checksum is ${found}, where the file states ${stated}: it was altered or damaged; copy or write it again`,
    );
  }
}

/**
 * A number that almost surely changes when a model file's header or numbers do: 32-bit FNV-1a (Fowler, Noll & Vo) of
 * the header and of each tensor's name, shape and bytes, in the order of the names; as eight hexadecimal digits.
 */
export function checksum(header: string, tensors: ReadonlyMap<string, Tensor>): string {
  const encoder = new TextEncoder();
  let hash = absorb(0x811c9dc5, encoder.encode(header));
  for (const [name, { shape, data }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash = absorb(hash, encoder.encode(`${name} ${shape.join(" ")}`));
    hash = absorb(hash, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

function absorb(start: number, bytes: Uint8Array): number {
  let hash = start;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash;
}
