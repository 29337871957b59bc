// SPDX-License-Identifier: MIT OR Apache-2.0
// Shim of the whole accelerator: a host with a register bus and two streams, one loop per call.
// WORD_BYTES is the width of both streams, RESET_CYCLES the time for which a reset is held.
#include <vector>

#include "model.h"

namespace {

constexpr size_t A = WORD_BYTES;

struct LayerEvent {
    uint64_t cycle;
    uint32_t index;
    uint32_t reserved;
};

struct Beat {
    uint64_t cycle;
    bool last;
};

struct Host : Model {
    // Stream into the design.
    std::vector<uint8_t> tx;
    std::vector<uint8_t> tx_last;  // one per beat
    size_t tx_taken = 0;    // beats of `tx` that are in the design
    bool offering = false;  // tvalid; once high it stays until the beat is taken
    uint64_t tx_first_cycle = 0, tx_last_cycle = 0;
    // Stream out of the design.
    std::vector<uint8_t> rx;
    std::vector<Beat> rx_beats;
    size_t rx_wanted = 0;  // beats that may be taken before tready falls
    bool held = false;     // the last edge saw tvalid without tready: the same beat must be there again
    bool held_last = false;
    uint8_t held_data[A];
    // Interrupt and ends of layers.
    bool irq = false;  // as the last edge saw it
    uint64_t irq_cycle = 0;
    std::vector<LayerEvent> events;
    // Register bus.
    bool ack = false;  // as the last edge saw it
    uint32_t bus_data = 0;
    // Random gaps.
    uint64_t random_state = 1;
    uint32_t stall_percent = 0;

    explicit Host(uint64_t seed) : Model(seed) {
        dut->rst = 0;
        dut->s_wb_cyc = dut->s_wb_stb = dut->s_wb_we = 0;
        dut->s_wb_adr = 0;
        dut->s_wb_dat_w = 0;
        memset(&dut->s_axis_tdata, 0, A);
        dut->s_axis_tvalid = dut->s_axis_tlast = 0;
        dut->m_axis_tready = 0;
    }

    uint64_t random() {  // xorshift64
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return random_state;
    }

    bool stall() { return stall_percent != 0 && (random() >> 33) % 100 < stall_percent; }

    [[noreturn]] void violated(const char* rule) { throw Protocol(rule); }

    void drive_streams() {
        if (!offering && tx_taken < tx_last.size()) {
            offering = !stall();
            if (offering) {
                memcpy(&dut->s_axis_tdata, &tx[tx_taken * A], A);
                dut->s_axis_tlast = tx_last[tx_taken];
            }
        }
        if (!offering && stall_percent != 0) {
            // Nobody may look at the data of a beat that is not valid.
            for (size_t i = 0; i < A; i += 4) {
                const uint32_t noise = static_cast<uint32_t>(random() >> 32);
                memcpy(reinterpret_cast<uint8_t*>(&dut->s_axis_tdata) + i, &noise, 4);
            }
            dut->s_axis_tlast = random() >> 63;
        }
        dut->s_axis_tvalid = offering;
        dut->m_axis_tready = rx_beats.size() < rx_wanted && !stall();
    }

    void sample_input() {
        if (!offering || !dut->s_axis_tready) return;
        if (tx_taken == 0) tx_first_cycle = cycle;
        tx_last_cycle = cycle;
        offering = false;
        if (++tx_taken == tx_last.size()) {
            tx.clear();
            tx_last.clear();
            tx_taken = 0;
        }
    }

    void sample_output() {
        const bool valid = dut->m_axis_tvalid;
        const uint8_t* data = reinterpret_cast<const uint8_t*>(&dut->m_axis_tdata);
        if (held) {
            if (!valid) violated("m_axis_tvalid fell before the beat was taken");
            if (memcmp(held_data, data, A) != 0) violated("m_axis_tdata changed before the beat was taken");
            if (held_last != static_cast<bool>(dut->m_axis_tlast)) violated("m_axis_tlast changed before the beat was taken");
        }
        held = valid && !dut->m_axis_tready;
        if (held) {
            memcpy(held_data, data, A);
            held_last = dut->m_axis_tlast;
        } else if (valid) {
            rx.insert(rx.end(), data, data + A);
            rx_beats.push_back({cycle, static_cast<bool>(dut->m_axis_tlast)});
        }
    }

    // One clock cycle: what the edge sees is sampled just before it.
    void step() {
        drive_streams();
        settle();
        ack = dut->s_wb_ack;
        bus_data = dut->s_wb_dat_r;
        if (ack && !(dut->s_wb_cyc && dut->s_wb_stb)) violated("s_wb_ack without s_wb_cyc and s_wb_stb");
        sample_input();
        sample_output();
        if (dut->layer_done) events.push_back({cycle, dut->layer_index, 0});
        if (dut->irq && !irq) irq_cycle = cycle;
        irq = dut->irq;
        edge();
    }

    int32_t reset() {
        tx.clear();
        tx_last.clear();
        tx_taken = 0;
        rx.clear();
        rx_beats.clear();
        rx_wanted = 0;
        offering = held = irq = ack = false;
        events.clear();
        dut->s_wb_cyc = dut->s_wb_stb = 0;
        dut->s_axis_tvalid = dut->m_axis_tready = 0;
        dut->rst = 1;
        for (unsigned i = 0; i < RESET_CYCLES; ++i) {
            settle();
            edge();
        }
        dut->rst = 0;
        return OK;
    }

