/* A pcap file of which every process meters a part.
 *
 * The engine takes longer to read and parse a packet than it takes to see in its headers that another process has
 * its flow. So the file is read here. What is plainly another's is counted and drives the clock, and the engine
 * never sees it. All else goes to the engine as it stands in the file, through a stream that lacks the others'
 * packets.
 */
#define _GNU_SOURCE
#include "flow_table.h"

#include <stdio_ext.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define ERROR_BYTES 256 /* PCAP_ERRBUF_SIZE */
#define FILE_HEADER_BYTES 24
#define USUAL_BYTES (64u << 10)  /* of the file at once: stays in the cache */
#define PIECE_BYTES (512u << 10) /* ... where a packet needs it; more than the longest */
#define LATEST_S 0x80000000u     /* libpcap takes what is later for a time before 1970 */
#define ETHERNET 1
#define LINUX_COOKED 113
#define VLAN 0x8100
#define VLAN_BYTES 4
#define IPV4 0x0800
#define IPV6 0x86DD
#define TCP 6
#define IPV4_BYTES 20 /* without options */
#define IPV6_BYTES 40
#define TCP_BYTES 20
#define END_OF_PACKETS (NOTHING - 1)

/* --- reading --------------------------------------------------------------------------------------------- */

/* The stream's reader. libpcap asks for no more than the packet that waits. */
static ssize_t give(void *cookie, char *place, size_t room)
{
    struct plain_file *file = cookie;
    size_t length = file->waiting_bytes < room ? file->waiting_bytes : room;
    memcpy(place, file->waiting, length);
    file->waiting += length;
    file->waiting_bytes -= length;
    return (ssize_t)length;
}

static void wait_with(struct plain_file *file, const uint8_t *bytes, size_t length)
{
    file->waiting = bytes;
    file->waiting_bytes = length;
}

void plain_close(struct table *table)
{
    struct plain_file *file = &table->plain;
    if (file->parsed)
        table->close(file->parsed); /* and the stream */
    free(file->piece);
    memset(file, 0, sizeof *file);
}

/* A packet of zeros, with its record header in the file's byte order. */
static void make_blank(struct plain_file *file)
{
    uint32_t length = file->layout.is_big ? __builtin_bswap32(SHORT_BYTES) : SHORT_BYTES;
    memset(file->blank, 0, sizeof file->blank);
    memcpy(file->blank + 8, &length, sizeof length);
    memcpy(file->blank + 12, &length, sizeof length);
}

bool plain_open(struct table *table, const struct plain_layout *layout)
{
    struct plain_file *file = &table->plain;
    char error[ERROR_BYTES];
    plain_close(table);
    file->layout = *layout;
    make_blank(file);
    file->piece = malloc(PIECE_BYTES);
    if (!file->piece || pread(layout->descriptor, file->piece, FILE_HEADER_BYTES, 0) != FILE_HEADER_BYTES)
        return false;
    FILE *stream = fopencookie(file, "r", (cookie_io_functions_t){.read = give});
    if (!stream)
        return false;
    __fsetlocking(stream, FSETLOCKING_BYCALLER);
    wait_with(file, file->piece, FILE_HEADER_BYTES);
    file->parsed = table->fopen_offline(stream, error);
    if (!file->parsed)
        fclose(stream);
    return file->parsed != NULL;
}

static uint32_t field(const struct plain_file *file, const uint8_t *record, uint64_t offset)
{
    uint32_t value = read32(record, offset);
    return file->layout.is_big ? __builtin_bswap32(value) : value;
}

/* Whether a whole record lies at the reader's place in the piece. */
static bool holds_record(const struct plain_file *file)
{
    size_t left = file->used - file->at, header = file->layout.header_bytes;
    return left >= header && field(file, file->piece + file->at, 8) <= left - header;
}

static void read_piece(struct plain_file *file, size_t bytes)
{
    file->layout.position += (int64_t)file->at;
    ssize_t got = pread(file->layout.descriptor, file->piece, bytes, file->layout.position);
    file->has_failed = got < 0;
    file->used = got > 0 ? (size_t)got : 0;
    file->at = 0;
}

/* Give the next record; NULL at the end of the file, and where it is not what it was when it was walked. */
static const uint8_t *next_record(struct plain_file *file, size_t *captured)
{
    if (!holds_record(file))
        read_piece(file, USUAL_BYTES);
    if (!holds_record(file))
        read_piece(file, PIECE_BYTES);
    if (!holds_record(file))
        return NULL;
    const uint8_t *record = file->piece + file->at;
    *captured = field(file, record, 8);
    file->at += file->layout.header_bytes + *captured;
    return record;
}

/* --- whose packet it is ---------------------------------------------------------------------------------- */

