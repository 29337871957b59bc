// SPDX-License-Identifier: MIT OR Apache-2.0
//! BATCH_MATMUL.

use sepstream_spec::graph::{Activation, BatchMatmul};
use sepstream_spec::quant::{Affine, Multiplier, legacy_conv_multiplier};

use super::broadcast::Walk;
use super::dense::product;
use super::site::{Site, widen};
use super::{Error, Kernel};

struct Matmul {
    a: Affine,
    b: Affine,
    output: Affine,
    multiplier: Multiplier,
    rows: usize,
    depth: usize,
    columns: usize,
    options: BatchMatmul,
    /// Over the outer axes of the result, in matrices.
    walk: Walk<2>,
}

/// Kernel of BATCH_MATMUL.
pub(super) fn kernel(site: &Site, options: &BatchMatmul) -> Result<Box<dyn Kernel>, Error> {
    let (x, y) = (site.input(0)?, site.input(1)?);
    let (a, b, output) = (
        site.affine(x)?,
        site.affine(y)?,
        site.affine(site.output())?,
    );
    let signed = [a, b, output].iter().all(Affine::is_signed);
    site.require(signed, || "all tensors must be int8".into())?;
    let matrices = [&x.shape, &y.shape, &site.output().shape];
    let misfit = || site.unsupported(format!("{matrices:?} are no matrices that fit"));
    let [
        Some((outer_x, inner_x)),
        Some((outer_y, inner_y)),
        Some((outer, &[rows, columns])),
    ] = matrices.map(|shape| shape.split_last_chunk::<2>())
    else {
        return Err(misfit());
    };
    let turned = |&[rows, columns]: &[usize; 2], adjoint| {
        if adjoint {
            (columns, rows)
        } else {
            (rows, columns)
        }
    };
    let (rows_x, depth) = turned(inner_x, options.adj_x);
    let (depth_y, columns_y) = turned(inner_y, options.adj_y);
    site.require(
        (rows_x, columns_y) == (rows, columns) && depth == depth_y,
        || format!("{matrices:?} do not fit"),
    )?;
    let multiplier = legacy_conv_multiplier(a.scale, b.scale, output.scale);
    Ok(Box::new(Matmul {
        a,
        b,
        output,
        multiplier: multiplier.ok_or_else(|| site.scales())?,
        rows,
        depth,
        columns,
        options: *options,
        walk: Walk::new(outer, [outer_x, outer_y]).ok_or_else(misfit)?,
    }))
}

impl Kernel for Matmul {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let a = widen(operands[0], true, self.a.zero_point);
        let b = widen(operands[1], true, self.b.zero_point);
        let [step_a, step_b] = self.walk.step;
        let places = self.walk.rows.iter().flat_map(|&[start_a, start_b]| {
            (0..self.walk.length).map(move |n| (start_a + n * step_a, start_b + n * step_b))
        });
        let results = output.chunks_exact_mut(self.rows * self.columns);
        for (to, (at_a, at_b)) in results.zip(places) {
            let a = &a[at_a * self.rows * self.depth..];
            let b = &b[at_b * self.depth * self.columns..];
            self.multiply(a, b, to);
        }
    }
}

impl Matmul {
    fn multiply(&self, a: &[i16], b: &[i16], to: &mut [u8]) {
        let (low, high) = self.output.activation_range(Activation::None);
        let at_a = |row: usize, k: usize| {
            if self.options.adj_x {
                a[k * self.rows + row]
            } else {
                a[row * self.depth + k]
            }
        };
        let at_b = |k: usize, column: usize| {
            if self.options.adj_y {
                b[column * self.depth + k]
            } else {
                b[k * self.columns + column]
            }
        };
        for (n, byte) in to.iter_mut().enumerate() {
            let (row, column) = (n / self.columns, n % self.columns);
            let products = (0..self.depth).map(|k| product(at_a(row, k), at_b(k, column)));
            let sum = products.fold(0, i32::wrapping_add);
            let result = self
                .multiplier
                .apply(sum)
                .saturating_add(self.output.zero_point);
            *byte = result.clamp(low, high) as u8;
        }
    }
}
