// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network on a soft core: where everything lies in its RAM, and what came of it.

use super::{Error, System};
use sepstream_firmware::soc::{MAILBOX, MAILBOX_WORDS, Mailbox, RAM_BYTES};
use sepstream_kernels::Network;

/// Bytes that the stack may take at the end of the RAM.
const STACK_BYTES: u32 = 1 << 14;

/// What a soft core is to run.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The core's program, from [`super::program`].
    pub program: &'a [u8],
    /// The network image, as words.
    pub network: &'a [u32],
    /// The network's input.
    pub input: &'a [u8],
    /// The same for the accelerator beside the core.
    pub accelerator: Option<Accelerated<'a>>,
}

/// What the accelerator is to run.
#[derive(Clone, Copy, Debug)]
pub struct Accelerated<'a> {
    /// Its program image.
    pub image: &'a [u8],
    /// Its input, a dense tensor.
    pub input: &'a [u8],
    /// Bytes of its output, a dense tensor.
    pub output_bytes: usize,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The output of the core's own kernels.
    pub output: Vec<u8>,
    /// Cycles of each layer on the core.
    pub layer_cycles: Vec<u64>,
    /// What the accelerator did.
    pub accelerator: Option<AcceleratorOutcome>,
}

/// What came of a frame on the accelerator, driven by the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceleratorOutcome {
    /// Its output.
    pub output: Vec<u8>,
    /// Cycles of the frame, as the accelerator counts them.
    pub cycles: u64,
    /// Cycles of the frame with loading its input and reading its output, by the core's timer.
    pub frame_cycles: u64,
    /// Cycles of loading the program.
    pub load_cycles: u64,
}

/// Gives out areas of the RAM from the mailbox's end on.
struct Areas {
    next: u64,
}

impl Areas {
    fn take(&mut self, bytes: usize) -> u32 {
        let at = self.next;
        self.next += (bytes as u64).next_multiple_of(64);
        // beyond the RAM, the whole is refused below
        at.min(u64::from(u32::MAX)) as u32
    }
}

impl System {
    /// Runs a job. A core that takes more than `limit` cycles is stopped.
    ///
    /// # Errors
    /// When it does not fit the RAM, or the program fails.
    pub fn execute(&mut self, job: &Job, limit: u64) -> Result<Outcome, Error> {
        let image: &[u8] = bytemuck::cast_slice(job.network);
        let network = Network::parse(image).map_err(Error::Network)?;
        let (input_at, input_bytes) = network.input;
        if job.input.len() != input_bytes {
            let needed = input_bytes;
            let given = job.input.len();
            return Err(Error::Network(sepstream_kernels::Error::Memory {
                needed,
                given,
            }));
        }
        let mut areas = Areas {
            next: u64::from(MAILBOX) + 4 * MAILBOX_WORDS.next_multiple_of(16) as u64,
        };
        let mut mailbox = Mailbox {
            image: areas.take(image.len()),
            image_bytes: image.len() as u32,
            arena: areas.take(network.arena_bytes),
            scratch: areas.take(network.scratch_bytes),
            layer_cycles: areas.take(4 * network.layers()),
            ..Mailbox::default()
        };
        let mut contents = vec![
            (mailbox.image, image),
            (mailbox.arena + input_at as u32, job.input),
        ];
        if let Some(accelerated) = &job.accelerator {
            mailbox.program = areas.take(accelerated.image.len());
            mailbox.program_bytes = accelerated.image.len() as u32;
            mailbox.input = areas.take(accelerated.input.len());
            mailbox.output = areas.take(accelerated.output_bytes);
            contents.push((mailbox.program, accelerated.image));
            contents.push((mailbox.input, accelerated.input));
        }
        let needed = areas.next + u64::from(STACK_BYTES);
        if needed > u64::from(RAM_BYTES) {
            return Err(Error::Ram { needed });
        }
        let told = self.run(job.program, &mailbox, &contents, limit)?;
        let (output_at, output_bytes) = network.output;
        let layer_cycles = self.read_words(mailbox.layer_cycles, network.layers())?;
        let accelerator = match &job.accelerator {
            Some(accelerated) => Some(AcceleratorOutcome {
                output: self.read(mailbox.output, accelerated.output_bytes)?,
                cycles: told.accelerator_cycles.into(),
                frame_cycles: told.frame_cycles.into(),
                load_cycles: told.load_cycles.into(),
            }),
            None => None,
        };
        Ok(Outcome {
            output: self.read(mailbox.arena + output_at as u32, output_bytes)?,
            layer_cycles: layer_cycles.into_iter().map(u64::from).collect(),
            accelerator,
        })
    }
}
