/**
 * Every error that funspace throws on purpose is a `FunspaceError`: it has a `code` a program can switch on
 * and a message that says what was expected, what came, where, and what to do.
 */
export type ErrorCode =
  | "shape"
  | "data"
  | "not-positive-definite"
  | "non-finite"
  | "not-converged"
  | "format"
  | "usage";

export class FunspaceError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** An array, matrix or network of the wrong size. */
export class ShapeError extends FunspaceError {
  constructor(message: string, options?: ErrorOptions) {
    super("shape", message, options);
  }
}

/** A table that cannot be used: says the file, row and column where it can. Rows count from 1, the header is row 1. */
export class DataError extends FunspaceError {
  readonly row: number | undefined;
  readonly column: string | undefined;
  constructor(message: string, where: { row?: number; column?: string } = {}, options?: ErrorOptions) {
    super("data", message, options);
    this.row = where.row;
    this.column = where.column;
  }
}

/** A matrix that should be a covariance is not: the pivot that failed (from 0) and the largest jitter tried. */
export class NotPositiveDefiniteError extends FunspaceError {
  readonly pivot: number;
  readonly jitterTried: number;
  constructor(message: string, where: { pivot: number; jitterTried: number }, options?: ErrorOptions) {
    super("not-positive-definite", message, options);
    this.pivot = where.pivot;
    this.jitterTried = where.jitterTried;
  }
}

/** NaN or infinity where numbers were expected, on the way in or out of a computation. */
export class NonFiniteError extends FunspaceError {
  constructor(message: string, options?: ErrorOptions) {
    super("non-finite", message, options);
  }
}

/** An iteration that ended before its tolerance was met. */
export class NotConvergedError extends FunspaceError {
  constructor(message: string, options?: ErrorOptions) {
    super("not-converged", message, options);
  }
}

/** A file that is not what its format promises; `offset` in bytes where known. */
export class FormatError extends FunspaceError {
  readonly offset: number | undefined;
  constructor(message: string, where: { offset?: number } = {}, options?: ErrorOptions) {
    super("format", message, options);
    this.offset = where.offset;
  }
}

/** An option or argument outside what the call accepts. */
export class UsageError extends FunspaceError {
  constructor(message: string, options?: ErrorOptions) {
    super("usage", message, options);
  }
}
