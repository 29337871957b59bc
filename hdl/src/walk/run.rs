// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run: what `walk` gives `window`.

use crate::merge;
use crate::packer::bits_for;
use crate::rtl::{Expr, Module, cat, lit};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{address_bits, offset_bits};

/// Bits of the idle cycles behind a sum.
pub const IDLE_BITS: u32 = 9;

/// Bits of what a step takes at most.
pub fn limit_bits(config: &Config) -> u32 {
    bits_for(config.values().tn)
}

/// What a step takes at most of the map from a byte on: any `word_bytes` - (offset in the half word) bytes can be read at once.
pub fn reach(m: &mut Module, config: &Config, name: &str, src: &Expr) -> Expr {
    let (word, tn) = (config.word_bytes(), config.values().tn);
    let half = word.trailing_zeros() - 1;
    let bits = bits_for(word);
    let reach = &lit(word.into(), bits) - &src.low(half).zext(bits);
    let reach = m.wire(&format!("{name}_reach"), &reach);
    let limit = limit_bits(config);
    // with tn as the smaller, no bits of the reach are lost
    reach
        .lt(&lit(tn.into(), bits))
        .mux(&reach.low(limit), &lit(tn.into(), limit))
}

/// Names and widths of what makes up a run, from the lowest bit up.
pub struct Run(Vec<(&'static str, u32)>);

impl Run {
    /// The runs of a configuration.
    pub fn new(config: &Config) -> Self {
        let off = offset_bits(config);
        let line = address_bits(config.values().line_words);
        let mut parts = vec![
            // the first part of a run: its length, what a step takes of it at most, if it is bytes of the map
            ("length", off),
            ("limit", limit_bits(config)),
            ("in_data", 1),
            // bytes of the map, and padding behind them, that follow
            ("then_data", 1),
            ("then_post", 1),
            ("data", off),
            ("data_limit", limit_bits(config)),
            ("post", off),
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
            ("need", 16),
            ("top_next", 16),
            // idle cycles behind it; there are any
            ("idle", IDLE_BITS),
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
