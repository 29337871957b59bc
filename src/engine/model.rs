// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cycle-exact model of the accelerator.

use sepstream_sim::model::Machine;

use super::border::Border;
use super::{Accelerator, Engine, LayerFigures, Run};
use crate::error::Error;

/// The model executing the compiled program.
pub struct Model<'g>(pub Accelerator<'g>);

impl Engine for Model<'_> {
    fn layers(&self) -> Vec<LayerFigures> {
        self.0.layers()
    }

    fn run(&mut self, frames: &[Vec<Vec<u8>>], done: &mut dyn FnMut()) -> Result<Run, Error> {
        let accelerator = &self.0;
        let border = Border::new(accelerator.graph, &accelerator.compiled.plan)?;
        let mut machine = Machine::new(&accelerator.compiled.program, &accelerator.config)?;
        let mut outputs = Vec::new();
        for inputs in frames {
            outputs.push(border.run(inputs, |maps| Ok(machine.run(maps)?))?);
            done();
        }
        Ok(Run {
            outputs,
            cycles: Some(accelerator.model_cycles()),
        })
    }
}
