// SPDX-License-Identifier: MIT OR Apache-2.0
//! SB_PLL40 of the iCE40, simple feedback: out = in / (DIVR + 1) * (DIVF + 1) / 2^DIVQ. Limits are those of Lattice's usage guide of
//! the family's PLL.

use std::ops::RangeInclusive;

const PHASE_DETECTOR: RangeInclusive<f64> = 10e6..=133e6;
const OSCILLATOR: RangeInclusive<f64> = 533e6..=1066e6;
const OUTPUT: RangeInclusive<f64> = 16e6..=275e6;

/// Dividers, as the primitive has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dividers {
    /// DIVR: of the input, less one.
    pub reference: u32,
    /// DIVF: of the feedback, less one.
    pub feedback: u32,
    /// DIVQ: of the output, as a power of two.
    pub output: u32,
    /// FILTER_RANGE, by the frequency of the phase detector.
    pub filter: u32,
}

/// All that are allowed, small input dividers first, with the frequency that they make.
pub(super) fn all(from: u32) -> impl Iterator<Item = (Dividers, u32)> {
    let from = f64::from(from);
    let parts = |reference| (0..=127).flat_map(move |f| (1..=6).map(move |q| (reference, f, q)));
    (0..=15)
        .flat_map(parts)
        .filter_map(move |(reference, feedback, output)| {
            let detector = from / f64::from(reference + 1);
            let oscillator = detector * f64::from(feedback + 1);
            let hz = oscillator / f64::from(1 << output);
            let allowed = PHASE_DETECTOR.contains(&detector)
                && OSCILLATOR.contains(&oscillator)
                && OUTPUT.contains(&hz);
            let dividers = Dividers {
                reference,
                feedback,
                output,
                filter: filter(detector),
            };
            allowed.then_some((dividers, hz.round() as u32))
        })
}

/// The range of the loop filter.
fn filter(detector: f64) -> u32 {
    const ENDS: [f64; 5] = [17e6, 26e6, 44e6, 66e6, 101e6];
    1 + ENDS.iter().filter(|end| detector >= **end).count() as u32
}

impl Dividers {
    /// The primitive; `pad` says that `clk` comes in at the PLL's own pin, which the fabric then cannot read.
    pub(super) fn verilog(&self, pad: bool) -> String {
        let (kind, input) = if pad {
            ("SB_PLL40_PAD", "PACKAGEPIN")
        } else {
            ("SB_PLL40_CORE", "REFERENCECLK")
        };
        format!(
            "    wire clock;
    wire locked;
    {kind} #(
        .FEEDBACK_PATH(\"SIMPLE\"),
        .DIVR(4'd{}),
        .DIVF(7'd{}),
        .DIVQ(3'd{}),
        .FILTER_RANGE(3'd{})
    ) pll (
        .{input}(clk),
        .PLLOUTGLOBAL(clock),
        .LOCK(locked),
        .RESETB(1'b1),
        .BYPASS(1'b0)
    );
",
            self.reference, self.feedback, self.output, self.filter
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_within_the_limits() {
        let mut count = 0;
        for (d, hz) in all(12_000_000) {
            let oscillator = 12.0 / f64::from(d.reference + 1) * f64::from(d.feedback + 1);
            assert!((533.0..=1066.0).contains(&oscillator), "{d:?}");
            assert!((f64::from(hz) - oscillator * 1e6 / f64::from(1 << d.output)).abs() < 1.0);
            count += 1;
        }
        assert!(count > 100);
        assert_eq!((filter(12e6), filter(25e6), filter(133e6)), (1, 2, 6));
    }
}
