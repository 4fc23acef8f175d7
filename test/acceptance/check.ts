/** One line of the acceptance table. */
export interface Check {
  readonly name: string;
  /** What must hold, in words: "≤ 0.396". */
  readonly threshold: string;
  /** What came. */
  readonly found: string;
  /** Undefined for a number that is reported without a threshold. */
  readonly pass: boolean | undefined;
}

export function atMost(name: string, found: number, limit: number, digits = 3): Check {
  return {
    name,
    threshold: `≤ ${limit.toFixed(digits)}`,
    found: found.toFixed(digits),
    pass: found <= limit,
  };
}

export function atLeast(name: string, found: number, limit: number, digits = 3): Check {
  return {
    name,
    threshold: `≥ ${limit.toFixed(digits)}`,
    found: found.toFixed(digits),
    pass: found >= limit,
  };
}

export function between(name: string, found: number, low: number, high: number, digits = 3): Check {
  const pass = found >= low && found <= high;
  return {
    name,
    threshold: `${low.toFixed(digits)} to ${high.toFixed(digits)}`,
    found: found.toFixed(digits),
    pass,
  };
}

export function reported(name: string, found: string): Check {
  return { name, threshold: "(reported)", found, pass: undefined };
}

/** A group of checks; a sentence instead when what it needs is not there. */
export interface Group {
  readonly title: string;
  run(): readonly Check[] | string | Promise<readonly Check[] | string>;
}
