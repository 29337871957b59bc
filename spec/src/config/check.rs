// SPDX-License-Identifier: MIT OR Apache-2.0
//! From plain numbers to a checked [`Config`], with every violation at once.

use alloc::{format, string::String, vec::Vec};

use super::{Config, FIELDS, Field, Values, Violation};

impl Values {
    /// Where filling in starts; breaks every rule.
    pub(super) const ZERO: Values = Values {
        tn: 0,
        tm: 0,
        tp: 0,
        pw_multiplier: 0,
        pw_lut_channels: 0,
        pw_requant: 0,
        pw_sum_bits: 0,
        pw_requant_cycles: 0,
        pw_rounding: 0,
        pw_tables: 0,
        residual: 0,
        lanes: 0,
        taps: 0,
        pairs: 0,
        gather_rows: 0,
        dw_multiplier: 0,
        dw_lut_lanes: 0,
        dw_requant: 0,
        dw_sum_bits: 0,
        dw_requant_cycles: 0,
        dw_max: 0,
        dw_tables: 0,
        activation_kib: 0,
        weight_kib: 0,
        depthwise_kib: 0,
        pointwise_channels: 0,
        depthwise_channels: 0,
        line_words: 0,
        pixel_words: 0,
        expand_words: 0,
        commands: 0,
        map_size: 0,
        commands_ahead: 0,
    };

    /// Checks every rule; a configuration, or all violations.
    pub fn check(self) -> Result<Config, Vec<Violation>> {
        let mut checked = self.clone();
        let mut violations = Vec::new();
        for field in &FIELDS {
            let value = (field.get)(&self);
            let found = field.limit.show(value);
            if let Err(violation) = field.put(value, &found, None, &mut checked) {
                violations.push(violation);
            }
        }
        if violations.is_empty() {
            Ok(Config(checked))
        } else {
            Err(violations)
        }
    }
}

impl Config {
    /// The same with another value of a field: it and the fields that depend on it take the allowed values nearest to theirs.
    pub fn with(&self, changed: &Field, value: u32) -> Config {
        let mut values = self.values().clone();
        *(changed.slot)(&mut values) = value;
        for field in &FIELDS {
            let nearest = field.limit.nearest((field.get)(&values), &values);
            *(field.slot)(&mut values) = nearest;
        }
        Config(values)
    }
}

impl Field {
    /// Puts `value` into `values` if the rule allows it, else the nearest allowed number, so that the rules of later rows judge
    /// their own field only.
    pub(super) fn put(
        &self,
        value: u32,
        found: &str,
        place: Option<(String, u64)>,
        values: &mut Values,
    ) -> Result<(), Violation> {
        let nearest = self.limit.nearest(value, values);
        *(self.slot)(values) = nearest;
        if nearest == value {
            return Ok(());
        }
        let (section, name) = (self.section, self.name);
        Err(Violation {
            rule: self.rule,
            place,
            found: format!("{section}.{name} = {found}"),
            allowed: self.sentence_for(values),
            instead: format!("{name}: {}", self.limit.show(nearest)),
        })
    }
}
