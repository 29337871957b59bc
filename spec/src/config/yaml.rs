// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configuration files: YAML with source lines.
//!
//! The file is first read into plain entries, whatever they are, so that unknown fields, values of the wrong kind and broken rules
//! are all reported in one go. Only what is not YAML, or not a mapping, stops the reading.

use alloc::{format, string::String, vec, vec::Vec};

use serde_yaml::Spanned;

use super::node::{Node, clip, excerpt, whole};
use super::{Config, FIELDS, Fallback, Field, Limit, Values, Violation};

/// Longest accepted file. A configuration has few numbers; more than this is some other file.
const MAX_BYTES: usize = 64 * 1024;

/// A configuration file as written: known fields with their text, and what is wrong with its form.
#[derive(Debug)]
pub struct RawConfig {
    file: String,
    /// In the order of [`FIELDS`].
    entries: Vec<Option<Entry>>,
    sections: Vec<Section>,
    violations: Vec<Violation>,
}

/// A section that the file has.
#[derive(Debug)]
struct Section {
    name: &'static str,
    line: u64,
    is_mapping: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    /// A whole number, kept in range of `u32` (a number outside of it breaks every range rule anyway), or that of a name; `None`
    /// for other values.
    number: Option<u32>,
    text: String,
    line: u64,
}

impl Config {
    /// Reads and checks a configuration file; `file` is its name in messages.
    pub fn from_yaml(text: &str, file: &str) -> Result<Config, Vec<Violation>> {
        RawConfig::parse(text, file)?.check()
    }
}

impl RawConfig {
    /// Reads the text of a configuration file; fails only when it is no YAML mapping.
    pub fn parse(text: &str, file: &str) -> Result<RawConfig, Vec<Violation>> {
        if text.len() > MAX_BYTES {
            let found = format!("the file has {} bytes", text.len());
            return Err(vec![form(
                file,
                1,
                found,
                format!("at most {MAX_BYTES} bytes"),
                SHORTEST,
            )]);
        }
        let options = serde_yaml::options! {
            budget: serde_yaml::budget! { max_depth: 8, max_nodes: 4096, max_aliases: 64, max_anchors: 64 },
            non_finite_float_policy: serde_yaml::options::NonFiniteFloatPolicy::PassThrough,
        };
        let root: Spanned<Node> = serde_yaml::from_str_with_options(text, options)
            .map_err(|error| vec![not_yaml(file, &error)])?;
        let Node::Map(sections) = root.value else {
            let found = format!("the file holds {}", excerpt(text, &root));
            let allowed = "the sections pointwise, depthwise and memory".into();
            return Err(vec![form(
                file,
                root.referenced.line().max(1),
                found,
                allowed,
                SHORTEST,
            )]);
        };
        let mut raw = RawConfig {
            file: file.into(),
            entries: vec![None; FIELDS.len()],
            sections: Vec::new(),
            violations: Vec::new(),
        };
        for (key, node) in sections {
            raw.section(text, key, node);
        }
        Ok(raw)
    }

    /// Takes in one section.
    fn section(&mut self, text: &str, key: Spanned<String>, node: Spanned<Node>) {
        let line = key.referenced.line();
        let known: Vec<&str> = section_names();
        let Some(section) = known.iter().find(|name| **name == key.value) else {
            self.unknown("section", &key.value, line, &known);
            return;
        };
        let is_mapping = matches!(node.value, Node::Map(_));
        self.sections.push(Section {
            name: section,
            line,
            is_mapping,
        });
        let Node::Map(fields) = node.value else {
            let found = format!("{section} = {}", excerpt(text, &node));
            self.violations.push(Violation {
                rule: "section-shape",
                place: Some((self.file.clone(), line)),
                found,
                allowed: "a mapping of fields to numbers".into(),
                instead: example(section),
            });
            return;
        };
        for (key, node) in fields {
            let line = key.referenced.line();
            let position = FIELDS
                .iter()
                .position(|f| f.section == *section && f.name == key.value);
            match position {
                Some(i) => {
                    let text = excerpt(text, &node);
                    let number = match FIELDS[i].limit {
                        Limit::Named(_) => FIELDS[i].limit.named(text.trim_matches(['"', '\''])),
                        _ => whole(&node.value, &text),
                    };
                    let line = node.referenced.line();
                    self.entries[i] = Some(Entry { number, text, line });
                }
                None => {
                    let known: Vec<&str> = FIELDS
                        .iter()
                        .filter(|f| f.section == *section)
                        .map(|f| f.name)
                        .collect();
                    self.unknown(&format!("field in {section}"), &key.value, line, &known);
                }
            }
        }
    }

