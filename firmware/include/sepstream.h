/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Registers and host-link constants of a sepstream accelerator, for hosts in C. The protocol is in docs/host-link.md, the use of
 * the registers in firmware/src/driver.rs. A test of the firmware crate compares every number here with the hardware's. */
#ifndef SEPSTREAM_H
#define SEPSTREAM_H

#include <stddef.h>
#include <stdint.h>

/* Registers: word addresses on the register bus, 32 bits each. */
#define SEPSTREAM_REG_ID 0u
#define SEPSTREAM_REG_VERSION 1u
#define SEPSTREAM_REG_FINGERPRINT 2u
#define SEPSTREAM_REG_CONTROL 3u
#define SEPSTREAM_REG_STATUS 4u
#define SEPSTREAM_REG_CYCLES 5u
#define SEPSTREAM_REG_LOAD_TARGET 6u
#define SEPSTREAM_REG_LOAD_ADDRESS 7u
#define SEPSTREAM_REG_SEND_ADDRESS 8u
#define SEPSTREAM_REG_SEND_WORDS 9u
#define SEPSTREAM_REG_COMMAND 10u

#define SEPSTREAM_ID 0x53535452u
#define SEPSTREAM_VERSION 1u
#define SEPSTREAM_CONTROL_START 1u
#define SEPSTREAM_STATUS_BUSY 1u
#define SEPSTREAM_STATUS_DONE 2u
#define SEPSTREAM_STATUS_SENDING 4u

/* Memories that the load stream fills: values of SEPSTREAM_REG_LOAD_TARGET. */
#define SEPSTREAM_MEMORY_ACTIVATION 0u
#define SEPSTREAM_MEMORY_PROGRAM 1u
#define SEPSTREAM_MEMORY_WEIGHT 2u
#define SEPSTREAM_MEMORY_DW_WEIGHT 3u
#define SEPSTREAM_MEMORY_PW_PARAM 4u
#define SEPSTREAM_MEMORY_DW_PARAM 5u
#define SEPSTREAM_MEMORY_PW_TABLE 6u
#define SEPSTREAM_MEMORY_DW_TABLE 7u

/* Program image: a file of little-endian words that begins with this. */
#define SEPSTREAM_IMAGE_MAGIC 0x52505353u

/* Host link. */
#define SEPSTREAM_LINK_VERSION 1u
#define SEPSTREAM_LINK_FLAG 0x7eu
#define SEPSTREAM_LINK_ESCAPE 0x7du
#define SEPSTREAM_LINK_ESCAPE_XOR 0x20u
#define SEPSTREAM_LINK_HEADER_BYTES 4u
#define SEPSTREAM_LINK_CHECK_BYTES 4u
#define SEPSTREAM_LINK_MAX_DATA 256u
#define SEPSTREAM_LINK_MAX_WIRE 532u
#define SEPSTREAM_LINK_LOAD_LAST 1u
#define SEPSTREAM_LINK_OPEN 0u
#define SEPSTREAM_LINK_WRITE 1u
#define SEPSTREAM_LINK_READ 2u
#define SEPSTREAM_LINK_LOAD 3u
#define SEPSTREAM_LINK_FETCH 4u
#define SEPSTREAM_LINK_OPENED 8u
#define SEPSTREAM_LINK_WRITTEN 9u
#define SEPSTREAM_LINK_VALUE 10u
#define SEPSTREAM_LINK_LOADED 11u
#define SEPSTREAM_LINK_FETCHED 12u
#define SEPSTREAM_LINK_REFUSED 15u
#define SEPSTREAM_LINK_REFUSED_CLOSED 0u
#define SEPSTREAM_LINK_REFUSED_SEQUENCE 1u
#define SEPSTREAM_LINK_REFUSED_REQUEST 2u
#define SEPSTREAM_LINK_REFUSED_NO_DATA 3u

/* CRC-32 (IEEE 802.3) of some bytes; begin with crc 0, go on with the result. */
static inline uint32_t sepstream_crc32(uint32_t crc, const uint8_t *bytes, size_t count)
{
    crc = ~crc;
    while (count-- > 0) {
        crc ^= *bytes++;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}

/* The bytes of a request on the wire, flags included: at most SEPSTREAM_LINK_MAX_WIRE, from at most SEPSTREAM_LINK_MAX_DATA + 1
 * bytes of payload. Gives their number. */
static inline size_t sepstream_link_encode(uint8_t *wire, uint8_t kind, uint8_t sequence, const uint8_t *payload, uint16_t length)
{
    const uint8_t header[4] = {(uint8_t)(SEPSTREAM_LINK_VERSION << 4 | kind), sequence, (uint8_t)length, (uint8_t)(length >> 8)};
    const uint32_t crc = sepstream_crc32(sepstream_crc32(0, header, 4), payload, length);
    size_t count = 0;
    wire[count++] = SEPSTREAM_LINK_FLAG;
    for (size_t at = 0; at < 8u + length; at++) {
        uint8_t byte = at < 4 ? header[at] : at < 4u + length ? payload[at - 4] : (uint8_t)(crc >> 8 * (at - 4 - length));
        if (byte == SEPSTREAM_LINK_FLAG || byte == SEPSTREAM_LINK_ESCAPE) {
            wire[count++] = SEPSTREAM_LINK_ESCAPE;
            byte ^= SEPSTREAM_LINK_ESCAPE_XOR;
        }
        wire[count++] = byte;
    }
    wire[count++] = SEPSTREAM_LINK_FLAG;
    return count;
}

#endif
