// SPDX-License-Identifier: MIT OR Apache-2.0
//! The decks that designs are dealt from.

use fastrand::Rng;
use sepstream_hdl::Technology;
use sepstream_spec::config::{Multiplier, Values, WIDE_SUM};

use super::{HAND, MOST_SLICED_WORDS};
use crate::configs::{lanes_of, least_memories, paired};

const CARDS: usize = HAND as usize;

/// What is large in a design, or what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Nothing.
    Small,
    /// Many input channels at once.
    Inputs,
    /// Many output channels at once.
    Outputs,
    /// Many lanes of the depthwise engine.
    Lanes,
    /// The array and the memory of its weights: spread over the chip.
    Spread,
    /// Few cells, and one requantiser for all pixels.
    Shared,
    /// Few cells all the same.
    FewCells,
    /// Anything, as it comes.
    Any,
}

const SHAPES: [Shape; CARDS] = [
    Shape::Small,
    Shape::Inputs,
    Shape::Outputs,
    Shape::Lanes,
    Shape::Spread,
    Shape::Shared,
    Shape::FewCells,
    Shape::Any,
];

/// Designs of a hand that are to have few cells, and the others.
const FEW: usize = 2;
const MANY: usize = CARDS - FEW;

/// What multiplies in the array: a kind, and whether some channels are in LUTs beside it.
const ARRAYS: [(u32, bool); MANY] = [
    (PLAIN, false),
    (PLAIN, true),
    (LUT, false),
    (PACKED, false),
    (PACKED, false),
    (PACKED, true),
];
/// Of few cells: blocks that add their products, and what needs no more of them.
const FEW_ARRAYS: [(u32, bool); FEW] = [(PLAIN, false), (PACKED, false)];
const PLAIN: u32 = Multiplier::Plain as u32;
const LUT: u32 = Multiplier::Lut as u32;
const PACKED: u32 = Multiplier::Packed as u32;
/// What multiplies in the depthwise engine.
const ENGINES: [(u32, bool); CARDS] = [
    (PLAIN, false),
    (PLAIN, false),
    (PLAIN, false),
    (LUT, false),
    (LUT, false),
    (LUT, false),
    (PLAIN, true),
    (PLAIN, true),
];

/// Cycles of both requantisers for a sum, or [`WIDE`]: hardly two alike.
const REQUANTISERS: [(u32, u32); MANY] = [(WIDE, 1), (1, WIDE), (1, 4), (4, 1), (WIDE, 8), (8, 1)];
/// Of few cells.
const SLOW: [(u32, u32); FEW * 2] = [(4, 4), (4, 8), (8, 4), (8, 8)];
/// A requantiser for wide sums.
const WIDE: u32 = 0;
const TAPS: [u32; CARDS] = [1, 1, 3, 3, 3, 9, 9, 9];
const PIXELS: [u32; CARDS] = [2, 2, 2, 2, 3, 4, 6, 8];
/// Tables behind the array and behind the depthwise engine: as many as networks need.
const TABLES: [(u32, u32); 4] = [(0, 0), (0, 0), (2, 0), (2, 2)];
/// Of small designs: the twins of a family's blocks take minutes to build for large ones.
const FAMILIES: [Technology; 3] = Technology::ALL;
/// Of the array that is spread over the chip.
const SPREAD_FAMILIES: [Technology; 4] = [
    Technology::Generic,
    Technology::Ecp5,
    Technology::Generic,
    Technology::Ecp5,
];
/// Residual lanes, expanding layers, several pixels at once. Shared requantisers have none, none, and several.
const UNITS: [[bool; 3]; CARDS - 1] = [
    [false, false, false],
    [false, true, false],
    [false, true, true],
    [true, false, false],
    [true, false, true],
    [true, true, false],
    [true, true, true],
];

/// Products that most designs have a cycle; some have several times as many.
const PRODUCTS: u32 = 160;

/// A hand, shuffled.
struct Hand {
    rng: Rng,
    shapes: [Shape; CARDS],
    place: usize,
}

