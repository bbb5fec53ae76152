/* Headers of the packets of an interface, kept as records of a pcap file, without a byte of payload.
 *
 * Where the transport header ends is read from the packet alone, and nothing is believed: a packet that is no
 * IPv4 or IPv6, a fragment after the first and a transport that is neither TCP nor UDP are cut earlier.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "flow_table.h"

#define ETHERNET 1
#define RAW 12         /* DLT_RAW, as libpcap gives it on Linux ... */
#define RAW_IN_FILE 101 /* ... and LINKTYPE_RAW, as files have it */
#define LINUX_COOKED 113
#define IPV4 0x0800
#define IPV6 0x86DD
#define VLAN 0x8100
#define SERVICE_VLAN 0x88A8
#define PPPOE 0x8864
#define MPLS 0x8847
#define MPLS_MULTICAST 0x8848
#define IN_IPV4 4 /* protocols: an IP packet inside */
#define IN_IPV6 41
#define NESTING 8 /* tags, labels or extension headers, of each kind */

struct cursor { /* how far a packet is known to be headers; never behind its end */
    const uint8_t *bytes;
    size_t at, end;
};

static bool has(const struct cursor *cursor, size_t more)
{
    return cursor->end - cursor->at >= more;
}

static void skip(struct cursor *cursor, size_t length)
{
    cursor->at = has(cursor, length) ? cursor->at + length : cursor->end;
}

static unsigned octet(const struct cursor *cursor, size_t offset)
{
    return has(cursor, offset + 1) ? cursor->bytes[cursor->at + offset] : 0;
}

static unsigned pair(const struct cursor *cursor, size_t offset)
{
    return octet(cursor, offset) << 8 | octet(cursor, offset + 1);
}

static unsigned version(const struct cursor *cursor)
{
    unsigned four_bits = octet(cursor, 0) >> 4;
    return four_bits == 4 ? IPV4 : four_bits == 6 ? IPV6 : 0;
}

/* Pass the link layer with its tags; give what follows. */
static unsigned pass_link(struct cursor *cursor, int link_type)
{
    if (link_type == RAW || link_type == RAW_IN_FILE)
        return version(cursor);
    if (link_type != ETHERNET && link_type != LINUX_COOKED)
        return 0;
    size_t length = link_type == ETHERNET ? 14 : 16;
    unsigned type = pair(cursor, length - 2);
    skip(cursor, length);
    for (int i = 0; i < NESTING; i++) {
        if (type == VLAN || type == SERVICE_VLAN) {
            type = pair(cursor, 2);
            skip(cursor, 4);
        } else if (type == PPPOE) {
            skip(cursor, 8);
            type = version(cursor);
        } else if (type == MPLS || type == MPLS_MULTICAST) {
            bool is_last = octet(cursor, 2) & 1;
            skip(cursor, 4);
            type = is_last ? version(cursor) : type;
        }
    }
    return type;
}

/* Pass the IPv4 header; give the transport protocol, 0 for none that may be looked into. */
static unsigned pass_ipv4(struct cursor *cursor)
{
    size_t length = (octet(cursor, 0) & 15) * 4;
    bool is_later = pair(cursor, 6) & 0x1FFF;
    unsigned protocol = octet(cursor, 9);
    skip(cursor, length < 20 ? 20 : length);
    return is_later || length < 20 ? 0 : protocol;
}

static unsigned pass_ipv6(struct cursor *cursor)
{
    unsigned protocol = octet(cursor, 6);
    skip(cursor, 40);
    for (int i = 0; i < NESTING; i++) {
        unsigned following = octet(cursor, 0);
        if (protocol == 44) {
            bool is_later = pair(cursor, 2) >> 3;
            skip(cursor, 8);
            if (is_later)
                return 0;
        } else if (protocol == 0 || protocol == 43 || protocol == 60 || protocol == 135) {
            skip(cursor, (octet(cursor, 1) + 1) * 8);
        } else {
            return protocol;
        }
        protocol = following;
    }
    return 0;
}

static size_t header_length(const uint8_t *bytes, size_t captured, int link_type)
{
    struct cursor cursor = {bytes, 0, captured};
    unsigned type = pass_link(&cursor, link_type), protocol = type == IPV4 ? IN_IPV4 : type == IPV6 ? IN_IPV6 : 0;
    for (int i = 0; i < NESTING && (protocol == IN_IPV4 || protocol == IN_IPV6); i++) /* one IP in another, too */
        protocol = protocol == IN_IPV4 ? pass_ipv4(&cursor) : pass_ipv6(&cursor);
    if (protocol == 6) {
        size_t length = (octet(&cursor, 12) >> 4) * 4;
        skip(&cursor, length < 20 ? 20 : length);
    } else if (protocol == 17) {
        skip(&cursor, 8);
    }
    return cursor.at;
}

void keep_headers(struct table *table, const struct packet_header *header, const uint8_t *bytes, int link_type)
{
    const struct config *config = &table->config;
    size_t length = config->kept_payload ? header->captured_bytes
                                         : header_length(bytes, header->captured_bytes, link_type);
    struct record_header record = {(uint32_t)header->time.tv_sec, (uint32_t)header->time.tv_usec,
                                   (uint32_t)(length < config->kept_bytes ? length : config->kept_bytes),
                                   header->bytes};
    size_t needed = sizeof record + record.captured_bytes;
    if (table->headers.used + needed > config->kept_room || !reserve(&table->headers, needed)) {
        table->counters.lost_headers++;
        return;
    }
    append(&table->headers, &record, sizeof record);
    append(&table->headers, bytes, record.captured_bytes);
    table->counters.kept_headers++;
}

PyObject *packet_header_length(PyObject *module, PyObject *arguments)
{
    const char *bytes;
    Py_ssize_t captured;
    int link_type;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y#i", &bytes, &captured, &link_type))
        return NULL;
    return PyLong_FromSize_t(header_length((const uint8_t *)bytes, (size_t)captured, link_type));
}