static uint16_t pair(const uint8_t *bytes, size_t at)
{
    return (uint16_t)(bytes[at] << 8 | bytes[at + 1]);
}

/* As a whole word: see flow_key.h. */
static uint64_t ipv4_address(const uint8_t *bytes)
{
    uint64_t address = 0;
    memcpy(&address, bytes, 4);
    return address;
}

/* Where TCP begins in an IPv4 packet without options and fragments; 0 in any other. */
static size_t tcp_in_ipv4(const uint8_t *ip, size_t captured, struct headers *headers)
{
    if (captured < IPV4_BYTES + TCP_BYTES || ip[0] != 0x45 || ip[9] != TCP || pair(ip, 6) & 0x3FFF ||
        pair(ip, 2) < IPV4_BYTES + TCP_BYTES)
        return 0;
    headers->source[0] = ipv4_address(ip + 12);
    headers->target[0] = ipv4_address(ip + 16);
    return IPV4_BYTES;
}

/* Where TCP begins in a whole IPv6 packet without extension headers; 0 in any other. */
static size_t tcp_in_ipv6(const uint8_t *ip, size_t captured, struct headers *headers)
{
    if (captured < IPV6_BYTES + TCP_BYTES || ip[0] >> 4 != 6 || ip[6] != TCP || pair(ip, 4) < TCP_BYTES ||
        captured - IPV6_BYTES < pair(ip, 4))
        return 0;
    memcpy(headers->source, ip + 8, 16);
    memcpy(headers->target, ip + 24, 16);
    return IPV6_BYTES;
}

/* Skip the link layer, with one tag at most; give the type of what follows, 0 if that is not plain to see. */
static uint16_t skip_link(const struct plain_file *file, const uint8_t *packet, size_t captured, size_t *start,
                          uint16_t *vlan_id)
{
    if (file->layout.link_type != ETHERNET && file->layout.link_type != LINUX_COOKED)
        return 0;
    *start = file->layout.link_type == ETHERNET ? 14 : 16;
    if (captured < *start + VLAN_BYTES)
        return 0;
    uint16_t type = pair(packet, *start - 2);
    if (type != VLAN)
        return type;
    *vlan_id = pair(packet, *start) & 0x0FFF;
    *start += VLAN_BYTES;
    return pair(packet, *start - 2);
}

/* Read the key off a packet of TCP directly over IP and the link layer. The engine meters each of those, under the
 * same key. Of others, with tunnels, options and so on, only the engine knows. */
static bool is_plain(const struct plain_file *file, const uint8_t *packet, size_t captured, struct sent *sent)
{
    struct headers headers = {.protocol = TCP};
    size_t start = 0, tcp = 0;
    uint16_t type = skip_link(file, packet, captured, &start, &headers.vlan_id);
    const uint8_t *ip = packet + start;
    if (type == IPV4)
        tcp = tcp_in_ipv4(ip, captured - start, &headers);
    else if (type == IPV6)
        tcp = tcp_in_ipv6(ip, captured - start, &headers);
    if (!tcp)
        return false;
    headers.source_port = pair(ip, tcp);
    headers.target_port = pair(ip, tcp + 2);
    set_sent(sent, &headers);
    return true;
}

static bool has_time(const struct plain_file *file, const uint8_t *record)
{
    return field(file, record, 0) < LATEST_S && field(file, record, 4) < file->layout.fractions;
}

static uint64_t time_ms(const struct plain_file *file, const uint8_t *record)
{
    return field(file, record, 0) * UINT64_C(1000) + field(file, record, 4) / (file->layout.fractions / 1000);
}

/* Let nothing lie behind the next packet in libpcap's buffer. There the engine looks for what was not captured of it,
 * and would find something else in every process. */
static void clear_buffer(struct table *table, struct plain_file *file)
{
    wait_with(file, file->blank, file->layout.header_bytes + SHORT_BYTES);
    table->capture_next(file->parsed, table->packet, 1, 1, 0, MODE_FILE);
}

int plain_next(struct table *table)
{
    struct plain_file *file = &table->plain;
    struct sent sent;
    size_t captured, header = file->layout.header_bytes;
    const uint8_t *record = next_record(file, &captured);
    if (!record)
        return file->used || file->has_failed ? NOTHING : END_OF_PACKETS;
    bool is_known = is_plain(file, record + header, captured, &sent) && has_time(file, record);
    if (is_known && is_elsewhere(table, &sent.key)) {
        count_packet(table, time_ms(file, record));
        table->counters.elsewhere++;
        return METERED;
    }
    if (!is_known && captured < SHORT_BYTES)
        clear_buffer(table, file);
    wait_with(file, record, header + captured);
    return read_packet(table, file->parsed, is_known ? &sent : NULL);
}
