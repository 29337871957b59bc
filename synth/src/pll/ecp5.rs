// SPDX-License-Identifier: MIT OR Apache-2.0
//! EHXPLLL of the ECP5, its feedback from the output: out = in / CLKI_DIV * CLKFB_DIV. Limits are those of the family's data sheet.

use std::ops::RangeInclusive;

use super::Mhz;

const INPUT: RangeInclusive<f64> = 8e6..=400e6;
const PHASE_DETECTOR: RangeInclusive<f64> = 3.125e6..=400e6;
const OSCILLATOR: RangeInclusive<f64> = 400e6..=800e6;
const OUTPUT: RangeInclusive<f64> = 3.125e6..=400e6;
const DIVIDERS: RangeInclusive<u32> = 1..=128;

/// Dividers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dividers {
    /// Of the input, CLKI_DIV.
    pub input: u32,
    /// Of the feedback, CLKFB_DIV.
    pub feedback: u32,
    /// From oscillator to output, CLKOP_DIV.
    pub output: u32,
}

/// All that are allowed, small input dividers first, with the frequency that they make.
pub(super) fn all(from: u32) -> impl Iterator<Item = (Dividers, u32)> {
    let from = f64::from(from);
    DIVIDERS
        .filter(move |input| {
            INPUT.contains(&from) && PHASE_DETECTOR.contains(&(from / f64::from(*input)))
        })
        .flat_map(move |input| DIVIDERS.map(move |feedback| (input, feedback)))
        .filter_map(move |(input, feedback)| {
            let hz = from / f64::from(input) * f64::from(feedback);
            let output = oscillator_divider(hz)?;
            let dividers = Dividers {
                input,
                feedback,
                output,
            };
            OUTPUT
                .contains(&hz)
                .then_some((dividers, hz.round() as u32))
        })
}

/// The one that puts the oscillator next to the middle of its range.
fn oscillator_divider(hz: f64) -> Option<u32> {
    let middle = (OSCILLATOR.start() + OSCILLATOR.end()) / 2.0;
    let off = |divider: &u32| (hz * f64::from(*divider) - middle).abs();
    DIVIDERS
        .filter(|divider| OSCILLATOR.contains(&(hz * f64::from(*divider))))
        .min_by(|a, b| off(a).total_cmp(&off(b)))
}

impl Dividers {
    /// The primitive; the attributes are what ecppack's tools set for the loop filter.
    pub(super) fn verilog(&self, from: u32, hz: u32) -> String {
        let Dividers {
            input,
            feedback,
            output,
        } = self;
        format!(
            "    wire clock;
    wire locked;
    (* FREQUENCY_PIN_CLKI = \"{from}\", FREQUENCY_PIN_CLKOP = \"{to}\", ICP_CURRENT = \"12\", LPF_RESISTOR = \"8\",
       MFG_ENABLE_FILTEROPAMP = \"1\", MFG_GMCREF_SEL = \"2\" *)
    EHXPLLL #(
        .CLKI_DIV({input}),
        .CLKFB_DIV({feedback}),
        .CLKOP_DIV({output}),
        .CLKOP_CPHASE({phase}),
        .CLKOP_ENABLE(\"ENABLED\"),
        .FEEDBK_PATH(\"CLKOP\"),
        .OUTDIVIDER_MUXA(\"DIVA\")
    ) pll (
        .CLKI(clk),
        .CLKFB(clock),
        .CLKOP(clock),
        .LOCK(locked),
        .RST(1'b0),
        .STDBY(1'b0),
        .PHASESEL0(1'b0),
        .PHASESEL1(1'b0),
        .PHASEDIR(1'b1),
        .PHASESTEP(1'b1),
        .PHASELOADREG(1'b1),
        .PLLWAKESYNC(1'b0),
        .ENCLKOP(1'b0)
    );
",
            from = Mhz(from),
            to = Mhz(hz),
            phase = output - 1,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_within_the_limits() {
        for from in [12_000_000, 25_000_000, 48_000_000] {
            let mut count = 0;
            for (d, hz) in all(from) {
                let detector = from / d.input;
                let oscillator = u64::from(hz) * u64::from(d.output);
                assert!(detector >= 3_125_000 && d.feedback <= 128);
                assert!((399_000_000..=801_000_000).contains(&oscillator), "{d:?}");
                count += 1;
            }
            assert!(count > 50);
        }
        assert_eq!(all(1_000_000).count(), 0);
    }
}
