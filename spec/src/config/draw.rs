// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configurations by chance, for tests: whatever the rules allow can come out.

use super::{Config, FIELDS, Values};

impl Config {
    /// A configuration by chance. `uniform` gives a number from the first to the second, both included, each as likely.
    ///
    /// Ends of ranges are drawn more often than what lies between, and of that small numbers as often as large ones. One
    /// configuration in four leans to few cells, which several fields together make ([`Config::shares_requant`]).
    pub fn drawn(mut uniform: impl FnMut(u32, u32) -> u32) -> Config {
        let few_cells = uniform(0, 3) == 0;
        let mut values = Values::ZERO;
        for field in &FIELDS {
            let (least, most) = field.limit.span(&values);
            let wanted = few_cells && uniform(0, 3) > 0;
            let picked = match (field.name, uniform(0, 4)) {
                ("tm" | "residual" | "expand_words", _) if wanted => least,
                ("tp" | "requant_cycles", _) if wanted => most,
                (_, 0) => least,
                (_, 1) => most,
                // one of the numbers of so many bits
                _ => {
                    let bits = uniform(0, u32::BITS - (most - least).leading_zeros());
                    least + uniform(0, (1u32 << bits) - 1).min(most - least)
                }
            };
            *(field.slot)(&mut values) = field.limit.nearest(picked, &values);
        }
        Config(values)
    }
}
