import { FormatError, FunspaceError, UsageError } from "../errors/index.ts";
import { families } from "./families.ts";
import type { Kernel } from "./kernel.ts";
import { nearest } from "./nearest.ts";
import { additive, on } from "./on.ts";
import { power } from "./power.ts";
import { product } from "./product.ts";
import { scaled } from "./scaled.ts";
import { sum } from "./sum.ts";

export interface KernelTextOptions {
  /** Columns of the points: what `ard` and `additive` need to know. */
  readonly inputs?: number;
  /** Names of the columns, for `rbf[age, height]`; then `inputs` is their number. */
  readonly columns?: readonly string[];
}

/**
 * The kernel of a text such as "rbf(ard) + linear * periodic(period=12)". Kernels are named as their functions are,
 * with options in parentheses (a number, [a list of numbers], or the word `ard`); `+`, `*` and `^` with a whole
 * number combine them, `2.5 * rbf` scales one, `rbf[0, 2]` reads those columns only, `additive(rbf)` adds one for
 * each column. Throws FormatError with the place, counted from 0, of what is wrong.
 */
export function parseKernel(text: string, options: KernelTextOptions = {}): Kernel {
  const columns = options.columns;
  return new Parser(text, columns).parse(options.inputs ?? columns?.length);
}

/** Builds a kernel once the number of columns it will see is known. */
type Build = (inputs: number | undefined) => Kernel;

interface Token {
  readonly kind: "name" | "number" | "sign" | "end";
  readonly text: string;
  readonly at: number;
}

const tokenPattern =
  /\s*(?:(?<name>[A-Za-z_]\w*)|(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<sign>[-+*^()[\],=]))/y;

