// SPDX-License-Identifier: MIT OR Apache-2.0
//! The only unsafe code of the crate: calls into the shared object that `build.rs` makes from a design and `shim/*`.
//!
//! What every call relies on: the library was built from this crate's own shim of the same kind (its text is part of the
//! cache key), so each symbol has the signature given here; the handle comes from `sim_new` of the same library, belongs to
//! one [`Model`] and is used by one thread at a time, since every call takes `&mut` or only reads.

use super::{Error, LayerEvent};
use libloading::Library;
use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::ManuallyDrop;
use std::path::Path;
use std::ptr::NonNull;

type Sim = *mut c_void;

const OK: i32 = 0;
const TIMEOUT: i32 = 1;
const PROTOCOL: i32 = 2;

/// Why a call that advances time came back early.
pub(super) enum Halt {
    Timeout,
    Error(Error),
}

/// One instance of a built design: its library, its handle, and what both shims have in common.
struct Model {
    library: ManuallyDrop<Library>,
    sim: NonNull<c_void>,
    delete: unsafe extern "C" fn(Sim),
    cycle: unsafe extern "C" fn(Sim) -> u64,
    message: unsafe extern "C" fn(Sim) -> *const c_char,
    trace: unsafe extern "C" fn(Sim, *const c_char) -> i32,
    trace_close: unsafe extern "C" fn(Sim),
}

// SAFETY: the instance owns all it points to, has its own VerilatedContext, and the shim makes that context the current one
// of the calling thread in each call.
unsafe impl Send for Model {}

/// Looks a symbol up as the function type that the place of use asks for.
macro_rules! symbol {
    ($library:expr, $path:expr, $name:literal) => {
        // SAFETY: the shim of this crate exports the symbol with the signature of the field it is stored in.
        match unsafe { $library.get(concat!($name, "\0").as_bytes()) } {
            Ok(symbol) => *symbol,
            Err(error) => return Err(Error::Load { path: $path.into(), reason: error.to_string() }),
        }
    };
}

impl Model {
    fn load(path: &Path, seed: u64) -> Result<Self, Error> {
        let fault = |reason: String| Error::Load {
            path: path.into(),
            reason,
        };
        // SAFETY: the library is one that this crate built; its initialisers are those of the Verilator runtime.
        let library = unsafe { Library::new(path) }.map_err(|error| fault(error.to_string()))?;
        // The code stays mapped to the end of the process: the C++ runtime keeps thread-local state of it.
        let library = ManuallyDrop::new(library);
        let new: unsafe extern "C" fn(u64) -> Sim = symbol!(library, path, "sim_new");
        // SAFETY: `sim_new` may be called at any time.
        let sim = NonNull::new(unsafe { new(seed) })
            .ok_or_else(|| fault("the design stopped at time zero".into()))?;
        Ok(Self {
            delete: symbol!(library, path, "sim_delete"),
            cycle: symbol!(library, path, "sim_cycle"),
            message: symbol!(library, path, "sim_message"),
            trace: symbol!(library, path, "sim_trace"),
            trace_close: symbol!(library, path, "sim_trace_close"),
            library,
            sim,
        })
    }

    fn cycle(&self) -> u64 {
        // SAFETY: see the head of the file.
        unsafe { (self.cycle)(self.sim.as_ptr()) }
    }

    fn result(&self, status: i32) -> Result<(), Halt> {
        if status == OK {
            return Ok(());
        }
        if status == TIMEOUT {
            return Err(Halt::Timeout);
        }
        // SAFETY: see the head of the file; the text is copied before any other call can change it.
        let message = unsafe { CStr::from_ptr((self.message)(self.sim.as_ptr())) }
            .to_string_lossy()
            .into_owned();
        let cycle = self.cycle();
        Err(Halt::Error(match status {
            PROTOCOL => Error::Protocol {
                rule: message,
                cycle,
            },
            _ => Error::Stopped { message, cycle },
        }))
    }

    fn open_trace(&mut self, path: &Path) -> Result<(), Error> {
        let fault = |reason| Error::Trace {
            path: path.into(),
            reason,
        };
        let name = path
            .to_str()
            .and_then(|text| CString::new(text).ok())
            .ok_or(fault("the name is not valid text"))?;
        // SAFETY: see the head of the file; `name` outlives the call.
        let status = unsafe { (self.trace)(self.sim.as_ptr(), name.as_ptr()) };
        match self.result(status) {
            Ok(()) => Ok(()),
            Err(Halt::Timeout) => Err(fault("the file cannot be created")),
            Err(Halt::Error(error)) => Err(error),
        }
    }

