/* Why the engine will leave packets out; flowml.capture.census is the whole of it and says the reasons.
 *
 * One packet after the other, where the Python census looks at one byte of all packets after the other. What
 * lies behind the data reads as its last byte, in both.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "flow_table.h"

#include <stdlib.h>
#include <unistd.h>

#define PIECE_BYTES (512u << 10) /* of a file at once: more than the longest packet, and stays in the cache */
#define MAX_CAPTURED_BYTES 262144u
#define ETHERNET 1
#define LINUX_COOKED 113
#define IPV4 0x0800
#define IPV6 0x86DD
#define VLAN 0x8100
#define SERVICE_VLAN_TYPE 0x88A8
#define PPPOE 0x8864
#define MPLS 0x8847
#define MPLS_MULTICAST 0x8848
#define NESTING 4
#define LATE_US 1000

enum reason { NONE, NOT_IP, SERVICE_VLAN, FRAGMENT, TRUNCATED, SHORT, MALFORMED, REASONS };

struct census { /* as bytes of int64 for Python */
    int64_t latest_us, most_late_us, late_packets, timeless, tunnelled, ignored[REASONS];
};

struct view { /* a packet that is looked at, layer by layer */
    const uint8_t *data;
    int64_t last; /* index of the last byte of the data */
    int64_t start, captured;
    int64_t layer3, type;
    bool is_open, is_tunnelled;
};

static int64_t octet(const struct view *view, int64_t at)
{
    int64_t place = view->start + at;
    return view->data[place < view->last ? place : view->last];
}

static int64_t pair(const struct view *view, int64_t at)
{
    return octet(view, at) << 8 | octet(view, at + 1);
}

static enum reason skip_tags(struct view *view)
{
    for (int i = 0; i < NESTING && view->type != IPV4 && view->type != IPV6; i++) {
        int64_t inner = pair(view, view->layer3 + 2);
        if (view->type == VLAN) {
            view->type = inner;
            view->layer3 += 4;
        } else if (view->type == PPPOE) {
            view->type = IPV4;
            view->layer3 += 8;
        } else if (view->type == MPLS || view->type == MPLS_MULTICAST) {
            view->type = octet(view, view->layer3 + 2) & 1 ? IPV4 : view->type;
            view->layer3 += 4;
        } else {
            break;
        }
    }
    if (view->type == SERVICE_VLAN_TYPE)
        return SERVICE_VLAN;
    return view->type == IPV4 || view->type == IPV6 ? NONE : NOT_IP;
}

static enum reason enter_link(struct view *view, int link_type)
{
    view->type = IPV4;
    if (link_type == ETHERNET) {
        view->layer3 = 14;
        view->type = pair(view, 12);
        if (view->type <= 1500 && octet(view, 14) == 0xAA) { /* a length; LLC and SNAP headers follow */
            view->type = pair(view, 20);
            view->layer3 += 8;
        }
    } else if (link_type == LINUX_COOKED) {
        view->layer3 = 16;
        view->type = pair(view, 14);
    } else if (octet(view, 0) >> 4 == 6) {
        view->type = link_type == 12 || link_type == 101 ? IPV6 : IPV4;
    }
    if (view->captured < 28) /* the engine's least: an IPv4 and a UDP header */
        return SHORT;
    return link_type == ETHERNET || link_type == LINUX_COOKED ? skip_tags(view) : NONE;
}

static bool is_tunnel_port(int64_t port)
{
    return port == 2152 || port == 5247 || port == 37008;
}

static enum reason enter_udp(struct view *view, int64_t start)
{
    if (view->captured < start + 8)
        return SHORT;
    view->is_tunnelled |= is_tunnel_port(pair(view, start)) || is_tunnel_port(pair(view, start + 2));
    return NONE;
}

static enum reason enter_ipv4(struct view *view)
{
    int64_t start = view->layer3, header = (octet(view, start) & 15) * 4, protocol = octet(view, start + 9);
    view->layer3 = start + header;
    view->is_open = (protocol == 4 || protocol == 41) && header > 0;
    if (view->is_open)
        return NONE;
    if (view->type == IPV4 && pair(view, start + 6) & 0x1FFF)
        return FRAGMENT;
    enum reason reason = protocol == 17 ? enter_udp(view, start + header) : NONE;
    if (reason)
        return reason;
    return header > view->captured - start || pair(view, start + 2) < header ? MALFORMED : NONE;
}

static enum reason enter_ipv6(struct view *view)
{
    int64_t start = view->layer3, layer4 = start + 40;
    if (view->captured < layer4)
        return SHORT;
    if (view->captured < layer4 + pair(view, start + 4))
        return TRUNCATED;
    int64_t protocol = octet(view, start + 6);
    for (int i = 0; i < NESTING; i++) {
        bool is_fragment = protocol == 44;
        if (!is_fragment && protocol != 0 && protocol != 43 && protocol != 60 && protocol != 135)
            break;
        if (is_fragment && pair(view, layer4 + 2) >> 3)
            return FRAGMENT;
        int64_t length = is_fragment ? 8 : (octet(view, layer4 + 1) + 1) * 8;
        protocol = octet(view, layer4);
        layer4 += length;
    }
    view->layer3 = layer4;
    view->is_open = protocol == 4 || protocol == 41;
    if (protocol == 59) /* no next header: nothing to meter */
        return MALFORMED;
    return protocol == 17 ? enter_udp(view, layer4) : NONE;
}

