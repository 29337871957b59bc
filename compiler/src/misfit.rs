// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of an accelerator is too small for a model, as data: what it needs, what there is, and the field that changes it.

use crate::error::short;
use crate::rule::LayerRef;
use sepstream_spec::config::{Config, Field, Limit};
use sepstream_spec::graph::{Graph, Layer};
use std::fmt;

/// The accelerator is too small for the model: all that is known to be, in the order in which it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoesNotFit {
    /// Name of the model.
    pub model: String,
    /// What is too small: each field at most once, with the most that any layer needs of it.
    pub misfits: Vec<Misfit>,
    /// With all the settings together the model fits.
    pub fits_then: bool,
}

/// Something of the accelerator is too small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// What is too small.
    pub what: String,
    /// The layer or map that needs it, where it is a single one.
    pub place: Option<String>,
    /// What the model needs, with its unit.
    pub needs: String,
    /// What there is, with its unit.
    pub has: String,
    /// What to change; without one only a smaller model helps.
    pub setting: Option<Setting>,
}

/// A field of the configuration and the value that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Section and name, as `memory.line_words`.
    pub field: &'static str,
    /// The value that it needs: of a range the least that suffices, which may be more than the range has.
    pub value: u32,
}

impl Setting {
    /// What a field of a configuration must be.
    pub(crate) fn new(field: &'static str, value: u32) -> Self {
        Setting { field, value }
    }

    /// The largest value that the field may have, where that is less than it needs: no configuration suffices.
    pub fn beyond(&self) -> Option<u32> {
        match row(self.field).limit {
            Limit::Range(_, most) => (self.value > most).then_some(most),
            Limit::OneOf(choices) => {
                let most = choices.iter().copied().max();
                most.filter(|most| self.value > *most)
            }
            _ => None,
        }
    }

    /// The configuration with this setting; fields that depend on it take the value that is nearest to theirs and allowed.
    pub fn apply(&self, config: &Config) -> Config {
        config.with(row(self.field), self.value)
    }
}

/// The row of a field that a setting names.
fn row(field: &str) -> &'static Field {
    Field::find(field).unwrap_or_else(|| unreachable!("`{field}` is in the table of fields"))
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, limit) = (self.field, row(self.field).limit);
        if let Some(most) = self.beyond() {
            let held = "no configuration holds this model: it runs from memory on the chip only";
            return write!(f, "{held}, and `{field}` is at most {most}");
        }
        write!(f, "set `{field}` to {}", limit.show(self.value))?;
        if matches!(limit, Limit::Range(..)) {
            f.write_str(" or more")?;
        }
        if field == "memory.pixel_words" {
            f.write_str("; twice that lets the engines overlap")?;
        }
        Ok(())
    }
}

impl Misfit {
    /// With the layer that needs it, where it was made without.
    pub(crate) fn place_at(&mut self, graph: &Graph, layer: &Layer) {
        let name = || LayerRef::of(graph, layer).to_string();
        self.place.get_or_insert_with(name);
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {}", self.what)?;
        if let Some(place) = &self.place {
            write!(f, ", for {place},")?;
        }
        write!(f, " needs {} and has {}\n    ", self.needs, self.has)?;
        match &self.setting {
            Some(setting) => setting.fmt(f),
            None => f.write_str("take a smaller model"),
        }
    }
}

impl DoesNotFit {
    /// Adds what is too small, unless it is there with as much; the settings must then be tried anew.
    pub(crate) fn add(&mut self, misfit: Misfit) {
        let field = |m: &Misfit| m.setting.as_ref().map(|s| s.field);
        let same = |m: &&mut Misfit| match field(m) {
            None => **m == misfit,
            known => known == field(&misfit),
        };
        let value = |m: &Misfit| m.setting.as_ref().map(|s| s.value);
        match self.misfits.iter_mut().find(same) {
            None => self.misfits.push(misfit),
            // what there is was found first, what is needed may become known later
            Some(known) if value(known) < value(&misfit) => {
                let has = known.has.clone();
                *known = Misfit { has, ..misfit };
            }
            Some(_) => {}
        }
    }
}

impl From<Misfit> for DoesNotFit {
    /// The model's name is for [`compile`](crate::compile) to add.
    fn from(misfit: Misfit) -> Self {
        DoesNotFit {
            model: String::new(),
            misfits: vec![misfit],
            fits_then: false,
        }
    }
}

impl std::error::Error for DoesNotFit {}

impl fmt::Display for DoesNotFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "model `{}` does not fit: ", short(&self.model))?;
        if let [only] = &self.misfits[..] {
            return only.fmt(f);
        }
        write!(f, "{} things are too small", self.misfits.len())?;
        for misfit in &self.misfits {
            write!(f, "\n  {misfit}")?;
        }
        if self.fits_then {
            f.write_str("\n  with all of these settings it fits")?;
        }
        Ok(())
    }
}
