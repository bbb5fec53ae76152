/* The table of open flows: what the packet loop, the table and the Python type share. */
#ifndef FLOWML_FLOW_TABLE_H
#define FLOWML_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "flow_key.h"

/* --- what Python hands over, and what it gets; the names go to Python, so that neither side can drift ---- */

#define CONFIG(X)                                                                                              \
    X(capture_next) X(meter_initialize_flow) X(meter_update_flow) X(meter_expire_flow) X(meter_free_flow)      \
    X(capture_close) X(ndpi_calloc) X(ndpi_flow_free) X(pcap_dispatch) X(pcap_fopen_offline) X(pcap_datalink)                \
    X(dissector) X(n_dissections) X(accounting_mode) X(splt_packets)                                           \
    X(idle_timeout_ms) X(active_timeout_ms) X(history_packets) X(max_flows) X(batch_records) X(hash_seed)      \
    X(packet_bytes) X(packet_time) X(packet_direction) X(packet_src_ip) X(packet_dst_ip) X(packet_src_port)    \
    X(packet_dst_port) X(packet_protocol) X(packet_vlan_id) X(packet_tunnel_id) X(packet_payload_size)         \
    X(record_bytes) X(flow_first_seen) X(flow_splt_direction) X(flow_splt_ps) X(flow_splt_piat_ms)             \
    X(flow_app_protocol) X(flow_detection_completed) X(flow_ndpi_flow) X(shards) X(shard) X(only_protocol)      \
    X(dissection_bytes) X(waits_for_payload) X(kept_bytes) X(kept_payload) X(kept_room)                       \
    X(max_dissections)

#define FACTS(X)                                                                                               \
    X(uid) X(slice) X(ending) X(covered_until_ms) X(payload_packets) X(gap_before) X(swapped)

#define COUNTERS(X)                                                                                            \
    X(packets) X(ignored) X(empty_reads) X(open_flows) X(evicted) X(lost_records) X(clock_ms)                  \
    X(failed_input) X(error_number) X(elsewhere) X(passed_over) X(kept_headers) X(lost_headers)

#define AS_UINT64(name) uint64_t name;
#define AS_INT64(name) int64_t name;

struct config { CONFIG(AS_UINT64) };
struct facts { FACTS(AS_INT64) };
struct counters { COUNTERS(AS_INT64) };

enum ending { IDLE, ACTIVE, SNAPSHOT, EVICTED, FLUSHED };
enum status { BATCH_FULL, END_OF_FILE, DEADLINE, READ_FAILED, LINK_ERROR, CLOCK_STEPPED_BACK, NO_MEMORY };

/* The engine's functions, as nfstream 6.6.0 declares them. */
typedef int (*capture_next_f)(void *, void *, int, int, uint64_t, int);
typedef void *(*initialize_f)(void *, uint8_t, uint8_t, uint16_t, uint8_t, void *, uint8_t);
typedef uint8_t (*update_f)(void *, void *, uint64_t, uint64_t, uint8_t, uint8_t, uint16_t, uint8_t, void *,
                            uint8_t);
typedef void (*expire_f)(void *, uint8_t, void *);
typedef void (*free_f)(void *, uint8_t, uint16_t, uint8_t);
typedef void (*close_f)(void *);

/* Public functions of nDPI and libpcap that the engine carries with it. */
struct packet_header { /* libpcap's struct pcap_pkthdr */
    struct timeval time;
    uint32_t captured_bytes, bytes;
};
struct record_header { /* of a pcap file */
    uint32_t seconds, microseconds, captured_bytes, bytes;
};
typedef void (*packet_f)(uint8_t *, const struct packet_header *, const uint8_t *);
typedef int (*dispatch_f)(void *, int, packet_f, uint8_t *);
typedef void *(*fopen_offline_f)(FILE *, char *);
typedef int (*datalink_f)(void *);
typedef void (*flow_free_f)(void *);
typedef void *(*calloc_f)(size_t, size_t);

