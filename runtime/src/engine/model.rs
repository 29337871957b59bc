// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cycle-exact model of the accelerator: cycles by arithmetic, bytes by its fast path.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use sepstream_sim::model::Prepared;

use super::host::Host;
use super::{Accelerator, Engine, LayerFigures, LiveFigures, Run, SegmentFigures};
use crate::Error;

/// The model executing the compiled program.
pub struct Model<'g> {
    accelerator: Accelerator<'g>,
    /// Each run of the program.
    prepared: Vec<Prepared>,
    threads: NonZeroUsize,
}

/// Outputs of a frame.
type Outputs = Vec<Vec<u8>>;

impl<'g> Model<'g> {
    /// Prepares the program; frames will be shared out to this many threads.
    pub fn new(accelerator: Accelerator<'g>, threads: NonZeroUsize) -> Result<Self, Error> {
        let prepared = Prepared::all(&accelerator.compiled.program, &accelerator.config)?;
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

    fn segments(&self) -> Vec<SegmentFigures> {
        self.accelerator.segments()
    }

    fn run(&mut self, frames: &[Vec<Vec<u8>>], done: &mut dyn FnMut()) -> Result<Run, Error> {
        let host = Host::new(self.accelerator.graph, &self.accelerator.compiled.cut)?;
        let next = AtomicUsize::new(0);
        let work = |results: mpsc::Sender<(usize, Result<Outputs, Error>)>| {
            let runs = self.prepared.iter();
            let mut workspaces: Vec<_> = runs.map(Prepared::workspace).collect();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(inputs) = frames.get(index) else {
                    break;
                };
                let accelerator = |run: usize, maps: &[&[u8]]| {
                    Ok(self.prepared[run].run(maps, &mut workspaces[run])?)
                };
                // nobody listens any more when another frame has failed
                if results
                    .send((index, host.run(inputs, accelerator)))
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
            kernels: self.prepared.first().map(|run| run.level().to_string()),
        })
    }
}