    fn close_trace(&mut self) {
        // SAFETY: see the head of the file.
        unsafe { (self.trace_close)(self.sim.as_ptr()) }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: the handle is used no more after this.
        unsafe { (self.delete)(self.sim.as_ptr()) }
    }
}

/// Instance of the shim `rtl.cpp`.
pub(super) struct RtlModel {
    model: Model,
    reset: unsafe extern "C" fn(Sim) -> i32,
    stalls: unsafe extern "C" fn(Sim, u64, u32),
    bus: unsafe extern "C" fn(Sim, u32, u32, *mut u32, *mut u64, u64) -> i32,
    queue: unsafe extern "C" fn(Sim, *const u8, u64),
    expect: unsafe extern "C" fn(Sim, u64),
    run: unsafe extern "C" fn(Sim, u32, u32, u64, u64) -> i32,
    idle: unsafe extern "C" fn(Sim, u64) -> i32,
    take: unsafe extern "C" fn(Sim, *mut u8, u64, *mut u64) -> u64,
    input_span: unsafe extern "C" fn(Sim, *mut u64),
    irq_cycle: unsafe extern "C" fn(Sim) -> u64,
    event_count: unsafe extern "C" fn(Sim) -> u64,
    take_events: unsafe extern "C" fn(Sim, *mut LayerEvent),
}

impl RtlModel {
    pub fn load(path: &Path, seed: u64) -> Result<Self, Error> {
        let model = Model::load(path, seed)?;
        Ok(Self {
            reset: symbol!(model.library, path, "rtl_reset"),
            stalls: symbol!(model.library, path, "rtl_stalls"),
            bus: symbol!(model.library, path, "rtl_bus"),
            queue: symbol!(model.library, path, "rtl_queue"),
            expect: symbol!(model.library, path, "rtl_expect"),
            run: symbol!(model.library, path, "rtl_run"),
            idle: symbol!(model.library, path, "rtl_idle"),
            take: symbol!(model.library, path, "rtl_take"),
            input_span: symbol!(model.library, path, "rtl_input_span"),
            irq_cycle: symbol!(model.library, path, "rtl_irq_cycle"),
            event_count: symbol!(model.library, path, "rtl_event_count"),
            take_events: symbol!(model.library, path, "rtl_take_events"),
            model,
        })
    }

    fn sim(&self) -> Sim {
        self.model.sim.as_ptr()
    }

    pub fn cycle(&self) -> u64 {
        self.model.cycle()
    }

    pub fn open_trace(&mut self, path: &Path) -> Result<(), Error> {
        self.model.open_trace(path)
    }

    pub fn close_trace(&mut self) {
        self.model.close_trace();
    }

    pub fn reset(&mut self) -> Result<(), Halt> {
        // SAFETY: see the head of the file.
        let status = unsafe { (self.reset)(self.sim()) };
        self.model.result(status)
    }

    pub fn stalls(&mut self, seed: u64, percent: u32) {
        // SAFETY: see the head of the file.
        unsafe { (self.stalls)(self.sim(), seed, percent) }
    }

    /// Writes or reads a register; the cycle of the acknowledge, and what was read.
    pub fn bus(
        &mut self,
        address: u32,
        write: Option<u32>,
        max_cycles: u64,
    ) -> Result<(u64, u32), Halt> {
        let mut data = write.unwrap_or(0);
        let mut cycle = 0;
        let write = u32::from(write.is_some());
        // SAFETY: see the head of the file; both pointers are to locals that outlive the call.
        let status = unsafe {
            (self.bus)(
                self.sim(),
                address,
                write,
                &mut data,
                &mut cycle,
                max_cycles,
            )
        };
        self.model.result(status)?;
        Ok((cycle, data))
    }

    pub fn queue(&mut self, bytes: &[u8]) {
        // SAFETY: see the head of the file; the bytes are copied.
        unsafe { (self.queue)(self.sim(), bytes.as_ptr(), bytes.len() as u64) }
    }

    pub fn expect(&mut self, beats: u64) {
        // SAFETY: see the head of the file.
        unsafe { (self.expect)(self.sim(), beats) }
    }

    pub fn run(&mut self, irq: bool, sent: bool, beats: u64, max_cycles: u64) -> Result<(), Halt> {
        // SAFETY: see the head of the file.
        let status = unsafe { (self.run)(self.sim(), irq.into(), sent.into(), beats, max_cycles) };
        self.model.result(status)
    }

    pub fn idle(&mut self, cycles: u64) -> Result<(), Halt> {
        // SAFETY: see the head of the file.
        let status = unsafe { (self.idle)(self.sim(), cycles) };
        self.model.result(status)
    }

