// SPDX-License-Identifier: MIT OR Apache-2.0
//! A stage's arithmetic, written once for every form of [`Simd`].
//!
//! Pixels are taken in chunks that stay in the first cache: the window makes a vector of bytes of each, or finds it in the
//! map as it is; then, block of sixteen output channels by block, the dense layer takes a few pixels at a time, so that a
//! weight is loaded once for all of them.

use std::array::from_fn;

use sepstream_spec::quant::Table;

use super::simd::{LANES, Scale, Simd};
use super::stage::{Dense, Depthwise, Place, Residual, Stage, Window};

/// Pixels of a chunk.
pub const CHUNK: usize = 32;

/// Bytes behind the end of every map and vector that may be read or written as part of a whole block.
pub const SLACK: usize = 4 * LANES;

/// A stage with the maps that it reads and writes.
pub struct Job<'a> {
    /// What to do.
    pub stage: &'a Stage,
    /// The ifm, and [`SLACK`].
    pub source: &'a [u8],
    /// The map to be added, and [`SLACK`]; empty without one.
    pub residual: &'a [u8],
    /// The ofm, and [`SLACK`].
    pub out: &'a mut [u8],
    /// Vectors of a chunk's pixels, and [`SLACK`].
    pub vectors: &'a mut [u8],
}

/// Bytes of a pixel's vector, four by four.
type Vector<'a> = &'a [[u8; 4]];

/// Bytes of a depthwise tap's pixel, block by block.
type Tap<'a> = &'a [[u8; LANES]];

/// Runs a stage.
#[inline(always)]
pub fn run<S: Simd>(simd: S, job: Job<'_>) {
    let (stage, place) = (job.stage, &job.stage.place);
    let (pitch, bytes) = (stage.window.vector_bytes(), 4 * stage.dense.depth);
    let mut taps = Vec::new();
    for first in (0..place.pixels()).step_by(CHUNK) {
        let count = CHUNK.min(place.pixels() - first);
        match &stage.window {
            Window::Direct => {}
            Window::Gather { rows, run, pad } => {
                for n in 0..count {
                    let to = &mut job.vectors[n * pitch..];
                    gather(place, first + n, job.source, (*rows, *run), *pad, to);
                }
            }
            Window::Depthwise(layer) => {
                taps.clear();
                for n in 0..count {
                    locate(place, first + n, layer, job.source, &mut taps);
                }
                match layer.largest {
                    true => largest(layer, &taps, count, job.vectors),
                    false => depthwise(simd, layer, &taps, count, job.vectors),
                }
            }
        }
        let vector = |n: usize| -> Vector {
            let (from, at) = match stage.window {
                Window::Direct => {
                    let (row, byte) = place.window(first + n);
                    (job.source, row as usize * place.row_bytes + byte as usize)
                }
                _ => (&*job.vectors, n * pitch),
            };
            from[at..][..bytes].as_chunks().0
        };
        let vectors: [Vector; CHUNK] = from_fn(|n| {
            if n < count {
                vector(n)
            } else {
                Default::default()
            }
        });
        dense(
            simd,
            &stage.dense,
            &vectors[..count],
            first,
            job.residual,
            job.out,
        );
    }
}

/// Rows of a window side by side. Copies whole blocks: what is too much is overwritten later, or has no weight.
#[inline(always)]
fn gather(
    place: &Place,
    pixel: usize,
    source: &[u8],
    (rows, run): (usize, usize),
    pad: u8,
    to: &mut [u8],
) {
    let (top, left) = place.window(pixel);
    let whole = left >= 0 && left as usize + run <= place.row_bytes;
    for ky in 0..rows {
        let to = &mut to[ky * run..];
        let row = top + ky as isize;
        let in_map = row >= 0 && (row as usize) < place.in_rows;
        if in_map && whole {
            let from = &source[row as usize * place.row_bytes + left as usize..];
            match run.div_ceil(LANES) * LANES {
                LANES => to[..LANES].copy_from_slice(&from[..LANES]),
                bytes => to[..bytes].copy_from_slice(&from[..bytes]),
            }
            continue;
        }
        let to = &mut to[..run];
        to.fill(pad);
        if in_map {
            let row = &source[row as usize * place.row_bytes..][..place.row_bytes];
            let from = (left.max(0) as usize).min(row.len());
            let skip = (-left).max(0) as usize;
            let length = (row.len() - from).min(run.saturating_sub(skip));
            to[skip.min(run)..][..length].copy_from_slice(&row[from..][..length]);
        }
    }
}

/// Finds the pixels under the taps of a window.
#[inline(always)]
fn locate<'a>(
    place: &Place,
    pixel: usize,
    layer: &'a Depthwise,
    source: &'a [u8],
    found: &mut Vec<Tap<'a>>,
) {
    let (top, left) = place.window(pixel);
    let bytes = layer.blocks.len() * LANES;
    let at = |row: isize, byte: isize| row as usize * place.row_bytes + byte as usize;
    let (rows, columns) = (place.in_rows as isize, place.row_bytes as isize);
    let (last_row, last_byte) = layer.reach;
    if top >= 0 && left >= 0 && top + last_row < rows && left + last_byte < columns {
        let window = &source[at(top, left)..];
        for (row, byte) in &layer.taps {
            found.push(window[at(*row, *byte)..][..bytes].as_chunks().0);
        }
        return;
    }
    for (row, byte) in &layer.taps {
        let (row, byte) = (top + row, left + byte);
        let inside = (0..rows).contains(&row) && (0..columns).contains(&byte);
        found.push(match inside {
            true => source[at(row, byte)..][..bytes].as_chunks().0,
            false => &layer.pad,
        });
    }
}