    fn unknown(&mut self, what: &str, name: &str, line: u64, known: &[&str]) {
        self.violations.push(Violation {
            rule: if what == "section" {
                "unknown-section"
            } else {
                "unknown-field"
            },
            place: Some((self.file.clone(), line)),
            found: format!("unknown {what}: {}", clip(name)),
            allowed: known.join(", "),
            instead: match closest(name, known) {
                Some(name) => format!("{name}:"),
                None => "without it".into(),
            },
        });
    }

    /// Fills in defaults and checks every rule; a configuration, or all violations in the order of the lines.
    pub fn check(mut self) -> Result<Config, Vec<Violation>> {
        self.violations.extend(self.missing_sections());
        let mut values = Values::ZERO;
        for (field, entry) in FIELDS.iter().zip(&self.entries) {
            let fallback = match field.default {
                Fallback::Required => field.example,
                Fallback::Value(value) | Fallback::New(value) => value,
                Fallback::Off => 0,
                Fallback::From(derive, _) => derive(&values),
            };
            let outcome = match entry {
                Some(Entry {
                    number: Some(number),
                    text,
                    line,
                }) => {
                    let place = Some((self.file.clone(), *line));
                    field.put(*number, text, place, &mut values)
                }
                Some(entry) => {
                    *(field.slot)(&mut values) = fallback;
                    Err(self.unusable(field, entry, fallback))
                }
                None => {
                    *(field.slot)(&mut values) = fallback;
                    self.missing(field).map_or(Ok(()), Err)
                }
            };
            self.violations.extend(outcome.err());
        }
        if self.violations.is_empty() {
            return Ok(Config(values));
        }
        self.violations
            .sort_by_key(|violation| violation.place.as_ref().map(|(_, line)| *line));
        Err(self.violations)
    }

    /// A value that is neither a whole number nor, where there are names, one of them.
    fn unusable(&self, field: &Field, entry: &Entry, fallback: u32) -> Violation {
        Violation {
            rule: match field.limit {
                Limit::Named(_) => field.rule,
                _ => "whole-number",
            },
            place: Some((self.file.clone(), entry.line)),
            found: format!("{}.{} = {}", field.section, field.name, entry.text),
            allowed: field.limit.sentence(),
            instead: format!("{}: {}", field.name, field.limit.show(fallback)),
        }
    }

    /// A required field that its section lacks; a section that is absent or no mapping was reported as such.
    fn missing(&self, field: &Field) -> Option<Violation> {
        let section = self
            .sections
            .iter()
            .find(|s| s.name == field.section && s.is_mapping)?;
        matches!(field.default, Fallback::Required).then(|| Violation {
            rule: "missing-field",
            place: Some((self.file.clone(), section.line)),
            found: format!("{}.{} is missing", field.section, field.name),
            allowed: field.limit.sentence(),
            instead: format!("{}: {}", field.name, field.example),
        })
    }

    fn missing_sections(&self) -> Vec<Violation> {
        let absent = |name: &&str| self.sections.iter().all(|section| section.name != *name);
        let violation = |name| Violation {
            rule: "missing-section",
            place: Some((self.file.clone(), 1)),
            found: format!("section {name} is missing"),
            allowed: "each of the three sections, once".into(),
            instead: example(name),
        };
        section_names()
            .into_iter()
            .filter(absent)
            .map(violation)
            .collect()
    }
}

/// The known name that is most like another, if any is: what was probably meant.
pub fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |candidate: &&str| (strsim::jaro_winkler(candidate, name) * 1000.0) as u32;
    let best = known.iter().copied().max_by_key(likeness);
    best.filter(|candidate| likeness(candidate) >= 750)
}

/// What to write when the file as a whole is not understood.
const SHORTEST: &str = "the smallest file of docs/configuration.md";

fn form(file: &str, line: u64, found: String, allowed: String, instead: &str) -> Violation {
    Violation {
        rule: "yaml",
        place: Some((file.into(), line)),
        found,
        allowed,
        instead: instead.into(),
    }
}

fn not_yaml(file: &str, error: &serde_yaml::Error) -> Violation {
    let line = error.location().map_or(1, |location| location.line());
    let message = error
        .without_snippet()
        .render_with_formatter(&serde_yaml::UserMessageFormatter);
    let message = message.lines().next().unwrap_or("not readable");
    form(
        file,
        line,
        message.into(),
        "one YAML document".into(),
        SHORTEST,
    )
}

fn section_names() -> Vec<&'static str> {
    let mut names: Vec<_> = FIELDS.iter().map(|field| field.section).collect();
    names.dedup();
    names
}

/// A section with its required fields, as one line of YAML.
fn example(section: &str) -> String {
    let required = FIELDS
        .iter()
        .filter(|f| f.section == section && matches!(f.default, Fallback::Required));
    let fields: Vec<_> = required
        .map(|f| format!("{}: {}", f.name, f.example))
        .collect();
    format!("{section}: {{ {} }}", fields.join(", "))
}