    /// Waits for a packet, then moves it out: its bytes, its first and last cycle, and the first beat whose `last` is wrong.
    pub fn receive(
        &mut self,
        beats: usize,
        word: usize,
        max_cycles: u64,
    ) -> Result<(Vec<u8>, [u64; 2], u64), Halt> {
        let mut bytes = vec![0; beats * word];
        let mut span = [0; 2];
        self.expect(beats as u64);
        self.run(false, false, beats as u64, max_cycles)?;
        if beats == 0 {
            return Ok((bytes, span, 0));
        }
        // SAFETY: see the head of the file; `run` came back in good order, so that `beats` beats are there, and there is room
        // for them: `word` is the WORD_BYTES that the shim was compiled with.
        let wrong = unsafe {
            (self.take)(
                self.sim(),
                bytes.as_mut_ptr(),
                beats as u64,
                span.as_mut_ptr(),
            )
        };
        Ok((bytes, span, wrong))
    }

    pub fn input_span(&self) -> [u64; 2] {
        let mut span = [0; 2];
        // SAFETY: see the head of the file; the shim writes two numbers.
        unsafe { (self.input_span)(self.sim(), span.as_mut_ptr()) };
        span
    }

    pub fn irq_cycle(&self) -> u64 {
        // SAFETY: see the head of the file.
        unsafe { (self.irq_cycle)(self.sim()) }
    }

    pub fn take_events(&mut self) -> Vec<LayerEvent> {
        // SAFETY: see the head of the file.
        let count = unsafe { (self.event_count)(self.sim()) } as usize;
        let mut events = vec![LayerEvent::default(); count];
        // SAFETY: as above; LayerEvent has the layout of its namesake in the shim (`repr(C)`), and `count` of them are written.
        unsafe { (self.take_events)(self.sim(), events.as_mut_ptr()) };
        events
    }
}

/// A port inside the model: Verilator keeps it in as many bytes as fit, wide ones as 32-bit words, low word first.
#[repr(C)]
#[derive(Clone, Copy)]
struct RawPort {
    address: *mut u8,
    bytes: u64,
}

/// Instance of the shim `block.cpp`.
pub(super) struct BlockModel {
    model: Model,
    ports: Vec<RawPort>,
    eval: unsafe extern "C" fn(Sim) -> i32,
    tick: unsafe extern "C" fn(Sim, u64) -> i32,
}

// SAFETY: the port addresses point into the model, which is `Send`.
unsafe impl Send for BlockModel {}

impl BlockModel {
    pub fn load(path: &Path, seed: u64, ports: usize) -> Result<Self, Error> {
        let model = Model::load(path, seed)?;
        let list: unsafe extern "C" fn(Sim, *mut RawPort, u32) -> u32 =
            symbol!(model.library, path, "block_ports");
        let mut raw = vec![
            RawPort {
                address: std::ptr::null_mut(),
                bytes: 0
            };
            ports
        ];
        // SAFETY: see the head of the file; at most `ports` entries are written.
        let have = unsafe { list(model.sim.as_ptr(), raw.as_mut_ptr(), ports as u32) };
        if have as usize != ports {
            return Err(Error::Load {
                path: path.into(),
                reason: format!("it has {have} ports instead of {ports}"),
            });
        }
        Ok(Self {
            ports: raw,
            eval: symbol!(model.library, path, "block_eval"),
            tick: symbol!(model.library, path, "block_tick"),
            model,
        })
    }

    pub fn cycle(&self) -> u64 {
        self.model.cycle()
    }

    pub fn open_trace(&mut self, path: &Path) -> Result<(), Error> {
        self.model.open_trace(path)
    }

    pub fn close_trace(&mut self) {
        self.model.close_trace();
    }

    pub fn eval(&mut self) -> Result<(), Halt> {
        // SAFETY: see the head of the file.
        let status = unsafe { (self.eval)(self.model.sim.as_ptr()) };
        self.model.result(status)
    }

    pub fn tick(&mut self, cycles: u64) -> Result<(), Halt> {
        // SAFETY: see the head of the file.
        let status = unsafe { (self.tick)(self.model.sim.as_ptr(), cycles) };
        self.model.result(status)
    }

    /// The bytes of a port, low byte first.
    pub fn port(&self, index: usize) -> &[u8] {
        let RawPort { address, bytes } = self.ports[index];
        // SAFETY: the port lives as long as the model, that is `self`, is plain data, and nothing writes it during a `&self`.
        unsafe { std::slice::from_raw_parts(address, bytes as usize) }
    }

    /// The bytes of a port to write; bits above its width must stay 0.
    pub fn port_mut(&mut self, index: usize) -> &mut [u8] {
        let RawPort { address, bytes } = self.ports[index];
        // SAFETY: as in `port`; `&mut self` makes it the only reference.
        unsafe { std::slice::from_raw_parts_mut(address, bytes as usize) }
    }
}
