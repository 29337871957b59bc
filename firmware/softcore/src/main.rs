// SPDX-License-Identifier: MIT OR Apache-2.0
//! A soft core runs a network with its own kernels, and has the accelerator run it where there is one. What to do and where
//! stands in the mailbox (`sepstream_firmware::soc`); layers are timed with the system's cycle counter.
#![no_std]
#![no_main]

mod bus;

use bus::{Registers, finish, timer};
use core::arch::global_asm;
use core::panic::PanicInfo;
use core::slice;
use sepstream_firmware::soc::{MAILBOX, Mailbox};
use sepstream_firmware::{Driver, Error, ImageView};
use sepstream_kernels::Network;

global_asm!(
    ".section .start, \"ax\"",
    ".globl _start",
    "_start: la sp, _stack",
    "call main",
    "0: j 0b",
);

/// Polls of the status register that no frame takes.
const POLLS: u32 = 1 << 28;

/// Why the program ends early.
#[repr(u32)]
enum Failure {
    Network = 1,
    Image = 2,
    Accelerator = 3,
    Panic = 4,
}

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    // SAFETY: what loads the program writes the mailbox behind it before reset ends; nothing else refers to it.
    let mailbox = unsafe { &mut *(MAILBOX as *mut Mailbox) };
    let done = run_network(mailbox).and_then(|()| match mailbox.program {
        0 => Ok(()),
        _ => run_accelerator(mailbox),
    });
    match done {
        Ok(()) => finish(0),
        Err(failure) => finish(failure as u32),
    }
}

/// The network with the core's own kernels.
fn run_network(mailbox: &Mailbox) -> Result<(), Failure> {
    let image = bytes(mailbox.image, mailbox.image_bytes);
    let network = Network::parse(image).map_err(|_| Failure::Network)?;
    let arena = bytes_mut(mailbox.arena, network.arena_bytes as u32);
    let scratch = bytes_mut(mailbox.scratch, network.scratch_bytes as u32);
    let cycles = bytes_mut(mailbox.layer_cycles, 4 * network.layers() as u32);
    for (layer, cycles) in cycles.chunks_exact_mut(4).enumerate() {
        let start = timer();
        network
            .run_layer(layer, arena, scratch)
            .map_err(|_| Failure::Network)?;
        cycles.copy_from_slice(&timer().wrapping_sub(start).to_le_bytes());
    }
    Ok(())
}

/// The network on the accelerator.
fn run_accelerator(mailbox: &mut Mailbox) -> Result<(), Failure> {
    let image = ImageView::parse(bytes(mailbox.program, mailbox.program_bytes))
        .map_err(|_| Failure::Image)?;
    let run = image.runs().next().ok_or(Failure::Image)?;
    let (Some(input), Some(output)) = (run.inputs.get(0), run.outputs.get(0)) else {
        return Err(Failure::Image);
    };
    let picture = bytes(mailbox.input, input.elements() as u32);
    let scores = bytes_mut(mailbox.output, output.elements() as u32);
    let failed = |_: Error<core::convert::Infallible>| Failure::Accelerator;
    let mut driver = Driver::new(Registers);

    let start = timer();
    driver.load(&image).map_err(failed)?;
    mailbox.load_cycles = timer().wrapping_sub(start);

    let start = timer();
    driver.feed(&input, picture).map_err(failed)?;
    driver.start().map_err(failed)?;
    driver.wait(POLLS).map_err(failed)?;
    driver.fetch(&output, scores).map_err(failed)?;
    mailbox.frame_cycles = timer().wrapping_sub(start);
    mailbox.accelerator_cycles = driver.cycles().map_err(failed)?;
    Ok(())
}

fn bytes(address: u32, length: u32) -> &'static [u8] {
    bytes_mut(address, length)
}

fn bytes_mut(address: u32, length: u32) -> &'static mut [u8] {
    // SAFETY: what fills in the mailbox gives areas of the RAM that overlap neither each other nor program and stack.
    unsafe { slice::from_raw_parts_mut(address as *mut u8, length as usize) }
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    finish(Failure::Panic as u32)
}
