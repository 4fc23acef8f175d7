import { matrix } from "../linalg/index.ts";
import { normal } from "../random/index.ts";
import { columnsNeeded, perColumn, perValue } from "./columns.ts";
import type { Kernel } from "./kernel.ts";
import { type Parameters, positive, setUnset, unlessGiven } from "./parameters.ts";
import { ranges } from "./scale-of-data.ts";
import { type Placement, type StationaryOptions, stationary, stationaryParameters } from "./stationary.ts";

export interface PeriodicOptions extends StationaryOptions {
  /** In units of the inputs; one for all columns, or one a column. 1 unless given. */
  readonly period?: number | ArrayLike<number>;
}

/**
 * k = variance · exp(−2 Σ_c sin²(π (x_c − x′_c) / period_c) / lengthscale_c²): an RBF on circles (MacKay 1998;
 * Rasmussen & Williams 2006, equation 4.31). The lengthscale has no unit: 1 is about one wiggle a period.
 */
export function periodic({ period, ...options }: PeriodicOptions = {}): Kernel {
  return periodicOf({
    ...stationaryParameters(options),
    period: unlessGiven(period, new Float64Array(options.ard ?? 1).fill(1), (v) => positive("period", v)),
  });
}

function periodicOf(parameters: Parameters): Kernel {
  return stationary({
    kind: "periodic",
    parameters,
    with: periodicOf,
    map: { name: "rbf" },
    placement: circles(parameters.period!.value, parameters.lengthscale!.value),
    frequencies: (key, count, dims) => matrix(count, dims, normal(key, count * dims)),
    startAt: (x, variance) =>
      periodicOf(
        setUnset(parameters, {
          variance: () => [variance],
          // Two periods over the data: seen whole, and seen again.
          period: (count) => (count > 1 ? ranges(x) : [Math.max(...ranges(x))]).map((range) => range / 2),
        }),
      ),
  });
}

/** Column c becomes (cos, sin)(2π x_c / period_c) / lengthscale_c. */
function circles(period: Float64Array, lengthscale: Float64Array): Placement {
  const perColumns = (cols: number) => ({
    periods: perColumn("periodic", "period", period, cols),
    lengths: perColumn("periodic", "lengthscale", lengthscale, cols),
  });
  return {
    inputs: columnsNeeded(period, lengthscale),
    place(x, origin) {
      const { periods, lengths } = perColumns(x.cols);
      const out = matrix(x.rows, 2 * x.cols);
      for (let i = 0, k = 0; i < x.rows; i++) {
        for (let c = 0; c < x.cols; c++, k++) {
          const angle = (2 * Math.PI * (x.data[k]! - (origin ? origin[c]! : 0))) / periods[c]!;
          out.data[2 * k] = Math.cos(angle) / lengths[c]!;
          out.data[2 * k + 1] = Math.sin(angle) / lengths[c]!;
        }
      }
      return out;
    },
    pullback(x, placed, bar, origin) {
      const { periods, lengths } = perColumns(x.cols);
      const ofLengths = new Float64Array(x.cols);
      const ofPeriods = new Float64Array(x.cols);
      const gx = matrix(x.rows, x.cols);
      for (let i = 0, k = 0; i < x.rows; i++) {
        for (let c = 0; c < x.cols; c++, k++) {
          const re = placed.data[2 * k]!;
          const im = placed.data[2 * k + 1]!;
          const radial = bar.data[2 * k]! * re + bar.data[2 * k + 1]! * im;
          const turn = bar.data[2 * k + 1]! * re - bar.data[2 * k]! * im; // ∂/∂angle
          gx.data[k] = (2 * Math.PI * turn) / periods[c]!;
          ofLengths[c]! -= radial / lengths[c]!;
          ofPeriods[c]! -= (gx.data[k]! * (x.data[k]! - origin[c]!)) / periods[c]!;
        }
      }
      return {
        parameters: {
          lengthscale: perValue(ofLengths, lengthscale.length),
          period: perValue(ofPeriods, period.length),
        },
        x: gx,
      };
    },
  };
}