static enum reason reason_to_ignore(struct view *view, int link_type)
{
    enum reason reason = enter_link(view, link_type);
    view->is_open = true;
    for (int i = 0; i < NESTING && view->is_open && !reason; i++) {
        if (view->captured < view->layer3 + 20)
            return SHORT;
        int64_t version = octet(view, view->layer3) >> 4;
        if (version != 4 && version != 6)
            return NOT_IP;
        reason = version == 4 ? enter_ipv4(view) : enter_ipv6(view);
    }
    return reason;
}

static void watch_the_time(struct census *census, int64_t time_us)
{
    if (time_us > census->latest_us)
        census->latest_us = time_us;
    int64_t back_us = time_us < 0 ? 0 : census->latest_us - time_us;
    census->late_packets += back_us > LATE_US;
    census->timeless += time_us < 0;
    if (back_us > census->most_late_us)
        census->most_late_us = back_us;
}

static void count(struct census *census, struct view *view, int64_t time_us, int link_type, bool is_classified)
{
    watch_the_time(census, time_us);
    if (!is_classified)
        return;
    census->ignored[reason_to_ignore(view, link_type)]++;
    census->tunnelled += view->is_tunnelled;
}

PyObject *count_packets(PyObject *module, PyObject *arguments)
{
    Py_buffer data, starts, captured, times, counted;
    int link_type, is_classified;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*ipw*", &data, &starts, &captured, &times, &link_type, &is_classified,
                          &counted))
        return NULL;
    bool fits = counted.len == sizeof(struct census) && captured.len == starts.len && times.len == starts.len;
    struct census *census = counted.buf;
    for (Py_ssize_t i = 0; fits && i < starts.len / 8; i++) {
        struct view view = {
            .data = data.buf,
            .last = data.len - 1,
            .start = ((const int64_t *)starts.buf)[i],
            .captured = ((const int64_t *)captured.buf)[i],
        };
        count(census, &view, ((const int64_t *)times.buf)[i], link_type, is_classified);
    }
    Py_buffer *all[] = {&data, &starts, &captured, &times, &counted};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        PyBuffer_Release(all[i]);
    if (fits)
        Py_RETURN_NONE;
    PyErr_SetString(PyExc_ValueError, "the buffers do not fit each other");
    return NULL;
}

struct plain { /* a pcap file, how it is written, and how far it was read */
    int descriptor, is_big, link_type, is_classified;
    uint32_t fractions, header_bytes;
    int64_t position, packets;
};

static uint32_t field(const struct plain *file, const uint8_t *record, uint64_t offset)
{
    uint32_t value = read32(record, offset);
    return file->is_big ? __builtin_bswap32(value) : value;
}

/* Count the whole packets of a piece of the file; give the bytes that they take. */
static int64_t count_piece(const uint8_t *piece, int64_t bytes, struct plain *file, struct census *census)
{
    int64_t at = 0;
    while (bytes - at >= file->header_bytes) {
        const uint8_t *record = piece + at;
        uint32_t fraction = field(file, record, 4), captured = field(file, record, 8);
        if (captured > MAX_CAPTURED_BYTES || fraction >= file->fractions ||
            captured > bytes - at - file->header_bytes)
            break;
        int64_t time_us = (int64_t)field(file, record, 0) * 1000000 + fraction / (file->fractions / 1000000);
        struct view view = {
            .data = piece, .last = bytes - 1, .start = at + file->header_bytes, .captured = captured};
        count(census, &view, time_us, file->link_type, file->is_classified);
        file->packets++;
        at += file->header_bytes + captured;
    }
    return at;
}

/* Walk and count at once; whatever is not plainly a good packet, and the end, is left to the Python walker. */
PyObject *count_pcap(PyObject *module, PyObject *arguments)
{
    struct plain file = {0};
    Py_buffer counted;
    long long position;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "iLpIIipw*", &file.descriptor, &position, &file.is_big, &file.fractions,
                          &file.header_bytes, &file.link_type, &file.is_classified, &counted))
        return NULL;
    uint8_t *piece = malloc(PIECE_BYTES);
    file.position = position;
    if (piece && counted.len == sizeof(struct census)) {
        Py_BEGIN_ALLOW_THREADS
        int64_t bytes = 0, used = 1;
        while (used > 0 && (bytes = pread(file.descriptor, piece, PIECE_BYTES, file.position)) > 0) {
            used = count_piece(piece, bytes, &file, counted.buf);
            file.position += used;
        }
        Py_END_ALLOW_THREADS
    }
    free(piece);
    PyBuffer_Release(&counted);
    return Py_BuildValue("(LL)", (long long)file.position, (long long)file.packets);
}