    // Wishbone classic cycle; `data` is written, or receives what is read.
    int32_t bus(uint32_t address, bool write, uint32_t* data, uint64_t* ack_cycle, uint64_t max_cycles) {
        dut->s_wb_adr = address;
        dut->s_wb_we = write;
        dut->s_wb_dat_w = write ? *data : 0;
        dut->s_wb_cyc = dut->s_wb_stb = 1;
        ack = false;
        for (uint64_t i = 0; i < max_cycles && !ack; ++i) step();
        dut->s_wb_cyc = dut->s_wb_stb = dut->s_wb_we = 0;
        if (!ack) return TIMEOUT;
        if (!write) *data = bus_data;
        *ack_cycle = cycle - 1;
        return OK;
    }

    // One packet for the stream into the design; `last` goes with its final beat, which is filled up with zeros.
    void queue(const uint8_t* bytes, size_t count) {
        const size_t beats = (count + A - 1) / A;
        tx.insert(tx.end(), bytes, bytes + count);
        tx.resize(tx.size() + beats * A - count);
        tx_last.resize(tx_last.size() + beats);
        if (beats) tx_last.back() = 1;
    }

    // Until the interrupt is high (if asked for), the input stream is empty (if asked for) and `beats` beats have come out.
    int32_t run(bool until_irq, bool until_sent, size_t beats, uint64_t max_cycles) {
        if (until_irq && max_cycles) {
            step();  // the interrupt as it was before a register write says nothing
            --max_cycles;
        }
        while (!((!until_irq || irq) && (!until_sent || tx_last.empty()) && rx_beats.size() >= beats)) {
            if (max_cycles-- == 0) return TIMEOUT;
            step();
        }
        return OK;
    }

    // Moves the first beats out of the buffer. Returns the index of the first beat with a wrong `last`, or `beats`.
    size_t take(uint8_t* out, size_t beats, uint64_t* span) {
        size_t wrong = beats;
        memcpy(out, rx.data(), beats * A);
        for (size_t i = beats; i-- > 0;) {
            if (rx_beats[i].last != (i + 1 == beats)) wrong = i;
        }
        span[0] = rx_beats[0].cycle;
        span[1] = rx_beats[beats - 1].cycle;
        rx.erase(rx.begin(), rx.begin() + beats * A);
        rx_beats.erase(rx_beats.begin(), rx_beats.begin() + beats);
        rx_wanted -= beats;
        return wrong;
    }
};

Host* host(void* sim) { return static_cast<Host*>(sim); }

}  // namespace

EXPORT_MODEL(Host)

EXPORT int32_t rtl_reset(void* sim) {
    return host(sim)->guarded([&] { return host(sim)->reset(); });
}

EXPORT void rtl_stalls(void* sim, uint64_t seed, uint32_t percent) {
    host(sim)->random_state = seed * 2 + 1;  // never 0, the fixed point of xorshift
    host(sim)->stall_percent = percent;
}

EXPORT int32_t rtl_bus(void* sim, uint32_t address, uint32_t write, uint32_t* data, uint64_t* ack_cycle,
                       uint64_t max_cycles) {
    return host(sim)->guarded([&] { return host(sim)->bus(address, write, data, ack_cycle, max_cycles); });
}

EXPORT void rtl_queue(void* sim, const uint8_t* bytes, uint64_t count) { host(sim)->queue(bytes, count); }

// Beats that may come out from now on, with those that have come and were not fetched.
EXPORT void rtl_expect(void* sim, uint64_t beats) {
    if (host(sim)->rx_wanted < beats) host(sim)->rx_wanted = beats;
}

EXPORT int32_t rtl_run(void* sim, uint32_t until_irq, uint32_t until_sent, uint64_t beats, uint64_t max_cycles) {
    return host(sim)->guarded([&] { return host(sim)->run(until_irq, until_sent, beats, max_cycles); });
}

EXPORT int32_t rtl_idle(void* sim, uint64_t cycles) {
    return host(sim)->guarded([&] {
        for (uint64_t i = 0; i < cycles; ++i) host(sim)->step();
        return static_cast<int32_t>(OK);
    });
}

// Only for beats that have come out: 1 <= beats <= what rtl_run waited for.
EXPORT uint64_t rtl_take(void* sim, uint8_t* out, uint64_t beats, uint64_t* span) {
    return host(sim)->take(out, beats, span);
}

EXPORT void rtl_input_span(void* sim, uint64_t* span) {
    span[0] = host(sim)->tx_first_cycle;
    span[1] = host(sim)->tx_last_cycle;
}

EXPORT uint64_t rtl_irq_cycle(void* sim) { return host(sim)->irq_cycle; }

EXPORT uint64_t rtl_event_count(void* sim) { return host(sim)->events.size(); }

// Moves all events out; `out` has room for rtl_event_count().
EXPORT void rtl_take_events(void* sim, LayerEvent* out) {
    for (const LayerEvent& event : host(sim)->events) *out++ = event;
    host(sim)->events.clear();
}
