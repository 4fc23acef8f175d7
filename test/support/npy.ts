/** An npy file as numpy writes it: f64, or unsigned bytes. */
export function npy(shape: readonly number[], data: Float64Array | Uint8Array): Uint8Array {
  const kind = data instanceof Uint8Array ? "|u1" : "<f8";
  const text = `{'descr': '${kind}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const header = Uint8Array.of(0x93, ...Buffer.from("NUMPY"), 1, 0, length & 255, length >> 8);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([header, Buffer.from(`${text.padEnd(length - 1)}\n`), bytes]);
}
