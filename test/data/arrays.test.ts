import { describe, expect, it } from "vitest";
import { parseIdx, parseNpy, parseNpz } from "../../src/data/index.ts";
import { DataError, FormatError } from "../../src/errors/index.ts";
import { golden } from "../support/golden.ts";

// Written by numpy: test/golden/arrays.py.
const expected = golden("arrays");
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "base64"));

describe("npy", () => {
  it.each(Object.keys(expected.files))("%s: numpy's numbers", (name) => {
    const { file, shape, values } = expected.files[name];
    const array = parseNpy(bytesOf(file), name);
    expect(array.shape).toEqual(shape);
    expect(Array.from(array.data)).toEqual(values);
    expect(array.bytes).toBe(name === "npy u1" || ["fortran", "version 2", "version 3"].includes(name));
  });

  it("cut short anywhere, lengthened or of text: one clear error", () => {
    const bytes = bytesOf(expected.files.fortran.file);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseNpy(bytes.slice(0, length), "cut.npy")).toThrow(FormatError);
    }
    expect(() => parseNpy(bytes.slice(0, -1), "cut.npy")).toThrow(/cut\.npy holds 247 bytes.*cut short/);
    expect(() => parseNpy(Uint8Array.of(...bytes, 0), "long.npy")).toThrow("altered");
    expect(() => parseNpy(bytesOf(expected.text), "t.npy")).toThrow('dtype "<U3"');
  });

  it("a header that promises 2^60 numbers takes no memory", () => {
    const text = Buffer.from(bytesOf(expected.files.fortran.file)).toString("latin1");
    const changed = text
      .replace("(4, 2, 3, 5)", "(4, 2, 3, 9)")
      .replace("(4, 2, 3, 9), }  ", `(${2 ** 31}, 9), }`);
    const vast = Buffer.from(text.replace(/\(4, 2, 3, 5\), }\s{12}/, "(1152921504606846976,), }"), "latin1");
    for (const bytes of [Buffer.from(changed, "latin1"), vast]) {
      expect(() => parseNpy(new Uint8Array(bytes), "vast.npy")).toThrow(FormatError);
    }
  });

  it("whole numbers that are not held exactly are refused", () => {
    const bytes = bytesOf(expected.files["npy <i8"].file);
    new DataView(bytes.buffer).setBigInt64(bytes.length - 8, 2n ** 60n, true);
    expect(() => parseNpy(bytes, "big.npy")).toThrow(/big\.npy.*1152921504606846976/);
  });
});

describe("npz", () => {
  const { stored, deflated } = expected;

  it("finds arrays by name, or the only one, stored or deflated", () => {
    const bytes = bytesOf(stored.images.file);
    for (const name of ["images", "labels"]) {
      const array = parseNpz(bytes, "two.npz", name);
      expect(array.shape).toEqual(stored[name].shape);
      expect(Array.from(array.data)).toEqual(stored[name].values);
      expect(array.source).toBe(`two.npz:${name}`);
    }
    expect(Array.from(parseNpz(bytesOf(deflated.file), "one.npz").data)).toEqual(deflated.values);
  });

  it("says which arrays there are, and what is damaged", () => {
    const bytes = bytesOf(stored.images.file);
    expect(() => parseNpz(bytes, "two.npz")).toThrow(/2 arrays: images, labels.*two\.npz:images/);
    expect(() => parseNpz(bytes, "two.npz", "x")).toThrow(DataError);
    const packed = bytesOf(deflated.file);
    for (let length = 0; length < packed.length; length += 7) {
      expect(() => parseNpz(packed.slice(0, length), "cut.npz")).toThrow(FormatError);
    }
  });
});

describe("IDX", () => {
  const header = (type: number, ...sizes: number[]) => [
    0,
    0,
    type,
    sizes.length,
    ...sizes.flatMap((n) => [0, 0, 0, n]),
  ];

  it("reads bytes, signed numbers and floats, big-endian", () => {
    const images = parseIdx(Uint8Array.of(...header(8, 2, 3), 1, 2, 3, 4, 5, 255), "i");
    expect(images).toEqual({
      source: "i",
      shape: [2, 3],
      bytes: true,
      data: Float32Array.of(1, 2, 3, 4, 5, 255),
    });
    expect(Array.from(parseIdx(Uint8Array.of(...header(0x0b, 2), 255, 254, 1, 0), "s").data)).toEqual([
      -2, 256,
    ]);
    expect(Array.from(parseIdx(Uint8Array.of(...header(0x0d, 1), 0x3f, 0x80, 0, 0), "f").data)).toEqual([1]);
  });

  it("cut short or altered: one clear error", () => {
    const bytes = Uint8Array.of(...header(8, 2, 3), 1, 2, 3, 4, 5, 6);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseIdx(bytes.slice(0, length), "cut")).toThrow(FormatError);
    }
    expect(() => parseIdx(Uint8Array.of(...bytes, 0), "long")).toThrow("altered");
  });
});
