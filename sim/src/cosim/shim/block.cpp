// SPDX-License-Identifier: MIT OR Apache-2.0
// Shim of a single block: ports by index, one evaluation or clock edge per call.
// PORT_TABLE is the list of `port(dut->name)` in the order of the caller's ports.
#include "model.h"

namespace {

struct Port {
    void* address;
    uint64_t bytes;
};

template <typename T>
Port port(T& value) {
    return {&value, sizeof(T)};
}

struct Block : Model {
    explicit Block(uint64_t seed) : Model(seed) {}

    int32_t tick(uint64_t cycles) {
        for (uint64_t i = 0; i < cycles; ++i) {
            settle();
            edge();
        }
        settle();  // outputs as the next edge will see them
        return OK;
    }

    int32_t eval() {
        dut->eval();
        return OK;
    }
};

}  // namespace

EXPORT_MODEL(Block)

EXPORT uint32_t block_ports(void* sim, Port* out, uint32_t count) {
    Vdut* dut = static_cast<Block*>(sim)->dut.get();
    const Port ports[] = {PORT_TABLE};
    const uint32_t have = sizeof(ports) / sizeof(ports[0]);
    for (uint32_t i = 0; i < have && i < count; ++i) out[i] = ports[i];
    return have;
}

EXPORT int32_t block_eval(void* sim) {
    Block* block = static_cast<Block*>(sim);
    return block->guarded([&] { return block->eval(); });
}

EXPORT int32_t block_tick(void* sim, uint64_t cycles) {
    Block* block = static_cast<Block*>(sim);
    return block->guarded([&] { return block->tick(cycles); });
}
