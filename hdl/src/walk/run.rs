// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run: what `walk` gives `window`.

use crate::merge;
use crate::packer::bits_for;
use crate::rtl::{Expr, cat, lit};
use crate::select::choose;
use sepstream_spec::config::Config;
use sepstream_spec::isa::{address_bits, offset_bits};
use sepstream_spec::width::{map_bits, window_idle_bits};

/// Bits of what a step takes at most.
pub fn limit_bits(config: &Config) -> u32 {
    bits_for(config.values().tn)
}

/// What the steps from a byte of the map on take, all of its place in the half word: tables of a few bits.
pub struct Reach {
    /// Bytes of the first step.
    pub first: Expr,
    /// Bytes of the one behind it.
    pub second: Expr,
    /// Those of both; a bit more.
    pub both: Expr,
    /// Place of the second step in its half word.
    pub next: Expr,
    /// Place of the third.
    pub third: Expr,
}

impl Reach {
    /// Padding: of a gather command as much as the array has lanes, of a depthwise one a column pass.
    pub fn padding(config: &Config, gather: &Expr) -> Self {
        let bits = limit_bits(config);
        let step = gather.mux(&lit(config.values().tn.into(), bits), &lit(1, bits));
        let no_place = lit(0, place_bits(config));
        Reach {
            first: step.clone(),
            second: step.clone(),
            both: cat(&[step, lit(0, 1)]),
            next: no_place.clone(),
            third: no_place,
        }
    }
    /// The same where `of` is 1, else `other`; without `next`.
    pub fn or(&self, of: &Expr, other: &Reach) -> [(&'static str, Expr); 4] {
        [
            ("limit", of.mux(&self.first, &other.first)),
            ("ahead", of.mux(&self.second, &other.second)),
            ("both", of.mux(&self.both, &other.both)),
            ("third", of.mux(&self.third, &other.third)),
        ]
    }
}

/// Bits of a place in a half word.
pub fn place_bits(config: &Config) -> u32 {
    config.word_bytes().trailing_zeros() - 1
}

/// What a step takes at most from a place in a half word on: a word's bytes less the place can be read at once.
fn most(config: &Config, place: u32) -> u32 {
    (config.word_bytes() - place).min(config.values().tn)
}

/// The steps from `src` on.
pub fn reach(config: &Config, src: &Expr) -> Reach {
    let bits = place_bits(config);
    let places = 1 << bits;
    let next = |place: u32| (place + most(config, place)) % places;
    let table = |width: u32, of: &dyn Fn(u32) -> u32| {
        let values: Vec<Expr> = (0..places).map(|p| lit(of(p).into(), width)).collect();
        choose(&values, src, bits.saturating_sub(1))
    };
    let limit = limit_bits(config);
    Reach {
        first: table(limit, &|p| most(config, p)),
        second: table(limit, &|p| most(config, next(p))),
        both: table(limit + 1, &|p| most(config, p) + most(config, next(p))),
        next: table(bits, &next),
        third: table(bits, &|p| next(next(p))),
    }
}

/// Names and widths of what makes up a run, from the lowest bit up.
pub struct Run(Vec<(&'static str, u32)>);

impl Run {
    /// The runs of a configuration.
    pub fn new(config: &Config) -> Self {
        let off = offset_bits(config);
        let line = address_bits(config.values().line_words);
        let mut parts = vec![
            // the first part of a run: its length, if one step takes it, if it is bytes of the map
            ("length", off),
            ("fits", 1),
            ("in_data", 1),
            // what its first step takes at most, its second, both; where the third begins
            ("limit", limit_bits(config)),
            ("ahead", limit_bits(config)),
            ("both", limit_bits(config) + 1),
            ("third", place_bits(config)),
            // bytes of the map, and padding behind them, that follow, and if one step takes them
            ("then_data", 1),
            ("then_post", 1),
            ("data", off),
            ("data_fits", 1),
            ("post", off),
            ("post_fits", 1),
            // byte offsets: of the first request, and of the window's left edge
            ("src", off),
            ("tap", off),
            ("bank", 2),
            ("slot", line),
            ("slot_next", line),
            ("row_ok", config.row_taps()),
            // first and last of its pixel's sum, the pixel's last lane group
            ("first", 1),
            ("last", 1),
            ("group_last", 1),
            // a pixel begins; it begins a batch; its row ends
            ("begins", 1),
            ("opens", 1),
            ("row_end", 1),
            // rows that have to be filled; rows above it are not needed once its row has ended
            ("need", map_bits(config)),
            ("top_next", map_bits(config)),
            // idle cycles behind it; there are any
            ("idle", window_idle_bits(config)),
            ("idles", 1),
        ];
        if config.merges() {
            let bits = merge::run_bits(config);
            parts.extend([("run_pre", bits), ("run_data", bits)]);
        }
        Run(parts)
    }
    /// Bits of all.
    pub fn width(&self) -> u32 {
        self.0.iter().map(|(_, width)| width).sum()
    }
    /// A part of a packed run.
    pub fn part(&self, run: &Expr, name: &str) -> Expr {
        let mut low = 0;
        for (part, width) in &self.0 {
            if *part == name {
                return run.slice(low, *width);
            }
            low += width;
        }
        panic!("a run has no `{name}`")
    }
    pub(super) fn pack(&self, value: impl Fn(&str) -> Expr) -> Expr {
        let parts: Vec<Expr> = self
            .0
            .iter()
            .rev()
            .map(|(name, width)| value(name).fit(*width))
            .collect();
        cat(&parts)
    }
}