/// A depthwise layer on the pixels under its taps; writes vectors of whole blocks.
#[inline(always)]
fn depthwise<S: Simd>(simd: S, layer: &Depthwise, taps: &[Tap], count: usize, vectors: &mut [u8]) {
    let pitch = layer.blocks.len() * LANES;
    let quads = layer.taps.len() / 4;
    for (b, block) in layer.blocks.iter().enumerate() {
        let weights = &layer.weights[b * quads..][..quads];
        let (bias, scale) = (simd.sums(&block.bias), simd.scale(&block.scale));
        for (n, taps) in taps.chunks_exact(4 * quads).take(count).enumerate() {
            let mut sums = bias;
            for (weights, taps) in weights.iter().zip(taps.as_chunks::<4>().0) {
                let bytes = simd.interleave(taps.map(|tap| &tap[b]));
                sums = simd.dot(sums, bytes, simd.weights(weights));
            }
            let mut bytes = simd.finish(simd.requant(sums, &scale), layer.range);
            look_up(&layer.table, &mut bytes);
            vectors[n * pitch + b * LANES..][..LANES].copy_from_slice(&bytes);
        }
    }
}

/// The largest bytes of the pixels under the taps of a pool; writes vectors of whole blocks.
#[inline(always)]
fn largest(layer: &Depthwise, taps: &[Tap], count: usize, vectors: &mut [u8]) {
    let pitch = layer.blocks.len() * LANES;
    let end = |end: i32| (end + layer.range.zero) as u8;
    let (low, high) = (end(layer.range.low), end(layer.range.high));
    for (n, taps) in taps.chunks_exact(layer.taps.len()).take(count).enumerate() {
        for b in 0..layer.blocks.len() {
            let most = |a: [u8; LANES], tap: &Tap| from_fn(|i| a[i].max(tap[b][i]));
            let most = taps.iter().fold([0; LANES], most);
            let mut bytes = most.map(|byte| byte.max(low).min(high));
            look_up(&layer.table, &mut bytes);
            vectors[n * pitch + b * LANES..][..LANES].copy_from_slice(&bytes);
        }
    }
}

/// The dense layer on a chunk of vectors whose first one makes pixel `first` of the ofm.
#[inline(always)]
fn dense<S: Simd>(
    simd: S,
    layer: &Dense,
    vectors: &[Vector],
    first: usize,
    residual: &[u8],
    out: &mut [u8],
) {
    for b in 0..layer.blocks.len() {
        let mut n = 0;
        while n < vectors.len() {
            let (rest, pixel) = (&vectors[n..], first + n);
            n += match rest.len() {
                8.. if S::PIXELS == 8 => tile::<S, 8>(simd, layer, b, rest, pixel, residual, out),
                4.. => tile::<S, 4>(simd, layer, b, rest, pixel, residual, out),
                _ => tile::<S, 1>(simd, layer, b, rest, pixel, residual, out),
            };
        }
    }
}

/// One block of outputs of `P` pixels; gives `P`.
#[inline(always)]
fn tile<S: Simd, const P: usize>(
    simd: S,
    layer: &Dense,
    b: usize,
    vectors: &[Vector],
    pixel: usize,
    residual: &[u8],
    out: &mut [u8],
) -> usize {
    let (block, depth) = (&layer.blocks[b], layer.depth);
    let vectors: [Vector; P] = from_fn(|p| &vectors[p][..depth]);
    let mut sums = [simd.sums(&block.bias); P];
    for (k, weights) in layer.weights[b * depth..][..depth].iter().enumerate() {
        let weights = simd.weights(weights);
        for (sums, vector) in sums.iter_mut().zip(vectors) {
            *sums = simd.dot(*sums, simd.splat(vector[k]), weights);
        }
    }
    let scale = simd.scale(&block.scale);
    let outputs = LANES.min(layer.outputs - b * LANES);
    for (p, sums) in sums.into_iter().enumerate() {
        let at = (pixel + p) * layer.outputs + b * LANES;
        let mut bytes = simd.finish(simd.requant(sums, &scale), layer.range);
        look_up(&layer.table, &mut bytes);
        if let Some(residual_layer) = &layer.residual {
            let other = residual[at..].first_chunk().unwrap_or(&[0; LANES]);
            bytes = add(simd, residual_layer, &bytes, other);
        }
        // the pixels behind a single block are written later
        if outputs == LANES || layer.blocks.len() == 1 {
            out[at..][..LANES].copy_from_slice(&bytes);
        } else {
            out[at..][..outputs].copy_from_slice(&bytes[..outputs]);
        }
    }
    P
}

/// What bytes become.
#[inline(always)]
fn look_up(table: &Option<Box<Table>>, bytes: &mut [u8; LANES]) {
    if let Some(table) = table {
        *bytes = bytes.map(|byte| table[usize::from(byte)]);
    }
}

/// The sum of two maps: `spec::quant::AddParams::eval`.
#[inline(always)]
fn add<S: Simd>(simd: S, layer: &Residual, ours: &[u8; LANES], other: &[u8; LANES]) -> [u8; LANES] {
    let scaled = |bytes, (zero, scale): &(i32, Scale)| {
        simd.requant(simd.widen(bytes, *zero), &simd.scale(scale))
    };
    let sums = simd.add(scaled(ours, &layer.ours), scaled(other, &layer.other));
    simd.finish(simd.requant(sums, &simd.scale(&layer.sum)), layer.range)
}