#define SLOT_MS 100          /* snapshots are taken at whole tenths of a second */
#define WHEEL_SLOTS 4096     /* 409.6 s: longer than the longest time between two snapshots of a flow */
#define HASH_KEYS 7
#define MAX_INPUTS 16
#define IGNORED_HEAD 152     /* bytes kept of a packet that the engine left out, to say why */
#define MAX_IGNORED 4096     /* so many of them are told at once */
#define LONGEST_HEADER 24    /* of a record of a pcap file */
#define SHORT_BYTES 256      /* in a shorter packet the ports may lie behind what was captured */

/* --- the table ------------------------------------------------------------------------------------------- */

struct link {
    struct link *previous, *next;
};

struct payload {
    int64_t time_ms;
    int32_t size_bytes; /* negative: sent by the destination of the slice */
};

struct ring { /* the newest payload packets since the flow's last record; grows up to history_packets */
    struct payload *packets;
    uint32_t room, start, used;
    bool overflowed;
};

struct flow {
    struct link recency; /* first, so that a link of that list is its flow */
    struct link schedule;
    struct link dissection; /* with all flows of which nDPI keeps something */
    struct flow *chain;
    uint64_t hash;
    struct key key;
    uint8_t *slice_record; /* the engine's struct nf_flow */
    struct ring ring;
    uint64_t uid;
    int64_t started_ms, last_seen_ms;
    uint32_t slice, snapshots;
    uint32_t payload_packets, counts_passed; /* of the flow, in all its slices */
    uint8_t source_side; /* which side of the key sent the first packet of the flow ... */
    uint8_t sender_side; /* ... and of the slice */
    bool awaits_payload; /* nDPI has not seen its slice yet */
    bool has_news;       /* a payload packet came since the age at which it was reported last */
};

struct vector {
    uint8_t *bytes;
    size_t used, room;
};

struct ignored { /* a packet of an interface that the engine left out */
    uint32_t captured_bytes, link_type;
    uint8_t head[IGNORED_HEAD];
};

struct feed { /* an interface whose packets go through our hands to the engine; see live_feed.c */
    void *live, *parsed; /* libpcap's handles: of the interface, and of the stream that the engine reads */
    struct {
        const uint8_t *bytes;
        size_t length;
    } waiting[2]; /* what the stream gives next: a record header, and the packet */
    struct table *table;
    int link_type, got; /* what the engine said of the newest packet */
};

struct plain_layout { /* how a pcap file is written, and where its next packet is */
    int descriptor, is_big, link_type;
    uint32_t fractions, header_bytes;
    int64_t position;
};

struct plain_file { /* a pcap file that is read here; see plain_file.c */
    struct plain_layout layout;
    uint8_t blank[LONGEST_HEADER + SHORT_BYTES]; /* a packet of zeros */
    uint8_t *piece; /* of the file, from the layout's position on */
    size_t used, at;
    bool has_failed;
    void *parsed; /* libpcap's handle of the stream that the engine reads */
    const uint8_t *waiting; /* what the stream gives next */
    size_t waiting_bytes;
};

struct table {
    struct config config;
    capture_next_f capture_next;
    initialize_f initialize;
    update_f update;
    expire_f expire;
    free_f release;
    close_f close;
    calloc_f allocate_dissection;
    flow_free_f free_dissection;
    dispatch_f dispatch;
    fopen_offline_f fopen_offline;
    datalink_f datalink;
    struct counters counters;
    uint64_t next_uid, flows, buckets, dissections;
    struct flow **bucket;
    struct link recency; /* next: least recently used */
    struct link dissected; /* next: begun first */
    struct link wheel[WHEEL_SLOTS];
    int64_t clock_ms, slot;
    uint32_t n_ages, n_counts;
    uint64_t *ages_ms, *counts;
    uint64_t hash_key[HASH_KEYS];
    struct feed feed[MAX_INPUTS];
    struct plain_file plain;
    uint8_t *packet;
    size_t records;
    struct vector record, facts, times, sizes, splt, ignored, headers;
    bool out_of_memory;
};

struct plan { /* when open flows are reported: ages in ms, and numbers of payload packets; both rising */
    const uint8_t *ages_ms, *counts;
    size_t ages_bytes, counts_bytes;
};

