// SPDX-License-Identifier: MIT OR Apache-2.0
// Stand-in for a generated accelerator: same ports, a stream that comes back, and faults on demand.
module sepstream (
    input  wire                   clk,
    input  wire                   rst,
    input  wire                   s_wb_cyc,
    input  wire                   s_wb_stb,
    input  wire                   s_wb_we,
    input  wire [7:0]             s_wb_adr,
    input  wire [31:0]            s_wb_dat_w,
    output wire [31:0]            s_wb_dat_r,
    output wire                   s_wb_ack,
    input  wire [TDATA_WIDTH-1:0] s_axis_tdata,
    input  wire                   s_axis_tvalid,
    output wire                   s_axis_tready,
    input  wire                   s_axis_tlast,
    output wire [TDATA_WIDTH-1:0] m_axis_tdata,
    output wire                   m_axis_tvalid,
    input  wire                   m_axis_tready,
    output wire                   m_axis_tlast,
    output reg                    layer_done,
    output reg  [15:0]            layer_index,
    output reg                    irq
);
    localparam NEVER_READY = 1, DROP_VALID = 2, CHANGE_DATA = 3, STOP = 4, NO_LAST = 5, NO_ACK = 6, STRAY_ACK = 7;

    reg  [7:0]             mask;
    reg  [2:0]             fault;
    reg  [15:0]            frame;      // packets to the interrupt
    reg  [31:0]            scratch;
    reg  [31:0]            not_reset;
    reg                    ack;
    reg  [15:0]            packets;
    reg  [TDATA_WIDTH-1:0] data;
    reg                    last, full;
    reg  [7:0]             waited;     // cycles that the output beat has waited

    wire wb    = s_wb_cyc && s_wb_stb;
    wire write = wb && s_wb_we && ack;
    wire take  = s_axis_tvalid && s_axis_tready;
    wire give  = m_axis_tvalid && m_axis_tready;

    assign s_wb_ack   = (ack && wb) || fault == STRAY_ACK;
    assign s_wb_dat_r = s_wb_adr == 0 ? {24'b0, mask}
                      : s_wb_adr == 1 ? {29'b0, fault}
                      : s_wb_adr == 2 ? {16'b0, frame}
                      : s_wb_adr == 4 ? scratch
                      : s_wb_adr == 5 ? not_reset : 32'b0;

    assign s_axis_tready = fault != NEVER_READY && (!full || give);
    assign m_axis_tvalid = full && !(fault == DROP_VALID && waited == 3);
    assign m_axis_tdata  = data ^ {TDATA_WIDTH{fault == CHANGE_DATA && waited == 3}};
    assign m_axis_tlast  = last && fault != NO_LAST;

    always @(posedge clk) begin
        ack        <= wb && !ack && fault != NO_ACK;
        layer_done <= take && s_axis_tlast;
        waited     <= full && !give ? waited + 1 : 0;
        if (write) begin
            case (s_wb_adr)
                0: mask    <= s_wb_dat_w[7:0];
                1: fault   <= s_wb_dat_w[2:0];
                2: frame   <= s_wb_dat_w[15:0];
                3: irq     <= 0;
                4: scratch <= s_wb_dat_w;
                default: ;
            endcase
        end
        if (give) full <= 0;
        if (take) begin
            full <= 1;
            data <= s_axis_tdata ^ {(TDATA_WIDTH / 8){mask}};
            last <= s_axis_tlast;
            if (s_axis_tlast) begin
                packets     <= packets + 1;
                layer_index <= packets;
                if (packets + 1 == frame) irq <= 1;
            end
        end
        if (fault == STOP) $stop;
        if (rst) begin
            ack     <= 0;
            mask    <= 0;
            fault   <= 0;
            frame   <= 0;
            scratch <= 0;
            packets <= 0;
            full    <= 0;
            irq     <= 0;
            layer_done <= 0;
        end
    end
endmodule
