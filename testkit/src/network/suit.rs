// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a network is drawn for: what of an accelerator no larger memory changes.

use sepstream_spec::config::{Config, Multiplier, WIDE_SUM};
use sepstream_spec::width::{depthwise_sum_bits, pointwise_sum_bits};

/// What layers with weights run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The pointwise array.
    Array,
    /// The depthwise engine.
    Window,
}

/// The sums of an engine.
#[derive(Clone, Copy, Debug)]
pub struct Sums {
    /// Bits that its requantisers take of a sum with its bias.
    pub bits: u32,
    /// Bits of a sum before its bias, where not every sum that the memories allow has room.
    pub products: u32,
}

/// What networks are drawn for.
#[derive(Clone, Debug)]
pub struct Suit {
    /// The array takes no weight of -128.
    pub symmetric: bool,
    /// There are lanes that add maps.
    pub adds: bool,
    /// The array's lanes round once where a layer does.
    pub once: bool,
    /// Outputs can become functions of themselves.
    pub functions: bool,
    /// Channels of pixels of which two share the lanes of the depthwise engine; 0 if none do.
    pub pairs: usize,
    /// The window engine takes maxima.
    pub maxima: bool,
    array: Sums,
    window: Sums,
}

/// Sums of any size.
const WIDE: Sums = Sums {
    bits: WIDE_SUM,
    products: WIDE_SUM,
};

impl Suit {
    /// An accelerator that does everything but what a configuration must ask for.
    pub const ANY: Suit = Suit {
        symmetric: false,
        adds: true,
        once: true,
        functions: false,
        pairs: 0,
        maxima: false,
        array: WIDE,
        window: WIDE,
    };

    /// That of a configuration.
    pub fn of(config: &Config) -> Self {
        let v = config.values();
        let products = |bits: u32| if config.saves_cells() { bits } else { WIDE_SUM };
        Suit {
            symmetric: config.pw_multiplier() == Multiplier::Packed || config.adds_in_blocks(),
            adds: v.residual > 0,
            once: config.pw_rounds_once(),
            functions: v.pw_tables > 0,
            pairs: config.pair_bytes() as usize,
            maxima: config.takes_maxima(),
            array: Sums {
                bits: v.pw_sum_bits,
                products: products(pointwise_sum_bits(config)),
            },
            window: Sums {
                bits: v.dw_sum_bits,
                products: products(depthwise_sum_bits(config)),
            },
        }
    }

    /// The sums of an engine.
    pub fn sums(&self, engine: Engine) -> Sums {
        match engine {
            Engine::Array => self.array,
            Engine::Window => self.window,
        }
    }

    /// The smallest weight of an engine.
    pub fn least_weight(&self, engine: Engine) -> i32 {
        match engine {
            Engine::Array if self.symmetric => -127,
            _ => -128,
        }
    }
}

/// Steps of an output that a typical sum makes at least.
pub(super) const TYPICAL_STEPS: f32 = 18.0;

impl Sums {
    /// Whether any sum of 32 bits has room.
    pub fn is_wide(self) -> bool {
        self.bits == WIDE_SUM
    }

    /// The typical sum of so many products with weights up to `largest`.
    pub(super) fn typical(fan_in: usize, largest: i32) -> f32 {
        (fan_in as f32).sqrt() * 54.0 * largest as f32
    }

    /// Largest weights with which random sums of so many products mostly suit: all of them have room, or those that have none are so
    /// large that the output is at its end.
    pub(super) fn largest_weight(self, fan_in: usize) -> i32 {
        if self.is_wide() {
            return 128;
        }
        let room = |bits: u32| 2f32.powi(bits as i32 - 1);
        // half of them, times an input of 128
        let within = |bits: u32| room(bits) / (64.0 * fan_in as f32);
        let at_the_end = room(self.bits) * TYPICAL_STEPS / 300.0 / Self::typical(fan_in, 1);
        let largest = at_the_end
            .max(within(self.bits) / 1.5)
            .min(within(self.products) * 0.9);
        largest.clamp(1.0, 128.0) as i32
    }
}
