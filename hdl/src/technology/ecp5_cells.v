// SPDX-License-Identifier: MIT OR Apache-2.0
// Behaviour of ECP5 blocks in the ways in which sepstream uses them, for simulation. Any other way stops it.
/* verilator lint_off DECLFILENAME */
/* verilator lint_off UNUSEDSIGNAL */
/* verilator lint_off UNUSEDPARAM */

// 18x18 bits in two's complement, registers for the operands and for the product.
module MULT18X18D #(
    parameter REG_INPUTA_CLK = "NONE",
    parameter REG_INPUTB_CLK = "NONE",
    parameter REG_OUTPUT_CLK = "NONE"
) (
    input wire A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11,
    A12, A13, A14, A15, A16, A17,
    input wire B0, B1, B2, B3, B4, B5, B6, B7, B8, B9, B10, B11,
    B12, B13, B14, B15, B16, B17,
    input wire SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0, CE0, RST0,
    output wire P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11,
    P12, P13, P14, P15, P16, P17, P18, P19, P20, P21, P22, P23,
    P24, P25, P26, P27, P28, P29, P30, P31, P32, P33, P34, P35
);
    reg signed [17:0] a;
    reg signed [17:0] b;
    reg signed [35:0] p;
    assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = p;
    always @(posedge CLK0) begin
        a <= {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
        b <= {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
        p <= a * b;
    end
    initial if (REG_INPUTA_CLK != "CLK0" || REG_INPUTB_CLK != "CLK0" || REG_OUTPUT_CLK != "CLK0") $stop;
    always @(posedge CLK0) if (!SIGNEDA || !SIGNEDB || SOURCEA || SOURCEB || !CE0 || RST0) $stop;
endmodule

// Two bits of a carry chain, two LUTs of four inputs in front of them.
module CCU2C #(
    parameter [15:0] INIT0 = 16'h0000,
    parameter [15:0] INIT1 = 16'h0000,
    parameter INJECT1_0 = "YES",
    parameter INJECT1_1 = "YES"
) (
    input wire A0, B0, C0, D0, A1, B1, C1, D1, CIN,
    output wire S0, S1, COUT
);
    wire pass_0 = INIT0[{D0, C0, B0, A0}];
    wire pass_1 = INIT1[{D1, C1, B1, A1}];
    wire carry = pass_0 ? CIN : INIT0[{2'b00, B0, A0}];
    assign S0 = pass_0 ^ CIN;
    assign S1 = pass_1 ^ carry;
    assign COUT = pass_1 ? carry : INIT1[{2'b00, B1, A1}];
    initial if (INJECT1_0 != "NO" || INJECT1_1 != "NO") $stop;
endmodule

// 18 kbit, port A writes and port B reads, output registers; with 36 bits the data pins of both ports together do either.
module DP16KD #(
    parameter integer DATA_WIDTH_A = 18,
    parameter integer DATA_WIDTH_B = 18,
    parameter REGMODE_A = "NOREG",
    parameter REGMODE_B = "NOREG"
) (
    input wire ADA0, ADA1, ADA2, ADA3, ADA4, ADA5, ADA6, ADA7, ADA8, ADA9, ADA10, ADA11,
    ADA12, ADA13,
    input wire ADB0, ADB1, ADB2, ADB3, ADB4, ADB5, ADB6, ADB7, ADB8, ADB9, ADB10, ADB11,
    ADB12, ADB13,
    input wire CLKA, CEA, OCEA, WEA, RSTA, CSA0, CSA1, CSA2,
    input wire CLKB, CEB, OCEB, WEB, RSTB, CSB0, CSB1, CSB2,
    input wire DIA0, DIA1, DIA2, DIA3, DIA4, DIA5, DIA6, DIA7, DIA8, DIA9, DIA10, DIA11,
    DIA12, DIA13, DIA14, DIA15, DIA16, DIA17,
    input wire DIB0, DIB1, DIB2, DIB3, DIB4, DIB5, DIB6, DIB7, DIB8, DIB9, DIB10, DIB11,
    DIB12, DIB13, DIB14, DIB15, DIB16, DIB17,
    output wire DOA0, DOA1, DOA2, DOA3, DOA4, DOA5, DOA6, DOA7, DOA8, DOA9, DOA10, DOA11,
    DOA12, DOA13, DOA14, DOA15, DOA16, DOA17,
    output wire DOB0, DOB1, DOB2, DOB3, DOB4, DOB5, DOB6, DOB7, DOB8, DOB9, DOB10, DOB11,
    DOB12, DOB13, DOB14, DOB15, DOB16, DOB17
);
    localparam integer W = DATA_WIDTH_A;
    localparam integer LOW = W == 36 ? 5 : W == 18 ? 4 : W == 9 ? 3 : W == 4 ? 2 : W == 2 ? 1 : 0;
    reg [W-1:0] array [0:(1 << (14 - LOW)) - 1];
    reg [W-1:0] read;
    reg [35:0] out;
    wire [13:0] w_addr = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
    wire [13:0] r_addr = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
    wire [35:0] data = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0, DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
    wire [17:0] low = out[17:0];
    wire [17:0] high = W == 36 ? out[35:18] : out[17:0];
    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0} = low;
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0} = high;
    // enables of nine bits each, where a word has more
    wire [3:0] enables = W == 36 ? w_addr[3:0] : W == 18 ? {2'b11, w_addr[1:0]} : 4'b1111;
    always @(posedge CLKA) if (WEA) array[w_addr[13:LOW]] <= data[W-1:0];
    always @(posedge CLKB) begin
        read <= array[r_addr[13:LOW]];
        out <= {{(36 - W){1'b0}}, read};
    end
    initial if (DATA_WIDTH_B != W || REGMODE_A != "OUTREG" || REGMODE_B != "OUTREG") $stop;
    always @(posedge CLKA) begin
        if (!CEA || !OCEA || RSTA || CSA0 || CSA1 || CSA2 || enables != 4'b1111) $stop;
        if (!CEB || !OCEB || RSTB || CSB0 || CSB1 || CSB2 || WEB) $stop;
    end
endmodule
