// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a configuration file did wrong.

use alloc::string::String;
use core::fmt;

/// One broken rule: where, what was found, what is allowed, what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Id of the rule, for searching the documentation.
    pub rule: &'static str,
    /// File and line; absent for numbers that did not come from a file.
    pub place: Option<(String, u64)>,
    /// The fact: field and value found.
    pub found: String,
    /// What the rule allows.
    pub allowed: String,
    /// What to write instead.
    pub instead: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation {
            rule,
            found,
            allowed,
            instead,
            ..
        } = self;
        write!(f, "error[{rule}]: {found}; allowed: {allowed}\n  ")?;
        if let Some((file, line)) = &self.place {
            write!(f, "--> {file}:{line}   ")?;
        }
        write!(f, "try {instead}")
    }
}

impl core::error::Error for Violation {}