class Parser {
  readonly #text: string;
  readonly #columns: readonly string[] | undefined;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(text: string, columns: readonly string[] | undefined) {
    this.#text = text;
    this.#columns = columns;
    this.#tokens = this.#tokenise();
  }

  parse(inputs: number | undefined): Kernel {
    const build = this.#sum();
    const rest = this.#peek();
    if (rest.kind !== "end") {
      throw this.#error(rest.at, `expected +, *, ^ or [columns], got "${rest.text}"`);
    }
    return build(inputs);
  }

  #tokenise(): Token[] {
    const out: Token[] = [];
    let at = 0;
    while (this.#text.slice(at).trim() !== "") {
      tokenPattern.lastIndex = at;
      const match = tokenPattern.exec(this.#text);
      if (!match?.groups) {
        const place = at + this.#text.slice(at).search(/\S/);
        throw this.#error(place, `"${this.#text[place]}" has no meaning here`);
      }
      const [kind, text] = Object.entries(match.groups).find(([, found]) => found !== undefined)!;
      out.push({ kind: kind as Token["kind"], text: text!, at: tokenPattern.lastIndex - text!.length });
      at = tokenPattern.lastIndex;
    }
    out.push({ kind: "end", text: "the end", at: this.#text.length });
    return out;
  }

  #sum(): Build {
    const start = this.#peek().at;
    const terms = [this.#product()];
    while (this.#take("+")) terms.push(this.#product());
    if (terms.length === 1) return terms[0]!;
    return (inputs) => this.#located(start, () => sum(...terms.map((term) => term(inputs))));
  }

  /** Kernels and numbers between signs of multiplication; the numbers scale the product of the kernels. */
  #product(): Build {
    const start = this.#peek().at;
    const factors: Build[] = [];
    let number: number | undefined;
    do {
      if (this.#peek().kind === "number") number = (number ?? 1) * this.#number();
      else factors.push(this.#power());
    } while (this.#take("*"));
    if (factors.length === 0) {
      throw this.#error(start, "a number alone is no kernel; a constant one is constant(variance=…)");
    }
    return (inputs) => {
      const kernels = factors.map((factor) => factor(inputs));
      const kernel = kernels.length === 1 ? kernels[0]! : this.#located(start, () => product(...kernels));
      return number === undefined ? kernel : this.#located(start, () => scaled(kernel, number));
    };
  }

  #power(): Build {
    let base = this.#onColumns();
    for (let at = this.#peek().at; this.#take("^"); at = this.#peek().at) {
      const exponent = this.#number();
      const inner = base;
      base = (inputs) => this.#located(at, () => power(inner(inputs), exponent));
    }
    return base;
  }

  #onColumns(): Build {
    let base = this.#primary();
    for (let at = this.#peek().at; this.#take("["); at = this.#peek().at) {
      const columns = this.#list(() => this.#column());
      const inner = base;
      base = (inputs) => {
        const outside = columns.find((c) => inputs !== undefined && c >= inputs);
        if (outside !== undefined) {
          throw this.#error(at, `there is no column ${outside}: there are ${inputs}, counted from 0`);
        }
        return this.#located(at, () => on(inner(columns.length), columns));
      };
    }
    return base;
  }

  #primary(): Build {
    const token = this.#take();
    if (token.text === "(") {
      const inner = this.#sum();
      this.#expect(")");
      return inner;
    }
    if (token.kind !== "name") throw this.#error(token.at, `expected a kernel, got ${this.#quote(token)}`);
    if (token.text === "additive") {
      this.#expect("(");
      const inner = this.#sum();
      this.#expect(")");
      return (inputs) => {
        if (inputs === undefined) throw this.#error(token.at, "additive needs to know the number of columns");
        return this.#located(token.at, () => additive(inner(1), inputs));
      };
    }
    return this.#family(token);
  }

  #family({ text, at }: Token): Build {
    const names = Object.keys(families);
    const name = names.find((known) => known.toLowerCase() === text.toLowerCase());
    if (!name) {
      throw this.#error(
        at,
        `there is no kernel "${text}"; did you mean "${nearest(text, [...names, "additive"])}"?`,
      );
    }
    const { make, options: allowed } = families[name]!;
    const options = this.#take("(") ? this.#options(name, allowed) : [];
    return (inputs) => {
      const given = options.map(({ option, value, at: place }) => {
        if (value !== undefined) return [option, value] as const;
        if (inputs === undefined) throw this.#error(place, "ard needs to know the number of columns");
        return [option, inputs] as const;
      });
      const kernel = this.#located(at, () => make(Object.fromEntries(given)));
      if (inputs !== undefined && kernel.inputs !== undefined && kernel.inputs !== inputs) {
        throw this.#error(
          at,
          `this ${name} takes ${kernel.inputs} column(s), there are ${inputs}; choose some: ${name}[0]`,
        );
      }
      return kernel;
    };
  }

  #options(name: string, allowed: readonly string[]) {
    const out: { option: string; value: number | readonly number[] | undefined; at: number }[] = [];
    if (this.#take(")")) return out;
    do {
      const token = this.#take();
      if (token.kind !== "name") {
        throw this.#error(token.at, `expected an option of ${name}, got ${this.#quote(token)}`);
      }
      const option = allowed.find((known) => known.toLowerCase() === token.text.toLowerCase());
      if (!option) {
        throw this.#error(
          token.at,
          `${name} has no option "${token.text}"; did you mean "${nearest(token.text, allowed)}"?`,
        );
      }
      if (out.some((earlier) => earlier.option === option)) {
        throw this.#error(token.at, `"${option}" is given twice`);
      }
      const bare = option === "ard";
      if (!bare) this.#expect("=");
      out.push({ option, value: bare ? undefined : this.#value(), at: token.at });
    } while (this.#take(","));
    this.#expect(")");
    return out;
  }

  #value(): number | readonly number[] {
    return this.#take("[") ? this.#list(() => this.#number()) : this.#number();
  }

  #list<T>(item: () => T): T[] {
    const out = [item()];
    while (this.#take(",")) out.push(item());
    this.#expect("]");
    return out;
  }

  #number(): number {
    const sign = this.#take("-") ? -1 : 1;
    const token = this.#take();
    if (token.kind !== "number") throw this.#error(token.at, `expected a number, got ${this.#quote(token)}`);
    return sign * Number(token.text);
  }

  #column(): number {
    const token = this.#peek();
    if (token.kind !== "name") {
      const column = this.#number();
      if (!Number.isInteger(column))
        throw this.#error(token.at, `columns are whole numbers, got ${token.text}`);
      return column;
    }
    this.#take();
    const column = this.#columns?.indexOf(token.text) ?? -1;
    if (column < 0) {
      const known = nearest(token.text, this.#columns ?? []);
      const hint =
        known === undefined ? "columns have no names here, only numbers" : `did you mean "${known}"?`;
      throw this.#error(token.at, `there is no column "${token.text}"; ${hint}`);
    }
    return column;
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  /** The next token; or, given a sign, whether it is that sign, and past it when it is. */
  #take(): Token;
  #take(sign: string): boolean;
  #take(sign?: string): Token | boolean {
    const token = this.#peek();
    if (sign !== undefined && !(token.kind === "sign" && token.text === sign)) return false;
    if (token.kind !== "end") this.#next++;
    return sign === undefined ? token : true;
  }

  #expect(sign: string): void {
    const token = this.#peek();
    if (!this.#take(sign)) throw this.#error(token.at, `expected "${sign}", got ${this.#quote(token)}`);
  }

  #quote(token: Token): string {
    return token.kind === "end" ? token.text : `"${token.text}"`;
  }

  /** What a kernel refuses, with the place it was written at. */
  #located(at: number, make: () => Kernel): Kernel {
    try {
      return make();
    } catch (cause) {
      if (cause instanceof FormatError || !(cause instanceof FunspaceError)) throw cause;
      throw this.#error(at, cause.message, cause);
    }
  }

  #error(offset: number, what: string, cause?: unknown): FormatError {
    const marked = `${this.#text.slice(0, offset)}▸${this.#text.slice(offset)}`;
    return new FormatError(`kernel "${marked}", at ${offset}: ${what}`, { offset }, { cause });
  }
}

