// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory-mapped devices: timer, end of the run, accelerator.

use core::convert::Infallible;
use core::ptr;
use sepstream_firmware::soc::{ACCELERATOR, FINISH, LOAD, LOAD_LAST, RESULT, TIMER};
use sepstream_firmware::{Bus, Reg};

fn read(address: u32) -> u32 {
    // SAFETY: the address is that of a device of the system.
    unsafe { ptr::read_volatile(address as *const u32) }
}

fn write(address: u32, value: u32) {
    // SAFETY: the address is that of a device of the system.
    unsafe { ptr::write_volatile(address as *mut u32, value) }
}

/// Cycles since reset.
pub fn timer() -> u32 {
    read(TIMER)
}

/// Ends the run.
pub fn finish(status: u32) -> ! {
    write(FINISH, status);
    loop {}
}

/// The accelerator's registers and streams on the core's bus.
pub struct Registers;

impl Bus for Registers {
    type Error = Infallible;

    fn write_register(&mut self, register: Reg, value: u32) -> Result<(), Infallible> {
        write(ACCELERATOR + 4 * register as u32, value);
        Ok(())
    }
    fn read_register(&mut self, register: Reg) -> Result<u32, Infallible> {
        Ok(read(ACCELERATOR + 4 * register as u32))
    }
    fn send(&mut self, beats: &[u8], last: bool) -> Result<(), Infallible> {
        let (words, rest) = beats.as_chunks::<4>();
        let mut left = words.len() + usize::from(!rest.is_empty());
        let mut send = |word| {
            left -= 1;
            let end = last && left == 0;
            write(if end { LOAD_LAST } else { LOAD }, word);
        };
        words
            .iter()
            .for_each(|word| send(u32::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut word = [0; 4];
            word[..rest.len()].copy_from_slice(rest);
            send(u32::from_le_bytes(word));
        }
        Ok(())
    }
    fn receive(&mut self, words: &mut [u8]) -> Result<(), Infallible> {
        for word in words.chunks_mut(4) {
            word.copy_from_slice(&read(RESULT).to_le_bytes()[..word.len()]);
        }
        Ok(())
    }
}
