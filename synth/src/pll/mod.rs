// SPDX-License-Identifier: MIT OR Apache-2.0
//! Phase-locked loops: dividers for a wanted frequency, and the primitive with them.

mod ecp5;
mod ice40;

use std::fmt;

use crate::Family;

/// A wanted frequency may be missed by this share of it: what crystals and the UART's own divisor add stays below what a UART bears.
const TOLERANCE: f64 = 0.005;

/// How the clock of the board becomes that of the accelerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocking {
    /// It is the board's own.
    Direct,
    /// EHXPLLL.
    Ecp5(ecp5::Dividers),
    /// SB_PLL40_PAD, or SB_PLL40_CORE.
    Ice40(ice40::Dividers),
}

/// A solved clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    /// How it is made.
    pub clocking: Clocking,
    /// Hertz, rounded.
    pub hz: u32,
}

/// No dividers give the wanted frequency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impossible {
    /// Wanted, in hertz.
    pub wanted: u32,
    /// Of the board, in hertz.
    pub from: u32,
    /// The nearest that is possible, in hertz.
    pub nearest: u32,
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no dividers of the PLL make {} MHz of the board's {} MHz; the nearest is {} MHz",
            Mhz(self.wanted),
            Mhz(self.from),
            Mhz(self.nearest)
        )
    }
}

/// Hertz as MHz, with as many digits as it takes.
pub struct Mhz(pub u32);

impl fmt::Display for Mhz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 1e6)
    }
}

/// Dividers for `wanted` hertz from the `from` hertz of the board.
///
/// # Errors
/// When every frequency that can be made is further off than half a per cent.
pub fn solve(family: Family, from: u32, wanted: u32) -> Result<Clock, Impossible> {
    if wanted == from {
        return Ok(Clock {
            clocking: Clocking::Direct,
            hz: from,
        });
    }
    let best = match family {
        Family::Ecp5 => nearest(ecp5::all(from), wanted, Clocking::Ecp5),
        Family::Ice40 => nearest(ice40::all(from), wanted, Clocking::Ice40),
    };
    let impossible = |nearest| Impossible {
        wanted,
        from,
        nearest,
    };
    let best = best.ok_or(impossible(from))?;
    if f64::from(best.hz.abs_diff(wanted)) > f64::from(wanted) * TOLERANCE {
        return Err(impossible(best.hz));
    }
    Ok(best)
}

/// The first of those that are nearest.
fn nearest<D>(
    all: impl Iterator<Item = (D, u32)>,
    wanted: u32,
    clocking: impl Fn(D) -> Clocking,
) -> Option<Clock> {
    all.min_by_key(|(_, hz)| hz.abs_diff(wanted))
        .map(|(dividers, hz)| Clock {
            clocking: clocking(dividers),
            hz,
        })
}

impl Clocking {
    /// Verilog that makes `clock` and `locked` of the port `clk`; `pad` says that this is the pin of the PLL.
    pub(crate) fn verilog(&self, from: u32, hz: u32, pad: bool) -> String {
        match self {
            Clocking::Direct => "    wire clock = clk;\n    wire locked = 1'b1;\n".into(),
            Clocking::Ecp5(dividers) => dividers.verilog(from, hz),
            Clocking::Ice40(dividers) => dividers.verilog(pad),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_clocks_are_exact() {
        let wanted = [
            (Family::Ecp5, 25, 100),
            (Family::Ecp5, 25, 110),
            (Family::Ecp5, 12, 100),
            (Family::Ecp5, 48, 150),
            (Family::Ice40, 12, 24),
            (Family::Ice40, 12, 48),
            (Family::Ice40, 12, 60),
        ];
        for (family, from, mhz) in wanted {
            let clock = solve(family, from * 1_000_000, mhz * 1_000_000).unwrap();
            assert_eq!(clock.hz, mhz * 1_000_000, "{family:?} {from} {mhz}");
        }
        let direct = solve(Family::Ice40, 12_000_000, 12_000_000).unwrap();
        assert_eq!(direct.clocking, Clocking::Direct);
    }

    #[test]
    fn the_nearest_is_told() {
        let error = solve(Family::Ice40, 12_000_000, 5_000_000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no dividers of the PLL make 5 MHz of the board's 12 MHz; the nearest is 16.125 MHz"
        );
        assert!(solve(Family::Ecp5, 25_000_000, 900_000_000).is_err());
    }
}
