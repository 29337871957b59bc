// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the units get of a command: its start and its fields, from the sequencer.

use crate::rtl::{Expr, Instance, Module};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, Part};

/// The sequencer, as the units see it.
#[derive(Clone)]
pub(super) struct Commands {
    seq: Instance,
    /// Parts begin on their own, each with copies of its fields.
    ahead: bool,
}

impl Commands {
    pub(super) fn new(seq: Instance, config: &Config) -> Self {
        Commands {
            seq,
            ahead: config.runs_ahead(),
        }
    }
    /// An output of the sequencer.
    pub(super) fn out(&self, port: &str) -> Expr {
        self.seq.out(port)
    }
    /// A part begins.
    pub(super) fn start(&self, part: Part) -> Expr {
        match self.ahead {
            false => self.seq.out("start"),
            true => self.seq.out(&format!("{}_start", part.name())),
        }
    }
    /// A field of the command that a part is at.
    pub(super) fn field(&self, part: Part, field: Field) -> Expr {
        match self.ahead {
            false => self.seq.out(field.name()),
            true => self.seq.out(&format!("{}_{}", part.name(), field.name())),
        }
    }
    /// Inputs of a unit: those given, the fields that it has ports for, and the start pulse, all of its part; fields of an
    /// expanding layer are always those of the rows.
    pub(super) fn with_fields(
        &self,
        part: Part,
        module: &Module,
        inputs: &[(&'static str, Expr)],
    ) -> Vec<(&'static str, Expr)> {
        let mut all = inputs.to_vec();
        for f in Field::ALL {
            let open = module.ports().iter().any(|p| p.name == f.name())
                && !inputs.iter().any(|(n, _)| *n == f.name());
            if open {
                let part = if f.expands() { Part::Rows } else { part };
                all.push((f.name(), self.field(part, *f)));
            }
        }
        let given = inputs.iter().any(|(name, _)| *name == "start");
        if !given && module.ports().iter().any(|p| p.name == "start") {
            all.push(("start", self.start(part)));
        }
        all
    }
}
