// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system on chip of the examples: a soft core, a RAM, and an accelerator where there is one. Addresses, for the program
//! on the core and for what loads it.

/// Bytes of the RAM, which begins at 0. The program begins there, too; its stack at the end.
pub const RAM_BYTES: u32 = 1 << 22;
/// Read: cycles since reset, modulo 2^32.
pub const TIMER: u32 = 0xf000_0000;
/// Write: the program has finished; 0 if all went well, else a reason.
pub const FINISH: u32 = 0xf000_0004;
/// Registers of the accelerator, four bytes each.
pub const ACCELERATOR: u32 = 0xe000_0000;
/// Write: the next four bytes for the load stream. Words of the stream go when they are complete.
pub const LOAD: u32 = ACCELERATOR + 0x400;
/// Write: as [`LOAD`], in the last word of a transfer.
pub const LOAD_LAST: u32 = ACCELERATOR + 0x404;
/// Read: the next four bytes of the result stream; waits until they are there.
pub const RESULT: u32 = ACCELERATOR + 0x408;

/// Where the program finds its [`Mailbox`]: behind the program.
pub const MAILBOX: u32 = 0x0002_0000;

/// What the program is to do, and what it tells. Addresses are those of the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Mailbox {
    /// A network image (`sepstream_kernels`).
    pub image: u32,
    /// Its bytes.
    pub image_bytes: u32,
    /// Its arena, with the input in it.
    pub arena: u32,
    /// Its scratch memory.
    pub scratch: u32,
    /// A word for each layer: the program writes its cycles there.
    pub layer_cycles: u32,
    /// A program image for the accelerator; 0 when there is no accelerator.
    pub program: u32,
    /// Its bytes.
    pub program_bytes: u32,
    /// The accelerator's input, a dense tensor.
    pub input: u32,
    /// The accelerator's output, a dense tensor, for the program to write.
    pub output: u32,
    /// Told: cycles of the frame, as the accelerator counts them.
    pub accelerator_cycles: u32,
    /// Told: cycles from the first access for a frame to the last byte of its result, by the core's timer.
    pub frame_cycles: u32,
    /// Told: cycles of loading the program, by the core's timer.
    pub load_cycles: u32,
}

/// Words of a mailbox.
pub const MAILBOX_WORDS: usize = size_of::<Mailbox>() / 4;

impl Mailbox {
    /// As words, in the order of the fields.
    pub fn to_words(&self) -> [u32; MAILBOX_WORDS] {
        [
            self.image,
            self.image_bytes,
            self.arena,
            self.scratch,
            self.layer_cycles,
            self.program,
            self.program_bytes,
            self.input,
            self.output,
            self.accelerator_cycles,
            self.frame_cycles,
            self.load_cycles,
        ]
    }
    /// From words, in the order of the fields.
    pub fn from_words(words: [u32; MAILBOX_WORDS]) -> Self {
        let [
            image,
            image_bytes,
            arena,
            scratch,
            layer_cycles,
            program,
            program_bytes,
            input,
            output,
            accelerator_cycles,
            frame_cycles,
            load_cycles,
        ] = words;
        Mailbox {
            image,
            image_bytes,
            arena,
            scratch,
            layer_cycles,
            program,
            program_bytes,
            input,
            output,
            accelerator_cycles,
            frame_cycles,
            load_cycles,
        }
    }
}
