// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cases of `bench/cases.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The file, in the folder of the project.
pub const FILE: &str = "bench/cases.yaml";

/// All cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    /// Where peers' figures come from.
    pub sources: BTreeMap<String, String>,
    /// In the order of the table.
    pub cases: Vec<Case>,
}

/// A network on a configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Stem of its file in docs/results.
    pub id: String,
    /// Name in the table.
    pub title: String,
    /// Name of a shared model, or a file.
    model: String,
    /// Golden results, as the model a file or a name; the model's own name where not given.
    golden: Option<String>,
    /// Configuration file.
    pub config: String,
    /// 8x8 products per cycle that the configuration may have.
    pub multipliers: Option<u64>,
    /// Cycles of a frame that must be reached.
    pub must_reach: Option<u64>,
    /// Cycles that would be better still.
    pub stretch: Option<u64>,
    /// What others need.
    #[serde(default)]
    pub peers: Vec<Peer>,
}

/// Another accelerator on the same network.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// Its cycles of a frame.
    pub cycles: u64,
    /// Its 8x8 products per cycle.
    pub multipliers: Option<u64>,
    /// Its DSP blocks.
    pub dsps: Option<u64>,
    /// Key in [`Cases::sources`].
    pub source: String,
}

impl Cases {
    /// Reads the cases.
    pub fn load() -> Result<Self, Error> {
        let text = std::fs::read_to_string(FILE).map_err(|cause| {
            Error::Input(format!(
                "{FILE}: {cause}; run `sepstream bench` in the folder of the project"
            ))
        })?;
        Cases::parse(&text)
    }

    /// A line for each source: whose figures it gives, and what it is.
    pub fn sources_by_peer(&self) -> Vec<String> {
        let line = |(key, source): (&String, &String)| {
            let peers = self.cases.iter().flat_map(|case| &case.peers);
            let names: BTreeSet<_> = peers
                .filter(|peer| peer.source == *key)
                .map(|peer| peer.name.as_str())
                .collect();
            let names: Vec<_> = names.into_iter().collect();
            format!("{}: {source}", names.join(", "))
        };
        self.sources.iter().map(line).collect()
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let broken = |what: String| Error::Input(format!("{FILE}: {what}"));
        let cases: Cases = serde_yaml::from_str(text).map_err(|error| broken(error.to_string()))?;
        let mut ids = BTreeSet::new();
        for case in &cases.cases {
            if !ids.insert(&case.id) {
                return Err(broken(format!("two cases have the id `{}`", case.id)));
            }
            for peer in &case.peers {
                if !cases.sources.contains_key(&peer.source) {
                    let known: Vec<_> = cases.sources.keys().map(String::as_str).collect();
                    return Err(broken(format!(
                        "case `{}`, peer {}: no source `{}`; there are {}",
                        case.id,
                        peer.name,
                        peer.source,
                        known.join(", ")
                    )));
                }
            }
        }
        Ok(cases)
    }
}

impl Case {
    /// Model and golden results, where both are there; else where they were looked for.
    pub fn files(&self, models: &Path) -> Result<(PathBuf, PathBuf), PathBuf> {
        let golden = self.golden.as_ref().unwrap_or(&self.model);
        let (model, golden) = match self.of_repository() {
            true => (PathBuf::from(&self.model), PathBuf::from(golden)),
            false => (
                models.join(&self.model).with_extension("tflite"),
                models.join(golden).with_extension("npz"),
            ),
        };
        match (model.is_file(), golden.is_file()) {
            (true, true) => Ok((model, golden)),
            (false, _) => Err(model),
            (true, false) => Err(golden),
        }
    }
    /// What helps when they are not there.
    pub fn way_to_files(&self) -> &'static str {
        match self.of_repository() {
            true => "it is part of the repository, so restore it",
            false => "set --models to the folder of the shared models",
        }
    }
    /// Its model is a file of the repository, not a name among the shared models.
    fn of_repository(&self) -> bool {
        self.model.ends_with(".tflite")
    }
    /// File of the committed figures.
    pub fn committed(&self) -> PathBuf {
        PathBuf::from(super::RESULTS).join(format!("{}.json", self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        let case = |id: &str, source: &str| {
            format!(
                "  - {{ id: {id}, title: t, model: m, config: c, peers: [{{ name: p, cycles: 1, source: {source} }}] }}\n"
            )
        };
        let file = |cases: &[String]| format!("sources: {{ a: text }}\ncases:\n{}", cases.concat());
        assert_eq!(
            Cases::parse(&file(&[case("x", "a"), case("y", "a")]))
                .unwrap()
                .cases
                .len(),
            2
        );
        let message = |text: &str| Cases::parse(text).unwrap_err().to_string();
        assert_eq!(
            message(&file(&[case("x", "b")])),
            "error: bench/cases.yaml: case `x`, peer p: no source `b`; there are a"
        );
        assert_eq!(
            message(&file(&[case("x", "a"), case("x", "a")])),
            "error: bench/cases.yaml: two cases have the id `x`"
        );
        assert!(message("cases: 3").starts_with("error: bench/cases.yaml: "));
    }
}
