// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of modules in the text: several accelerators, and modules of the user's own, can be in one design.

use crate::top;
use std::fmt;

/// What the names of all modules begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

/// A prefix that gives no names that Verilog takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the prefix `{0}` gives no Verilog names: letters, digits and `_`, a letter first, and no keyword; for instance `left_`"
)]
pub struct PrefixError(String);

impl Prefix {
    /// A prefix such as `left_`: the accelerator is then the module `left`, all others are `left_...`.
    ///
    /// # Errors
    /// When the names would be none that Verilog takes.
    pub fn new(prefix: &str) -> Result<Self, PrefixError> {
        let prefix = Prefix(prefix.into());
        match crate::rtl::name_fault(&prefix.of(top::NAME)) {
            None => Ok(prefix),
            Some(_) => Err(PrefixError(prefix.0)),
        }
    }
    /// The name in the text for that of a module of this crate. The accelerator's is the prefix without its last `_`.
    pub fn of(&self, module: &str) -> String {
        match module.strip_prefix(top::NAME) {
            Some(rest) => format!("{}{rest}", self.0.trim_end_matches('_')),
            None => format!("{self}{module}"),
        }
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Prefix("sepstream_".into())
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_is_the_prefix_alone() {
        let names = ["sepstream", "sepstream_board", "host"];
        let named = |prefix: &str| names.map(|name| Prefix::new(prefix).unwrap().of(name));
        assert_eq!(named("left_"), ["left", "left_board", "left_host"]);
        assert_eq!(named("Acc1__"), ["Acc1", "Acc1_board", "Acc1__host"]);
        assert_eq!(
            names.map(|name| Prefix::default().of(name)),
            ["sepstream", "sepstream_board", "sepstream_host"]
        );
    }

    #[test]
    fn prefixes_that_give_no_names_are_refused() {
        for prefix in ["", "_", "9x", "a b", "a-", "module", "wire_"] {
            let error = Prefix::new(prefix).unwrap_err().to_string();
            assert!(
                error.contains(&format!("the prefix `{prefix}` gives no")),
                "{error}"
            );
        }
    }
}
