// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with a case's figures.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::cases::Case;
use crate::report::thousands;

/// Figures of one run: the fields of `simulate` in docs/json.md that are the same in every run.
pub type Figures = Map<String, Value>;

/// Fields that only a Verilator run knows.
const VERILATOR_ONLY: [&str; 3] = ["engine", "io_cycles", "interval"];

/// A whole number of the figures.
pub fn number(figures: &Figures, field: &str) -> Option<u64> {
    figures.get(field)?.as_u64()
}

/// Failures that no decision to publish other figures can excuse: different bytes, too many multipliers, too many cycles.
pub fn failures(case: &Case, now: &Figures) -> Vec<String> {
    let get = |field| number(now, field);
    let mut found = Vec::new();
    match get("mismatches") {
        Some(0) => {}
        Some(count) => found.push(format!("{} output bytes differ", thousands(count))),
        None => found.push("nothing was compared".into()),
    }
    let limits = [
        ("multipliers", case.multipliers, "allowed"),
        ("cycles", case.must_reach, "to be reached"),
    ];
    for (field, limit, what) in limits {
        if let (Some(now), Some(limit)) = (get(field), limit)
            && now > limit
        {
            let (now, limit) = (thousands(now), thousands(limit));
            found.push(format!("{now} {field}, {limit} {what}"));
        }
    }
    found
}

/// Cycles that are more than the committed ones.
pub fn worse(now: &Figures, committed: Option<&Figures>) -> Vec<String> {
    let Some(committed) = committed else {
        return vec!["no figures are committed".into()];
    };
    let fields = [("cycles", "cycles"), ("interval", "cycles between frames")];
    let worse = fields.into_iter().filter_map(|(field, what)| {
        let (now, before) = (number(now, field)?, number(committed, field)?);
        (now > before).then(|| {
            format!(
                "worse: {} {what}, {} committed",
                thousands(now),
                thousands(before)
            )
        })
    });
    worse.collect()
}

/// Committed figures that are not those of this run; what only Verilator knows counts when both runs were in Verilator.
pub fn outdated(now: &Figures, committed: Option<&Figures>) -> Vec<String> {
    let Some(committed) = committed else {
        return Vec::new();
    };
    let same_engine = now.get("engine") == committed.get("engine");
    let keys: BTreeSet<_> = now.keys().chain(committed.keys()).collect();
    let differs = keys.into_iter().filter(|key| {
        let counts = same_engine || !VERILATOR_ONLY.contains(&key.as_str());
        counts && now.get(*key) != committed.get(*key)
    });
    let fields: Vec<_> = differs.map(|key| format!("`{key}`")).collect();
    match fields[..] {
        [] => Vec::new(),
        _ => vec![format!("not as committed: {}", fields.join(", "))],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn figures(cycles: u64, mismatches: u64, engine: &str) -> Figures {
        let value = json!({
            "cycles": cycles, "interval": cycles + 2, "mismatches": mismatches, "multipliers": 152, "engine": engine,
        });
        value.as_object().unwrap().clone()
    }

    fn case() -> Case {
        let text = "{ id: x, title: t, model: m, config: c, multipliers: 152, must_reach: 1000 }";
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn limits_and_bytes() {
        assert!(failures(&case(), &figures(1000, 0, "model")).is_empty());
        assert_eq!(
            failures(&case(), &figures(1001, 7, "model")),
            ["7 output bytes differ", "1,001 cycles, 1,000 to be reached"]
        );
        let mut wide = case();
        wide.multipliers = Some(151);
        assert_eq!(
            failures(&wide, &figures(9, 0, "model")),
            ["152 multipliers, 151 allowed"]
        );
        assert_eq!(failures(&case(), &Figures::new()), ["nothing was compared"]);
    }

    #[test]
    fn more_cycles_are_worse_and_fewer_are_outdated() {
        let committed = figures(900, 0, "verilator");
        let judge = |cycles| worse(&figures(cycles, 0, "verilator"), Some(&committed));
        assert!(judge(900).is_empty() && judge(899).is_empty());
        assert_eq!(
            judge(901),
            [
                "worse: 901 cycles, 900 committed",
                "worse: 903 cycles between frames, 902 committed"
            ]
        );
        assert_eq!(worse(&committed, None), ["no figures are committed"]);
        let changed = |now: &Figures| outdated(now, Some(&committed));
        assert!(changed(&committed).is_empty());
        assert_eq!(
            changed(&figures(899, 0, "verilator")),
            ["not as committed: `cycles`, `interval`"]
        );
        // the model knows no interval
        assert_eq!(
            changed(&figures(899, 0, "model")),
            ["not as committed: `cycles`"]
        );
        assert!(changed(&figures(900, 0, "model")).is_empty());
    }
}
