// SPDX-License-Identifier: MIT OR Apache-2.0
// The part of the C++ shim that every built design shares: life time, errors, clock, waveform.
//
// Compiled with the generated class `Vdut` into one shared object with a C interface; `ffi.rs` is the only caller.
// TRACE_VCD or TRACE_FST is defined in a build with waveforms.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "Vdut.h"
#include "verilated.h"
#if defined(TRACE_VCD)
#include "verilated_vcd_c.h"
using Trace = VerilatedVcdC;
#elif defined(TRACE_FST)
#include "verilated_fst_c.h"
using Trace = VerilatedFstC;
#endif

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ports are copied as bytes, low byte first");

#define EXPORT extern "C" __attribute__((visibility("default")))

// Results of every call that advances time; the numbers are those of `ffi.rs`.
enum Status : int32_t { OK = 0, TIMEOUT = 1, PROTOCOL = 2, STOPPED = 3 };

struct Stopped : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Protocol : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A combinational block has no clock: the second overload is then the only one that compiles.
template <typename Dut>
auto set_clock(Dut& dut, int level, int) -> decltype(dut.clk = level, void()) {
    dut.clk = level;
}
template <typename Dut>
void set_clock(Dut&, int, long) {}

struct Model {
    std::unique_ptr<VerilatedContext> context{new VerilatedContext};
    std::unique_ptr<Vdut> dut;
#if defined(TRACE_VCD) || defined(TRACE_FST)
    std::unique_ptr<Trace> trace;
#endif
    uint64_t cycle = 0;   // rising edges so far
    std::string message;  // of the last error
    bool broken = false;  // the design stopped half-way through an evaluation: its state means nothing any more

    // Registers without a reset start as 0 with seed 0, else at random.
    explicit Model(uint64_t seed) {
        context->randReset(seed ? 2 : 0);
        context->randSeed(static_cast<int>(seed & 0x7fffffff));
#if defined(TRACE_VCD) || defined(TRACE_FST)
        context->traceEverOn(true);
#endif
        dut.reset(new Vdut(context.get(), "sim"));
    }

    ~Model() {
        Verilated::threadContextp(context.get());
#if defined(TRACE_VCD) || defined(TRACE_FST)
        if (trace) trace->close();
#endif
        try {
            dut->final();
        } catch (const Stopped&) {
            // A destructor has nobody to tell.
        }
    }

    void dump(uint64_t nanoseconds) {
#if defined(TRACE_VCD) || defined(TRACE_FST)
        if (trace) trace->dump(nanoseconds);
#else
        (void)nanoseconds;
#endif
    }

    // Lets inputs act on outputs while the clock is low.
    void settle() {
        set_clock(*dut, 0, 0);
        dut->eval();
    }

    // The rising edge; in the waveform a clock period takes 10 ns.
    void edge() {
        dump(cycle * 10);
        set_clock(*dut, 1, 0);
        dut->eval();
        dump(cycle * 10 + 5);
        ++cycle;
    }

    // Runs `body` on the thread that calls, and turns what it throws into a status.
    template <typename Body>
    int32_t guarded(Body body) {
        if (broken) return STOPPED;
        Verilated::threadContextp(context.get());
        try {
            return body();
        } catch (const Protocol& error) {
            message = error.what();
            return PROTOCOL;
        } catch (const std::exception& error) {
            message = error.what();
            broken = true;
            return STOPPED;
        }
    }

    int32_t open_trace(const char* path) {
#if defined(TRACE_VCD) || defined(TRACE_FST)
        if (trace) trace->close();
        trace.reset(new Trace);
        dut->trace(trace.get(), 99);
        trace->open(path);
        return trace->isOpen() ? OK : TIMEOUT;
#else
        (void)path;
        return TIMEOUT;
#endif
    }

    void close_trace() {
#if defined(TRACE_VCD) || defined(TRACE_FST)
        if (trace) trace->close();
        trace.reset();
#endif
    }
};

// The default handlers end the process.
[[noreturn]] static void stopped(const char* what, const char* file, int line, const char* text) {
    std::string message = std::string(what) + " at " + (file ? file : "?") + ":" + std::to_string(line);
    if (text && *text) message += std::string(": ") + text;
    throw Stopped(message);
}
void vl_stop(const char* file, int line, const char*) VL_MT_UNSAFE { stopped("$stop", file, line, nullptr); }
void vl_finish(const char* file, int line, const char*) VL_MT_UNSAFE { stopped("$finish", file, line, nullptr); }
void vl_fatal(const char* file, int line, const char*, const char* text) VL_MT_UNSAFE {
    stopped("fatal error", file, line, text);
}
double sc_time_stamp() { return 0; }

// `SHIM` is the subclass of Model that the including file defines.
#define EXPORT_MODEL(SHIM)                                                                         \
    EXPORT void* sim_new(uint64_t seed) {                                                          \
        try {                                                                                      \
            return new SHIM(seed);                                                                 \
        } catch (const std::exception&) {                                                          \
            return nullptr;                                                                        \
        }                                                                                          \
    }                                                                                              \
    EXPORT void sim_delete(void* sim) { delete static_cast<SHIM*>(sim); }                          \
    EXPORT uint64_t sim_cycle(void* sim) { return static_cast<SHIM*>(sim)->cycle; }                \
    EXPORT const char* sim_message(void* sim) { return static_cast<SHIM*>(sim)->message.c_str(); } \
    EXPORT int32_t sim_trace(void* sim, const char* path) {                                        \
        SHIM* shim = static_cast<SHIM*>(sim);                                                      \
        return shim->guarded([&] { return shim->open_trace(path); });                              \
    }                                                                                              \
    EXPORT void sim_trace_close(void* sim) { static_cast<SHIM*>(sim)->close_trace(); }
