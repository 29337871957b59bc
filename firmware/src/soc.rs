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

/// A struct of words: its fields in their order are its words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident, $count:ident { $($(#[$meaning:meta])* $field:ident,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[repr(C)]
        pub struct $name {
            $($(#[$meaning])* pub $field: u32,)*
        }

        impl $name {
            /// As words, in the order of the fields.
            pub fn to_words(&self) -> [u32; $count] {
                [$(self.$field),*]
            }
            /// From words, in the order of the fields.
            pub fn from_words(words: [u32; $count]) -> Self {
                let [$($field),*] = words;
                $name { $($field),* }
            }
        }
    };
}

words! {
    /// What the program is to do, and what it tells. Addresses are those of the core.
    Mailbox, MAILBOX_WORDS {
        /// A network image (`sepstream_kernels`).
        image,
        /// Its bytes.
        image_bytes,
        /// Its arena, with the input in it.
        arena,
        /// Its scratch memory.
        scratch,
        /// A word for each layer: the program writes its cycles there.
        layer_cycles,
        /// A program image for the accelerator; 0 when there is no accelerator.
        program,
        /// Its bytes.
        program_bytes,
        /// The accelerator's input, a dense tensor.
        input,
        /// The accelerator's output, a dense tensor, for the program to write.
        output,
        /// Told: cycles of the frame, as the accelerator counts them.
        accelerator_cycles,
        /// Told: cycles from the first access for a frame to the last byte of its result, by the core's timer.
        frame_cycles,
        /// Told: cycles of loading the program, by the core's timer.
        load_cycles,
    }
}

/// Words of a mailbox.
pub const MAILBOX_WORDS: usize = size_of::<Mailbox>() / 4;
