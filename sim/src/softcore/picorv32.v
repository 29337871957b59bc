// SPDX-License-Identifier: MIT OR Apache-2.0
// PicoRV32 with its fast multiplier, its divider and its barrel shifter.
module softcore #(
    parameter BEAT_WORDS = `BEAT_WORDS
) (
    input wire clk,
    input wire rst,
    input wire load,
    input wire [31:0] load_address,
    input wire [31:0] load_data,
    output wire [31:0] read_data,
    output wire finished,
    output wire [31:0] status
);
    wire valid, ready;
    wire [31:0] address, d_in, d_out;
    wire [3:0] d_write;

    picorv32 #(
        .ENABLE_COUNTERS(0), .BARREL_SHIFTER(1), .ENABLE_FAST_MUL(1), .ENABLE_DIV(1)
    ) core (
        .clk(clk), .resetn(!rst), .trap(),
        .mem_valid(valid), .mem_instr(), .mem_ready(ready), .mem_addr(address), .mem_wdata(d_out), .mem_wstrb(d_write),
        .mem_rdata(d_in),
        .mem_la_read(), .mem_la_write(), .mem_la_addr(), .mem_la_wdata(), .mem_la_wstrb(),
        .pcpi_valid(), .pcpi_insn(), .pcpi_rs1(), .pcpi_rs2(), .pcpi_wr(1'b0), .pcpi_rd(32'd0), .pcpi_wait(1'b0),
        .pcpi_ready(1'b0), .irq(32'd0), .eoi(), .trace_valid(), .trace_data()
    );
    softcore_system #(.BEAT_WORDS(BEAT_WORDS)) system (
        .clk(clk), .rst(rst), .load(load), .load_address(load_address), .load_data(load_data), .read_data(read_data),
        .finished(finished), .status(status),
        .i_request(1'b0), .i_address(30'd0), .i_ack(), .i_data(),
        .d_request(valid), .d_address(address[31:2]), .d_write(d_write), .d_out(d_out), .d_ack(ready), .d_in(d_in)
    );
endmodule
