// SPDX-License-Identifier: MIT OR Apache-2.0
//! Networks that go to the limits of one configuration: where a bit or a word less would show.

use fastrand::Rng;
use sepstream_spec::config::{Config, WIDE_SUM};
use sepstream_spec::graph::{
    Activation, Conv2d, DType, DepthwiseConv2d, FullyConnected, Graph, Op, Quant, Window,
};
use sepstream_spec::quant::Semantics;
use sepstream_spec::width::{MOST_WINDOW, depthwise_sum_bits, pointwise_sum_bits};

use super::suit::{Engine, Suit};
use super::weights::Weights;
use super::{Builder, ONE};

/// Products of a layer at most.
const MOST_PRODUCTS: usize = 20_000;
/// Outputs of a pixel at most.
const MOST_OUTPUTS: usize = 1_000;

/// Output channels whose sums are at steps of the output.
const AT_STEPS: usize = 24;

/// What a network goes to the limit of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The sums of an engine before their bias: as many products as the memories allow, all as large as can be.
    Accumulator(Engine),
    /// The sums with their bias that an engine's requantisers take: one end of them, or both, near the end of these bits or beyond.
    SumBits(Engine),
    /// The words of a batch that wait to be put in order.
    Order,
    /// Sums at steps of the output, some of which rounding twice and once make different outputs of.
    Rounding,
}

impl Limit {
    /// All of them.
    pub const ALL: [Limit; 6] = [
        Limit::Accumulator(Engine::Array),
        Limit::Accumulator(Engine::Window),
        Limit::SumBits(Engine::Array),
        Limit::SumBits(Engine::Window),
        Limit::Order,
        Limit::Rounding,
    ];

    /// A network by chance; `None` where the configuration has no such limit. The compiler may still refuse it.
    pub fn network(self, config: &Config, rng: &mut Rng) -> Option<Graph> {
        let suit = Suit::of(config);
        let mut builder = Builder::new(&suit, rng);
        match self {
            Limit::Accumulator(engine) => builder.full_sums(engine, config)?,
            Limit::SumBits(engine) => builder.sums_at_the_end(engine)?,
            Limit::Order => builder.full_order(config)?,
            Limit::Rounding => builder.sums_at_steps(),
        }
        Some(builder.finish())
    }
}

/// A layer with a single sum for each output channel.
struct Single {
    engine: Engine,
    /// Products of a sum: a row, or rows and columns of a window.
    kernel: (usize, usize),
    channels: usize,
}

impl Single {
    fn products(&self) -> usize {
        self.kernel.0 * self.kernel.1
    }
}

