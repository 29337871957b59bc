// SPDX-License-Identifier: MIT OR Apache-2.0
// VexRiscv, the default configuration of its package: RV32IM, 4 KiB instruction and 4 KiB data cache.
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
    wire i_cyc, i_stb, i_ack, d_cyc, d_stb, d_we, d_ack;
    wire [29:0] i_adr, d_adr;
    wire [31:0] i_data, d_in, d_out;
    wire [3:0] d_sel;

    VexRiscv core (
        .clk(clk), .reset(rst), .externalResetVector(32'd0),
        .timerInterrupt(1'b0), .softwareInterrupt(1'b0), .externalInterruptArray(32'd0),
        .iBusWishbone_CYC(i_cyc), .iBusWishbone_STB(i_stb), .iBusWishbone_ACK(i_ack), .iBusWishbone_WE(),
        .iBusWishbone_ADR(i_adr), .iBusWishbone_DAT_MISO(i_data), .iBusWishbone_DAT_MOSI(), .iBusWishbone_SEL(),
        .iBusWishbone_ERR(1'b0), .iBusWishbone_CTI(), .iBusWishbone_BTE(),
        .dBusWishbone_CYC(d_cyc), .dBusWishbone_STB(d_stb), .dBusWishbone_ACK(d_ack), .dBusWishbone_WE(d_we),
        .dBusWishbone_ADR(d_adr), .dBusWishbone_DAT_MISO(d_in), .dBusWishbone_DAT_MOSI(d_out), .dBusWishbone_SEL(d_sel),
        .dBusWishbone_ERR(1'b0), .dBusWishbone_CTI(), .dBusWishbone_BTE()
    );
    softcore_system #(.BEAT_WORDS(BEAT_WORDS)) system (
        .clk(clk), .rst(rst), .load(load), .load_address(load_address), .load_data(load_data), .read_data(read_data),
        .finished(finished), .status(status),
        .i_request(i_cyc && i_stb), .i_address(i_adr), .i_ack(i_ack), .i_data(i_data),
        .d_request(d_cyc && d_stb), .d_address(d_adr), .d_write(d_we ? d_sel : 4'd0), .d_out(d_out), .d_ack(d_ack), .d_in(d_in)
    );
endmodule
