// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cycle-exact model of the accelerator: cycles by arithmetic, bytes by its fast path.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use sepstream_sim::model::Prepared;

use super::border::Border;
use super::{Accelerator, Engine, LayerFigures, LiveFigures, Run};
use crate::Error;

/// The model executing the compiled program.
pub struct Model<'g> {
    accelerator: Accelerator<'g>,
    prepared: Prepared,
    threads: NonZeroUsize,
}

/// Outputs of a frame.
type Outputs = Vec<Vec<u8>>;

impl<'g> Model<'g> {
    /// Prepares the program; frames will be shared out to this many threads.
    pub fn new(accelerator: Accelerator<'g>, threads: NonZeroUsize) -> Result<Self, Error> {
        let prepared = Prepared::new(&accelerator.compiled.program, &accelerator.config)?;
        Ok(Model {
            accelerator,
            prepared,
            threads,
        })
    }
}

impl Engine for Model<'_> {
    fn layers(&self) -> Vec<LayerFigures> {
        self.accelerator.layers()
    }

    fn live(&self) -> Option<LiveFigures> {
        Some(self.accelerator.live())
    }

    fn run(&mut self, frames: &[Vec<Vec<u8>>], done: &mut dyn FnMut()) -> Result<Run, Error> {
        let border = Border::new(self.accelerator.graph, &self.accelerator.compiled.plan)?;
        let next = AtomicUsize::new(0);
        let work = |results: mpsc::Sender<(usize, Result<Outputs, Error>)>| {
            let mut workspace = self.prepared.workspace();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(inputs) = frames.get(index) else {
                    break;
                };
                let accelerator = |maps: &[&[u8]]| Ok(self.prepared.run(maps, &mut workspace)?);
                // nobody listens any more when another frame has failed
                if results
                    .send((index, border.run(inputs, accelerator)))
                    .is_err()
                {
                    break;
                }
            }
        };
        let mut outputs = vec![Outputs::new(); frames.len()];
        thread::scope(|scope| {
            let (sender, results) = mpsc::channel();
            for _ in 0..self.threads.get().min(frames.len()) {
                let sender = sender.clone();
                let work = &work;
                scope.spawn(move || work(sender));
            }
            drop(sender);
            for (index, result) in results {
                outputs[index] = result?;
                done();
            }
            Ok::<_, Error>(())
        })?;
        Ok(Run {
            outputs,
            cycles: Some(self.accelerator.model_cycles()),
            kernels: Some(self.prepared.level().to_string()),
        })
    }
}