static inline uint64_t read64(const uint8_t *bytes, uint64_t offset)
{
    uint64_t value;
    memcpy(&value, bytes + offset, sizeof value);
    return value;
}

static inline uint32_t read32(const uint8_t *bytes, uint64_t offset)
{
    uint32_t value;
    memcpy(&value, bytes + offset, sizeof value);
    return value;
}

static inline uint16_t read16(const uint8_t *bytes, uint64_t offset)
{
    uint16_t value;
    memcpy(&value, bytes + offset, sizeof value);
    return value;
}

static inline void link_out(struct link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link->previous = link->next = link;
}

static inline void link_before(struct link *link, struct link *place)
{
    link->previous = place->previous;
    link->next = place;
    place->previous->next = link;
    place->previous = link;
}

/* The libraries of the process have names like these too: ours must not be taken for theirs. */
#pragma GCC visibility push(hidden)

/* --- flow_table.c ---------------------------------------------------------------------------------------- */

bool reserve(struct vector *vector, size_t more);
void append(struct vector *vector, const void *bytes, size_t length); /* what was reserved */
bool table_allocate(struct table *table, const struct plan *plan);
void table_free(struct table *table);
void table_clear(struct table *table);                       /* free all flows without a record */
void table_flush(struct table *table, bool is_end_of_file);  /* close flows, as many as a batch holds */
void forget_batch(struct table *table);                      /* begin another batch */
bool has_room(const struct table *table);

uint64_t key_hash(const struct table *table, const struct key *key);
struct flow *find(const struct table *table, const struct key *key, uint64_t hash);
void insert(struct table *table, struct flow *flow);
void forget(struct table *table, struct flow *flow);  /* its slice must be closed */
void evict(struct table *table);
void close_slice(struct table *table, struct flow *flow, enum ending ending, int64_t covered_until_ms);
int64_t idle_at(const struct table *table, const struct flow *flow);
void begin_dissection(struct table *table, struct flow *flow);   /* nDPI keeps something of it from now on */
void release_dissection(struct table *table, struct flow *flow); /* ... no longer, once it is done */

void count_payload(struct table *table, struct flow *flow);
void advance_clock(struct table *table, int64_t now_ms);
void expire_idle(struct table *table);

/* --- packet_loop.c --------------------------------------------------------------------------------------- */

struct input {
    void *capture;
    int descriptor;
};

/* Of a capture of libpcap's, or of the plain file where there is none. */
enum status run_file(struct table *table, void *capture, uint64_t max_packets);
enum status run_live(struct table *table, const struct input *inputs, size_t count, int64_t deadline_ms);
/* Give what capture_next said of the next packet. One whose key is known already is to be metered here. */
int read_packet(struct table *table, void *capture, const struct sent *known);
int64_t count_packet(struct table *table, uint64_t time_ms);
bool is_elsewhere(const struct table *table, const struct key *key); /* another process has this flow */

#define MODE_FILE 0 /* what capture_next is told of a file */
#define IGNORED 0 /* capture_next: a packet of which no flow is made */
#define METERED 1 /* ... a packet was parsed */
#define NOTHING (-1) /* ... no packet, or libpcap failed */

/* --- live_feed.c ----------------------------------------------------------------------------------------- */

bool feed_open(struct feed *feed, struct table *table, void *live);
void feed_close(struct feed *feed);
int feed_read(struct feed *feed, int most); /* up to so many packets of the interface; gives how many */

/* --- plain_file.c ---------------------------------------------------------------------------------------- */

bool plain_open(struct table *table, const struct plain_layout *layout);
void plain_close(struct table *table);
int plain_next(struct table *table); /* gives what capture_next said, or would have said */

/* --- header_ring.c --------------------------------------------------------------------------------------- */

/* Keep what kept_bytes and kept_payload say of a packet, as long as there is room. */
void keep_headers(struct table *table, const struct packet_header *header, const uint8_t *bytes, int link_type);

#pragma GCC visibility pop

#endif
