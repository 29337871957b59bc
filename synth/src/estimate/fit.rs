// SPDX-License-Identifier: MIT OR Apache-2.0
//! Least squares with coefficients that are not negative.

use sepstream_hdl::rtl::Cost;

use super::tally::Tally;
use super::{FamilyCoefficients, Weights};
use crate::Cells;

/// The units of a design: before synthesis, and mapped.
pub(super) type Design = Vec<(Tally, Cells)>;

const KINDS: usize = Cost::NAMES.len();
/// Rounds of the descent: it has long ended by then.
const ROUNDS: usize = 20_000;
/// How much more the sum of a design counts than one of its units.
const WHOLE: f64 = 2.0;

/// An equation: the bits of each kind, and the cells that they should give.
struct Row {
    bits: [f64; KINDS],
    cells: f64,
}

/// The coefficients of a family.
pub(super) fn family(designs: &[Design]) -> FamilyCoefficients {
    FamilyCoefficients {
        luts: fit(designs, |tally, cells| {
            f64::from(cells.sites()) - f64::from(tally.blocks.luts)
        }),
        flip_flops: fit(designs, |_, cells| f64::from(cells.flip_flops)),
    }
}

/// Fits what `wanted` says of the units. Equations are scaled by the size of their designs, so that shares count.
fn fit(designs: &[Design], wanted: impl Fn(&Tally, &Cells) -> f64) -> Weights {
    let mut rows = Vec::new();
    for design in designs {
        let units: Vec<Row> = design
            .iter()
            .map(|(tally, cells)| Row {
                bits: tally.operators.values().map(|bits| bits as f64),
                cells: wanted(tally, cells),
            })
            .collect();
        let mut sum = Row {
            bits: [0.0; KINDS],
            cells: 0.0,
        };
        for unit in &units {
            sum.cells += unit.cells;
            sum.bits
                .iter_mut()
                .zip(unit.bits)
                .for_each(|(s, b)| *s += b);
        }
        let size = sum.cells.max(1.0);
        rows.extend(units.into_iter().map(|unit| unit.times(1.0 / size)));
        rows.push(sum.times(WHOLE / size));
    }
    let solution = solve(&rows);
    let named = Cost::NAMES.into_iter().map(String::from).zip(solution);
    // three digits are more than the fit is worth
    named
        .map(|(name, x)| (name, (x * 1000.0).round() / 1000.0))
        .collect()
}

impl Row {
    fn times(self, factor: f64) -> Row {
        Row {
            bits: self.bits.map(|bits| bits * factor),
            cells: self.cells * factor,
        }
    }
}

/// Coordinate descent on the normal equations.
fn solve(rows: &[Row]) -> [f64; KINDS] {
    let mut products = [[0.0; KINDS]; KINDS];
    let mut wanted = [0.0; KINDS];
    for row in rows {
        for i in 0..KINDS {
            wanted[i] += row.bits[i] * row.cells;
            let others = products[i].iter_mut().zip(row.bits);
            others.for_each(|(product, bits)| *product += row.bits[i] * bits);
        }
    }
    let mut x = [0.0; KINDS];
    for _ in 0..ROUNDS {
        for i in 0..KINDS {
            if products[i][i] == 0.0 {
                continue;
            }
            let others: f64 = (0..KINDS)
                .filter(|j| *j != i)
                .map(|j| products[i][j] * x[j])
                .sum();
            x[i] = ((wanted[i] - others) / products[i][i]).max(0.0);
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exact_is_found_and_nothing_is_negative() {
        let row = |sums: f64, logic: f64, cells| {
            let mut bits = [0.0; KINDS];
            (bits[1], bits[4]) = (sums, logic);
            Row { bits, cells }
        };
        let x = solve(&[row(1.0, 2.0, 5.0), row(3.0, 1.0, 5.0), row(4.0, 3.0, 10.0)]);
        assert!(
            (x[1] - 1.0).abs() < 1e-9 && (x[4] - 2.0).abs() < 1e-9,
            "{x:?}"
        );
        let x = solve(&[row(1.0, 0.0, 5.0), row(1.0, 1.0, 3.0)]);
        assert!((x[1] - 4.0).abs() < 1e-9 && x[4] == 0.0, "{x:?}");
    }
}