/**
 * The text form of a kernel; reading it gives the same kernel, to the last digit unless `digits` asks for fewer;
 * columns are written by these names where they can be read as such. Throws UsageError for kernels that have none (`after`, tangent kernels).
 */
export function formatKernel(kernel: Kernel, digits?: number, columns: readonly string[] = []): string {
  return write(kernel, { digits, columns }, 0);
}

interface Writing {
  readonly digits: number | undefined;
  readonly columns: readonly string[];
}

// How tightly + * and ^ [ ] bind: what lies looser than its surroundings needs parentheses.
const tightness: Readonly<Record<string, number>> = { sum: 0, scaled: 1, product: 1, power: 2, on: 3 };

function write(kernel: Kernel, writing: Writing, surroundings: number): string {
  const { digits, columns } = writing;
  const definition = kernel.definition;
  if (!definition) {
    throw new UsageError("this kernel has no text form: it is made of a network or another function");
  }
  const { kind, options = {}, parts = [] } = definition;
  const inner = (part: Kernel | undefined, level: number) => write(part!, writing, level);
  const number = (v: number) => String(digits === undefined ? v : Number(v.toPrecision(digits)));
  const list = (v: ArrayLike<number>) =>
    v.length === 1 ? number(v[0]!) : `[${Array.from(v, number).join(", ")}]`;
  const columnName = (c: number) => (/^[A-Za-z_]\w*$/.test(columns[c] ?? "") ? columns[c]! : String(c));
  const text = (): string => {
    switch (kind) {
      case "sum":
        return parts.map((part) => inner(part, 0)).join(" + ");
      case "product":
        return parts.map((part) => inner(part, 2)).join(" * ");
      case "scaled":
        return `${number(kernel.parameters.factor!.value[0]!)} * ${inner(parts[0], parts[0]?.definition?.kind === "product" ? 1 : 2)}`;
      case "power":
        return `${inner(parts[0], 3)}^${options.exponent}`;
      case "on":
        return `${inner(parts[0], 3)}[${(options.columns as readonly number[]).map(columnName).join(", ")}]`;
      default: {
        const written = [
          ...Object.entries(options).map(([name, value]) => `${name}=${value}`),
          ...Object.entries(kernel.parameters).map(([name, { value }]) => `${name}=${list(value)}`),
        ];
        return `${kind}(${written.join(", ")})`;
      }
    }
  };
  return (tightness[kind] ?? 4) < surroundings ? `(${text()})` : text();
}