impl Hand {
    fn of(seed: u64) -> Self {
        let (mut rng, mut shapes) = (Rng::with_seed(seed / HAND), SHAPES);
        rng.shuffle(&mut shapes);
        let place = (seed % HAND) as usize;
        Hand { rng, shapes, place }
    }
    /// The place among the designs whose shape is such, where this is one of them.
    fn place_of(&self, is: impl Fn(Shape) -> bool) -> usize {
        self.shapes[..self.place].iter().filter(|s| is(**s)).count()
    }
    /// The card of a place, of a deck of its own. Every design of a hand calls for the same decks, whatever it does with the cards.
    fn card<T: Copy, const N: usize>(&mut self, mut deck: [T; N], place: usize) -> T {
        self.rng.shuffle(&mut deck);
        deck[place % N]
    }
    fn dealt<T: Copy, const N: usize>(&mut self, deck: [T; N]) -> T {
        self.card(deck, self.place)
    }
}

fn has_few_cells(shape: Shape) -> bool {
    matches!(shape, Shape::Shared | Shape::FewCells)
}

fn is_small(shape: Shape) -> bool {
    shape == Shape::Small || has_few_cells(shape)
}

/// The configuration of a seed with the least memories, and its family.
pub fn deal(seed: u64) -> (Values, Technology) {
    let mut hand = Hand::of(seed);
    let shape = hand.shapes[hand.place];
    let (few, many) = (
        hand.place_of(has_few_cells),
        hand.place_of(|shape| !has_few_cells(shape)),
    );
    let not_shared = hand.place_of(|shape| shape != Shape::Shared);
    let small = hand.place_of(is_small);
    let dealt_units = hand.card(UNITS, not_shared);
    let arrays = [hand.card(ARRAYS, many), hand.card(FEW_ARRAYS, few)];
    let requantisers = [hand.card(REQUANTISERS, many), hand.card(SLOW, few)];
    let engine = hand.dealt(ENGINES);
    let (taps, tp) = (hand.dealt(TAPS), hand.dealt(PIXELS));
    let [once, gathers, far] = [(); 3].map(|()| hand.dealt([false, true]));
    let (pw_tables, dw_tables) = hand.dealt(TABLES);
    let maxima = hand.dealt([false, true]);
    let families = [hand.card(FAMILIES, small), hand.card(SPREAD_FAMILIES, 0)];
    // commands that run ahead: as it comes, and of the spread array in every second hand
    let aheads = [
        hand.card([false, true, true], many),
        (seed / HAND).is_multiple_of(2),
    ];
    let pairs = hand.dealt([false, true]);
    let technology = match shape {
        Shape::Spread => families[1],
        _ if is_small(shape) => families[0],
        _ => Technology::Generic,
    };

    let mut rng = Rng::with_seed(seed);
    let few_cells = has_few_cells(shape);
    let ahead = match shape {
        Shape::Spread => aheads[1],
        _ => !few_cells && aheads[0],
    };
    let [residual, expands, several] = match shape {
        Shape::Shared => [false, false, true],
        _ => dealt_units,
    };
    let tp = if several { tp } else { 1 };
    let (tn, tm, lanes) = sizes(shape, tp, taps, &mut rng);
    let (lanes, pairs) = paired(lanes, pairs);
    let kind = usize::from(few_cells);
    let (array, (pw_cycles, dw_cycles)) = (arrays[kind], requantisers[kind]);
    let pw_requant = lanes_of(&mut rng, tm.min(64 / tp));
    let (pw_sum_bits, pw_requant_cycles) = requantiser(pw_cycles, &mut rng);
    let (dw_sum_bits, dw_requant_cycles) = requantiser(dw_cycles, &mut rng);
    let values = Values {
        tn,
        tm,
        tp,
        residual: if residual { pw_requant } else { 0 },
        pw_multiplier: array.0,
        pw_lut_channels: beside(array.1, tm, &mut rng),
        pw_requant,
        pw_sum_bits,
        pw_requant_cycles,
        pw_rounding: once.into(),
        pw_tables,
        lanes,
        taps,
        pairs,
        gather_rows: if gathers { taps.min(3) } else { 1 },
        dw_multiplier: engine.0,
        dw_lut_lanes: beside(engine.1, lanes, &mut rng),
        dw_requant: lanes_of(&mut rng, lanes.min(tn)),
        dw_sum_bits,
        dw_requant_cycles,
        dw_max: maxima.into(),
        dw_tables,
        activation_kib: if far { rng.u32(33..=80) } else { 1 },
        weight_kib: if shape == Shape::Spread {
            rng.u32(33..=80)
        } else {
            1
        },
        expand_words: if expands { rng.u32(1..=48) } else { 0 },
        // of few cells that take several pixels, windows over whole maps are sliced: rows of a pixel each
        map_size: if few_cells { 255 } else { 4 },
        commands_ahead: ahead.into(),
        line_words: if few_cells { MOST_SLICED_WORDS } else { 16 },
        ..least_memories()
    };
    (values, technology)
}

