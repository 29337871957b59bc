// SPDX-License-Identifier: MIT OR Apache-2.0
// What a soft core sees (firmware/src/soc.rs): RAM from 0, timer and end of the run, and an accelerator if ACCELERATOR is
// defined. Both ports answer in the cycle after a request, as block RAM behind Wishbone does.
module softcore_system #(
    parameter RAM_WORDS = 1 << 20,
    parameter BEAT_WORDS = 1
) (
    input wire clk,
    input wire rst,
    // loader: writes while the core is in reset, reads at any time
    input wire load,
    input wire [31:0] load_address,
    input wire [31:0] load_data,
    output reg [31:0] read_data,
    // end of the run
    output reg finished,
    output reg [31:0] status,
    // instructions: word address
    input wire i_request,
    input wire [29:0] i_address,
    output reg i_ack,
    output reg [31:0] i_data,
    // data: word address, bytes to write
    input wire d_request,
    input wire [29:0] d_address,
    input wire [3:0] d_write,
    input wire [31:0] d_out,
    output wire d_ack,
    output wire [31:0] d_in
);
    reg [31:0] ram [0:RAM_WORDS-1];
    reg [31:0] cycles;
    reg d_own_ack;
    reg [31:0] d_own_in;

    // from 0xe000_0000 on, the accelerator; from 0xf000_0000 on, timer and end
    wire to_device = d_address[29];
    wire to_accelerator = to_device && !d_address[26];
    wire own = d_request && !to_accelerator && !d_own_ack;

    always @(posedge clk) begin
        if (load) ram[load_address] <= load_data;
        read_data <= ram[load_address];

        cycles <= cycles + 1;
        i_ack <= i_request && !i_ack;
        i_data <= ram[i_address[19:0]];
        d_own_ack <= own;
        d_own_in <= to_device ? cycles : ram[d_address[19:0]];
        if (own && !to_device) begin
            if (d_write[0]) ram[d_address[19:0]][7:0] <= d_out[7:0];
            if (d_write[1]) ram[d_address[19:0]][15:8] <= d_out[15:8];
            if (d_write[2]) ram[d_address[19:0]][23:16] <= d_out[23:16];
            if (d_write[3]) ram[d_address[19:0]][31:24] <= d_out[31:24];
        end
        if (own && to_device && d_write != 0 && d_address[0]) begin
            finished <= 1;
            status <= d_out;
        end
        if (rst) begin
            cycles <= 0;
            i_ack <= 0;
            d_own_ack <= 0;
            finished <= 0;
            status <= 0;
        end
    end

`ifdef ACCELERATOR
    wire a_ack;
    wire [31:0] a_in;
    softcore_bridge #(.BEAT_WORDS(BEAT_WORDS)) bridge (
        .clk(clk), .rst(rst), .request(d_request && to_accelerator), .address(d_address[8:0]), .write(d_write != 0),
        .d_out(d_out), .ack(a_ack), .d_in(a_in)
    );
    assign d_ack = d_own_ack || a_ack;
    assign d_in = to_accelerator ? a_in : d_own_in;
`else
    assign d_ack = d_own_ack;
    assign d_in = d_own_in;
`endif
endmodule

`ifdef ACCELERATOR
// The accelerator on the data bus: its registers, and both streams 32 bits at a time.
module softcore_bridge #(
    parameter BEAT_WORDS = 1
) (
    input wire clk,
    input wire rst,
    input wire request,
    input wire [8:0] address,
    input wire write,
    input wire [31:0] d_out,
    output wire ack,
    output wire [31:0] d_in
);
    // the beat that is filled or sent, and how many words of it are there
    reg [32*BEAT_WORDS-1:0] beat;
    reg [7:0] filled;
    reg sending;
    reg sending_last;
    // the beat that is read, and how many words of it are left
    reg [32*BEAT_WORDS-1:0] result;
    reg [7:0] left;
    reg own_ack;
    reg [31:0] own_in;

    wire to_stream = address[8];
    wire load = request && to_stream && !address[1] && !own_ack && !sending;
    wire fetch = request && to_stream && address[1] && !own_ack && left != 0;
    // registers only when all beats before are in
    wire to_register = request && !to_stream && !sending;
    wire s_ready, m_valid, wb_ack;
    wire [32*BEAT_WORDS-1:0] m_data;
    wire [31:0] wb_in;

    sepstream accelerator (
        .clk(clk), .rst(rst),
        .s_wb_cyc(to_register), .s_wb_stb(to_register), .s_wb_we(write), .s_wb_adr(address[7:0]), .s_wb_dat_w(d_out),
        .s_wb_ack(wb_ack), .s_wb_dat_r(wb_in),
        .s_axis_tdata(beat), .s_axis_tvalid(sending), .s_axis_tlast(sending_last), .s_axis_tready(s_ready),
        .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tlast(), .m_axis_tready(left == 0),
        .layer_done(), .layer_index(), .irq()
    );

    assign ack = to_stream ? own_ack : wb_ack;
    assign d_in = to_stream ? own_in : wb_in;

    always @(posedge clk) begin
        own_ack <= load || fetch;
        if (load) begin
            if (filled == 0) beat <= d_out;
            else beat[32*filled +: 32] <= d_out;
            filled <= filled + 1;
            if (address[0] || filled == BEAT_WORDS - 1) begin
                sending <= 1;
                sending_last <= address[0];
            end
        end
        if (sending && s_ready) begin
            sending <= 0;
            filled <= 0;
        end
        if (fetch) begin
            own_in <= result[31:0];
            result <= result >> 32;
            left <= left - 1;
        end
        if (left == 0 && m_valid) begin
            result <= m_data;
            left <= BEAT_WORDS;
        end
        if (rst) begin
            filled <= 0;
            sending <= 0;
            left <= 0;
            own_ack <= 0;
        end
    end
endmodule
`endif