impl Builder<'_> {
    /// Sums that take all bits of an engine's accumulator.
    fn full_sums(&mut self, engine: Engine, config: &Config) -> Option<()> {
        let bits = match engine {
            Engine::Array => pointwise_sum_bits(config),
            Engine::Window => depthwise_sum_bits(config),
        };
        let sums = self.suit.sums(engine);
        // as many products as fill an accumulator of few bits, or as many as the memories have room for
        let few = sums.products < WIDE_SUM;
        let least = match few {
            true => (1usize << (bits - 2)) / (127 * 128) + 1,
            false => usize::MAX,
        };
        let kernel = match engine {
            Engine::Array => {
                let v = config.values();
                let most = ((v.pixel_words * v.tn) as usize).min(MOST_PRODUCTS);
                (1, self.rng.usize(least.min(most)..=most))
            }
            Engine::Window => self.kernel_of(least, config),
        };
        let single = Single {
            engine,
            kernel,
            channels: self.rng.usize(1..=3),
        };
        let products = single.products();
        // as large as weights can be, or as such an accumulator has room for
        let all = products * 127;
        let total = match few {
            true => all.min((1 << (bits - 1)) / 128),
            false => all,
        };
        let least = self.suit.least_weight(engine) as i8;
        let values = (0..products * single.channels).map(|at| {
            let at = at % products;
            let size = total / products + usize::from(at < total % products);
            match self.rng.bool() {
                true => size.min(127) as i8,
                // the largest product is that of -128 and -128
                false if size == 127 => least,
                false => -(size as i8),
            }
        });
        let values = values.collect();
        let reach = (total * 128) as f32;
        // clamped to few bits, sums have the output of the end
        let factor = match sums.is_wide() {
            true => 100.0 / reach,
            false => 300.0 / reach.min((1u64 << (sums.bits - 1)) as f32),
        };
        let factors = vec![factor; single.channels];
        let bias = vec![0; single.channels];
        self.single(&single, values, &factors, bias);
        Some(())
    }

    /// A kernel of so many products at least that the depthwise engine can add, or of as many as it can.
    fn kernel_of(&mut self, least: usize, config: &Config) -> (usize, usize) {
        let taps = (config.row_taps() as usize, config.column_taps() as usize);
        let most = (config.values().map_size as usize).min(60);
        let words = config.depthwise_words() as usize;
        let kernels = (0..200).map(|_| (self.rng.usize(1..=most), self.rng.usize(1..=most)));
        let fits =
            |(rows, cols): &(usize, usize)| rows.div_ceil(taps.0) * cols.div_ceil(taps.1) <= words;
        let products = |(rows, cols): &(usize, usize)| (rows * cols).min(least);
        kernels.filter(fits).max_by_key(products).unwrap_or((1, 1))
    }

    /// Sums whose ends are near those of the bits that requantisers take, or beyond.
    fn sums_at_the_end(&mut self, engine: Engine) -> Option<()> {
        let sums = self.suit.sums(engine);
        if sums.is_wide() {
            return None;
        }
        let limit = (1i64 << (sums.bits - 1)) as f32;
        // from the least to the largest sum: a part of what the lanes take, or more of it
        let reach = limit * (0.3 + 2.5 * self.rng.f32());
        let largest = self.rng.i32(30..=127);
        let products = ((reach / 64.0 / largest as f32) as usize).clamp(1, MOST_PRODUCTS);
        let kernel = match engine {
            Engine::Array => (1, products),
            Engine::Window => {
                let least = products.div_ceil(MOST_WINDOW as usize);
                let most = (products as f32).sqrt() as usize + 1;
                let rows = self.rng.usize(least..=most.max(least));
                (rows, products.div_ceil(rows))
            }
        };
        let channels = self.rng.usize(1..=2);
        let single = Single {
            engine,
            kernel,
            channels,
        };
        let products = single.products();
        let values: Vec<i8> = (0..products * channels)
            .map(|_| self.rng.i32(-largest..=largest) as i8)
            .collect();
        let (mut bias, mut factors) = (Vec::new(), Vec::new());
        for channel in values.chunks_exact(products) {
            let part = |positive: bool| -> i64 {
                let of_sign = channel.iter().filter(|w| (**w > 0) == positive);
                of_sign.map(|w| i64::from(*w).abs()).sum()
            };
            let (up, down) = (part(true), part(false));
            let (most, least) = (up * 127 + down * 128, -up * 128 - down * 127);
            // one end where the bits end, exactly or nearly; the other one falls where it may
            let near = match self.rng.u32(0..3) {
                0 => 0,
                1 => self.rng.i64(-3..=3),
                _ => (limit * (0.2 * self.rng.f32() - 0.1)) as i64,
            };
            let limit = limit as i64;
            bias.push(match self.rng.bool() {
                true => (limit - 1 + near - most) as i32,
                false => (-limit + near - least) as i32,
            });
            factors.push(128.0 * (0.2 + 2.3 * self.rng.f32()) / limit as f32);
        }
        self.single(&single, values, &factors, bias);
        Some(())
    }

    /// A layer that rounds once, whose largest sums are those in front of a step of the output, or the first ones behind it.
    fn sums_at_steps(&mut self) {
        self.graph.semantics = Semantics::LiteRt;
        let single = Single {
            engine: Engine::Array,
            kernel: (1, self.rng.usize(8..=40)),
            channels: AT_STEPS,
        };
        let bits = self.suit.sums(Engine::Array).bits.min(21) - 2;
        let largest = (1 << self.rng.u32(14..=bits)) / 128 / single.products() as i32;
        let largest = largest.clamp(1, 127);
        let own: Vec<i8> = (0..single.products())
            .map(|_| self.rng.i32(-largest..=largest) as i8)
            .collect();
        let most: i64 = own
            .iter()
            .map(|w| i64::from(*w) * if *w > 0 { 127 } else { -128 })
            .sum();
        let factor = 120.0 * (1.0 + self.rng.f32()) / most.max(1) as f32;
        let bias = (0..AT_STEPS).map(|_| {
            let step = f64::from(self.rng.i32(-100..=100)) + 0.5;
            let before = (step / f64::from(factor)).floor() as i64;
            (before + self.rng.i64(0..=1) - most) as i32
        });
        let bias = bias.collect();
        let values = own.repeat(AT_STEPS);
        self.layer_of(&single, true, values, &[factor; AT_STEPS], bias);
    }

    /// A network of one layer: weights channel after channel, output steps of a sum of each.
    fn single(&mut self, single: &Single, values: Vec<i8>, factors: &[f32], bias: Vec<i32>) {
        let dense = self.rng.bool();
        self.layer_of(single, dense, values, factors, bias);
    }

    /// The same; `dense`: of the array, FULLY_CONNECTED, which may round once, and not CONV_2D.
    fn layer_of(
        &mut self,
        single: &Single,
        dense: bool,
        values: Vec<i8>,
        factors: &[f32],
        bias: Vec<i32>,
    ) {
        let (rows, cols) = single.kernel;
        let (channels, products) = (single.channels, single.products());
        // no zero point of the input adds to the bias
        let even = |scale: f32, zero_point: i32| Quant {
            scale: vec![scale],
            zero_point: vec![zero_point],
            axis: 0,
        };
        let activation = Activation::None;
        let window = Window {
            kernel: single.kernel,
            ..ONE
        };
        let (input, output) = match single.engine {
            Engine::Array if dense => (vec![1, products], vec![1, channels]),
            Engine::Array => (vec![1, 1, 1, products], vec![1, 1, 1, channels]),
            Engine::Window => (vec![1, rows, cols, channels], vec![1, 1, 1, channels]),
        };
        let input = self.tensor(&input, DType::I8, even(0.5, 0));
        self.graph.inputs.push(input);
        let zero = self.rng.i32(-60..=60);
        let output = self.tensor(&output, DType::I8, even(0.5, zero));
        let (op, shape, values) = match single.engine {
            Engine::Array if dense => (
                Op::FullyConnected(FullyConnected { activation }),
                vec![channels, products],
                values,
            ),
            Engine::Array => (
                Op::Conv2d(Conv2d {
                    window: ONE,
                    activation,
                }),
                vec![channels, 1, 1, products],
                values,
            ),
            Engine::Window => (
                Op::DepthwiseConv2d(DepthwiseConv2d {
                    window,
                    depth_multiplier: 1,
                    activation,
                }),
                vec![1, rows, cols, channels],
                (0..values.len())
                    .map(|at| values[at % channels * products + at / channels])
                    .collect(),
            ),
        };
        let weights = Weights {
            values,
            scale: factors.to_vec(),
            bias: Some(bias),
        };
        self.layer_with(op, input, &shape, weights, output);
    }

    /// Pixels of as many outputs as two batches of them have room for.
    fn full_order(&mut self, config: &Config) -> Option<()> {
        let v = config.values();
        if v.tp == 1 || config.shares_requant() {
            return None;
        }
        let word = config.word_bytes() as usize;
        let most = (config.order_words() as usize / 2 * word).min(MOST_OUTPUTS);
        let outputs = most - self.rng.usize(0..=word - 1);
        let (rows, cols) = (self.rng.usize(1..=2), self.rng.usize(2..=4) * v.tp as usize);
        let cols = cols - self.rng.usize(0..=1);
        let channels = self.rng.usize(1..=3);
        let input = self.input_of(&[1, rows, cols, channels]);
        let op = Op::Conv2d(Conv2d {
            window: ONE,
            activation: Activation::None,
        });
        let shape = [outputs, 1, 1, channels];
        self.weighted(Engine::Array, input, op, &shape, &[1, rows, cols, outputs]);
        Some(())
    }
}