/// Input channels, output channels and lanes at once.
fn sizes(shape: Shape, tp: u32, taps: u32, rng: &mut Rng) -> (u32, u32, u32) {
    loop {
        let [tn, tm, lanes] = match shape {
            Shape::Shared => [rng.u32(2..=8), 1, rng.u32(1..=6)],
            Shape::FewCells => [rng.u32(2..=8), rng.u32(1..=4), rng.u32(1..=6)],
            Shape::Inputs => [rng.u32(33..=64), rng.u32(1..=8), rng.u32(1..=16)],
            Shape::Outputs => [rng.u32(1..=8), rng.u32(33..=64), rng.u32(1..=16)],
            Shape::Lanes => [rng.u32(4..=32), rng.u32(1..=16), rng.u32(17..=32)],
            Shape::Spread => [rng.u32(4..=24), rng.u32(4..=24), rng.u32(1..=12)],
            Shape::Any => [rng.u32(1..=64), rng.u32(1..=64), rng.u32(1..=32)],
            Shape::Small => [rng.u32(1..=16), rng.u32(1..=12), rng.u32(1..=12)],
        };
        let (array, all) = (tn * tm * tp, tn * tm * tp + lanes * taps);
        let most = match shape {
            Shape::Any => 4 * PRODUCTS,
            Shape::Inputs | Shape::Outputs | Shape::Lanes => 2 * PRODUCTS,
            Shape::Spread => PRODUCTS + PRODUCTS / 4,
            _ => PRODUCTS,
        };
        if all <= most && (shape != Shape::Spread || array > 128) {
            return (tn, tm, lanes);
        }
    }
}

/// Bits of a sum, and cycles for it.
fn requantiser(cycles: u32, rng: &mut Rng) -> (u32, u32) {
    match cycles {
        WIDE => (WIDE_SUM, 1),
        _ => (rng.u32(18..=24), cycles),
    }
}

/// Some of several, but not all of them, in LUTs.
fn beside(some: bool, all: u32, rng: &mut Rng) -> u32 {
    match some && all > 1 {
        true => rng.u32(1..all),
        false => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is dealt passes every rule, and each hand has its few designs of few cells and its family of each kind.
    #[test]
    fn hands_are_dealt_by_the_rules() {
        for seed in crate::seeds!(100, 400).one_by_one() {
            let hand = seed - seed % HAND;
            let dealt: Vec<_> = (hand..hand + HAND).map(deal).collect();
            let configs: Vec<_> = dealt
                .iter()
                .map(|(values, _)| values.clone().check().expect("every rule"))
                .collect();
            assert_eq!(configs.iter().filter(|c| c.saves_cells()).count(), FEW);
            assert_eq!(configs.iter().filter(|c| c.shares_requant()).count(), 1);
            for family in Technology::ALL {
                assert!(dealt.iter().any(|(_, dealt)| *dealt == family));
            }
            let most = configs.iter().map(|c| c.multipliers()).max();
            assert!(most <= Some(4 * PRODUCTS), "{most:?}");
        }
    }
}
