/* The meter's loop over packets, around NFStream's own compiled engine.
 *
 * The engine takes packets from libpcap, keeps the statistics of a flow and asks nDPI for names. This file
 * adds what it has not: a table of open flows with a true least-recently-used order, expiry by the clock,
 * snapshots of open flows, a bound, and the last payload packets of every flow. It is compiled without any
 * header of the engine: flowml.capture.engine hands over the addresses of its functions and the offsets of
 * the fields of its two structures, after comparing their types with those that this file relies on.
 *
 * Words: a flow is what has one key (addresses, ports, protocol, VLAN, tunnel); a slice is the part of a flow
 * between two expiries, and the engine knows slices only; a record is what leaves: a slice, or its snapshot.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* --- what Python hands over, and what it gets; the names go to Python, so that neither side can drift ---- */

#define CONFIG(X)                                                                                              \
    X(capture_next) X(meter_initialize_flow) X(meter_update_flow) X(meter_expire_flow) X(meter_free_flow)      \
    X(dissector) X(n_dissections) X(accounting_mode) X(splt_packets)                                           \
    X(idle_timeout_ms) X(active_timeout_ms) X(history_packets) X(max_flows) X(batch_records) X(hash_seed)      \
    X(packet_bytes) X(packet_time) X(packet_direction) X(packet_src_ip) X(packet_dst_ip) X(packet_src_port)    \
    X(packet_dst_port) X(packet_protocol) X(packet_vlan_id) X(packet_tunnel_id) X(packet_payload_size)         \
    X(record_bytes) X(flow_first_seen) X(flow_splt_direction) X(flow_splt_ps) X(flow_splt_piat_ms)

#define FACTS(X)                                                                                               \
    X(uid) X(slice) X(ending) X(covered_until_ms) X(payload_packets) X(gap_before) X(swapped)

#define COUNTERS(X)                                                                                            \
    X(packets) X(ignored) X(empty_reads) X(open_flows) X(evicted) X(lost_records) X(clock_ms)                  \
    X(failed_input) X(error_number)

#define AS_UINT64(name) uint64_t name;
#define AS_INT64(name) int64_t name;
#define AS_TEXT(name) #name,

struct config { CONFIG(AS_UINT64) };
struct facts { FACTS(AS_INT64) };
struct counters { COUNTERS(AS_INT64) };

static const char *const config_fields[] = {CONFIG(AS_TEXT) NULL};
static const char *const facts_fields[] = {FACTS(AS_TEXT) NULL};
static const char *const counters_fields[] = {COUNTERS(AS_TEXT) NULL};

enum ending { IDLE, ACTIVE, SNAPSHOT, EVICTED, FLUSHED };
enum status { BATCH_FULL, END_OF_FILE, DEADLINE, READ_FAILED, LINK_ERROR, CLOCK_STEPPED_BACK, NO_MEMORY };

/* The engine's functions, as nfstream 6.6.0 declares them. */
typedef int (*capture_next_f)(void *, void *, int, int, uint64_t, int);
typedef void *(*initialize_f)(void *, uint8_t, uint8_t, uint16_t, uint8_t, void *, uint8_t);
typedef uint8_t (*update_f)(void *, void *, uint64_t, uint64_t, uint8_t, uint8_t, uint16_t, uint8_t, void *, uint8_t);
typedef void (*expire_f)(void *, uint8_t, void *);
typedef void (*free_f)(void *, uint8_t, uint16_t, uint8_t);

#define MODE_FILE 0
#define MODE_INTERFACE 1
#define METERED 1            /* capture_next: a packet was parsed */
#define IGNORED 0            /* ... is none that flows are made of */
#define NOTHING (-1)         /* ... no packet, or libpcap failed */
#define WALL_CLOCK_LAG_MS 1500   /* libpcap's ring gives packets up to 1 s late: the wall clock waits for them */
#define STEP_BACK_MS 2000    /* a wall clock that is further behind the meter's was set back */
#define MAX_EMPTY_READS 1000 /* so many reads in a row without a packet, each after the socket had one */
#define SLOT_MS 100          /* snapshots are taken at whole tenths of a second */
#define WHEEL_SLOTS 4096     /* 409.6 s: longer than the longest time between two snapshots of a flow */
#define FIRST_BUCKETS 4096

/* --- the table ------------------------------------------------------------------------------------------- */

struct key { /* without padding, so that it can be hashed and compared as bytes */
    uint64_t address[2][2];
    uint16_t port[2];
    uint16_t vlan_id;
    uint16_t protocol;
    uint32_t tunnel_id;
    uint32_t zero;
};

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
    struct flow *chain;
    uint64_t hash;
    struct key key;
    uint8_t *slice_record; /* the engine's struct nf_flow */
    struct ring ring;
    uint64_t uid;
    int64_t started_ms, last_seen_ms;
    uint32_t slice, snapshots;
    uint8_t source_side; /* which side of the key sent the first packet of the flow ... */
    uint8_t sender_side; /* ... and of the slice */
};

struct vector {
    uint8_t *bytes;
    size_t used, room;
};

struct table {
    PyObject_HEAD
    struct config config;
    capture_next_f capture_next;
    initialize_f initialize;
    update_f update;
    expire_f expire;
    free_f release;
    struct counters counters;
    uint64_t next_uid, flows, buckets;
    struct flow **bucket;
    struct link recency; /* next: least recently used */
    struct link wheel[WHEEL_SLOTS];
    int64_t clock_ms, slot;
    uint32_t n_ages;
    uint64_t *ages_ms;
    uint8_t *packet;
    size_t records;
    struct vector record, facts, times, sizes, splt;
    bool busy, out_of_memory;
};

static uint64_t read64(const uint8_t *bytes, uint64_t offset)
{
    uint64_t value;
    memcpy(&value, bytes + offset, sizeof value);
    return value;
}

static uint32_t read32(const uint8_t *bytes, uint64_t offset)
{
    uint32_t value;
    memcpy(&value, bytes + offset, sizeof value);
    return value;
}

static uint16_t read16(const uint8_t *bytes, uint64_t offset)
{
    uint16_t value;
    memcpy(&value, bytes + offset, sizeof value);
    return value;
}

static int64_t wall_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void link_out(struct link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link->previous = link->next = link;
}

static void link_before(struct link *link, struct link *place)
{
    link->previous = place->previous;
    link->next = place;
    place->previous->next = link;
    place->previous = link;
}

static struct flow *scheduled_flow(struct link *link)
{
    return (struct flow *)((uint8_t *)link - offsetof(struct flow, schedule));
}

/* --- output ---------------------------------------------------------------------------------------------- */

static bool reserve(struct vector *vector, size_t more)
{
    if (vector->room - vector->used >= more)
        return true;
    size_t room = vector->room ? vector->room : 4096;
    while (room - vector->used < more) {
        if (room > SIZE_MAX / 2)
            return false;
        room *= 2;
    }
    uint8_t *bytes = realloc(vector->bytes, room);
    if (!bytes)
        return false;
    vector->bytes = bytes;
    vector->room = room;
    return true;
}

static void append(struct vector *vector, const void *bytes, size_t length)
{
    memcpy(vector->bytes + vector->used, bytes, length);
    vector->used += length;
}

static void append_splt(struct table *table, const uint8_t *slice)
{
    const struct config *config = &table->config;
    size_t packets = config->splt_packets;
    if (!packets)
        return;
    append(&table->splt, (void *)(uintptr_t)read64(slice, config->flow_splt_piat_ms), 8 * packets);
    append(&table->splt, (void *)(uintptr_t)read64(slice, config->flow_splt_ps), 4 * packets);
    append(&table->splt, (void *)(uintptr_t)read64(slice, config->flow_splt_direction), packets);
}

static void append_ring(struct table *table, const struct ring *ring)
{
    for (uint32_t i = 0; i < ring->used; i++) {
        const struct payload *payload = &ring->packets[(ring->start + i) % ring->room];
        append(&table->times, &payload->time_ms, sizeof payload->time_ms);
        append(&table->sizes, &payload->size_bytes, sizeof payload->size_bytes);
    }
}

static void empty_ring(struct ring *ring)
{
    free(ring->packets);
    memset(ring, 0, sizeof *ring);
}

static bool reserve_record(struct table *table, const struct ring *ring)
{
    return reserve(&table->record, table->config.record_bytes) && reserve(&table->facts, sizeof(struct facts)) &&
           reserve(&table->times, 8 * (size_t)ring->used) && reserve(&table->sizes, 4 * (size_t)ring->used) &&
           reserve(&table->splt, 13 * table->config.splt_packets);
}

/* Copy the slice and the payload packets since the flow's last record to the batch, and forget the latter. */
static void emit(struct table *table, struct flow *flow, enum ending ending, int64_t covered_until_ms)
{
    if (!reserve_record(table, &flow->ring)) {
        table->out_of_memory = true;
        table->counters.lost_records++;
        return;
    }
    struct facts facts = {
        .uid = (int64_t)flow->uid,
        .slice = flow->slice,
        .ending = ending,
        .covered_until_ms = covered_until_ms,
        .payload_packets = flow->ring.used,
        .gap_before = flow->ring.overflowed,
        .swapped = flow->source_side != flow->sender_side,
    };
    append(&table->record, flow->slice_record, table->config.record_bytes);
    append(&table->facts, &facts, sizeof facts);
    append_splt(table, flow->slice_record);
    append_ring(table, &flow->ring);
    empty_ring(&flow->ring);
    table->records++;
}

/* --- flows ----------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93ULL;
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93ULL;
    return hash ^ hash >> 32;
}

/* Seeded, so that nobody outside can choose addresses that all fall into one bucket. */
static uint64_t hash_key(const struct table *table, const struct key *key)
{
    uint64_t words[sizeof *key / 8], hash = table->config.hash_seed;
    memcpy(words, key, sizeof words);
    for (size_t i = 0; i < sizeof *key / 8; i++)
        hash = mix(hash ^ words[i]);
    return hash;
}

static bool is_ordered(const uint64_t source[2], const uint64_t target[2], uint16_t source_port, uint16_t target_port)
{
    if (source[1] != target[1])
        return source[1] < target[1];
    if (source[0] != target[0])
        return source[0] < target[0];
    return source_port <= target_port;
}

/* Make the key of the packet, the same for both directions; give which of its sides is the sender. */
static uint8_t packet_key(const struct table *table, struct key *key)
{
    const struct config *config = &table->config;
    const uint8_t *packet = table->packet;
    uint64_t source[2], target[2];
    memcpy(source, packet + config->packet_src_ip, sizeof source);
    memcpy(target, packet + config->packet_dst_ip, sizeof target);
    uint16_t source_port = read16(packet, config->packet_src_port);
    uint16_t target_port = read16(packet, config->packet_dst_port);
    uint8_t sender = is_ordered(source, target, source_port, target_port) ? 0 : 1;
    memset(key, 0, sizeof *key);
    memcpy(key->address[sender], source, sizeof source);
    memcpy(key->address[1 - sender], target, sizeof target);
    key->port[sender] = source_port;
    key->port[1 - sender] = target_port;
    key->vlan_id = read16(packet, config->packet_vlan_id);
    key->protocol = packet[config->packet_protocol];
    key->tunnel_id = read32(packet, config->packet_tunnel_id);
    return sender;
}

static struct flow *find(const struct table *table, const struct key *key, uint64_t hash)
{
    struct flow *flow = table->bucket[hash & (table->buckets - 1)];
    while (flow && (flow->hash != hash || memcmp(&flow->key, key, sizeof *key) != 0))
        flow = flow->chain;
    return flow;
}

/* Twice the buckets; without memory for them the chains get longer and nothing is lost. */
static void grow(struct table *table)
{
    uint64_t buckets = 2 * table->buckets;
    struct flow **bucket = calloc(buckets, sizeof *bucket);
    if (!bucket)
        return;
    for (uint64_t i = 0; i < table->buckets; i++) {
        for (struct flow *flow = table->bucket[i], *following; flow; flow = following) {
            following = flow->chain;
            flow->chain = bucket[flow->hash & (buckets - 1)];
            bucket[flow->hash & (buckets - 1)] = flow;
        }
    }
    free(table->bucket);
    table->bucket = bucket;
    table->buckets = buckets;
}

static void insert(struct table *table, struct flow *flow)
{
    struct flow **head = &table->bucket[flow->hash & (table->buckets - 1)];
    flow->chain = *head;
    *head = flow;
    if (++table->flows > table->buckets)
        grow(table);
}

/* Take a flow whose slice the engine has already freed out of the table. */
static void forget(struct table *table, struct flow *flow)
{
    struct flow **place = &table->bucket[flow->hash & (table->buckets - 1)];
    while (*place != flow)
        place = &(*place)->chain;
    *place = flow->chain;
    link_out(&flow->recency);
    link_out(&flow->schedule);
    empty_ring(&flow->ring);
    free(flow);
    table->flows--;
}

static void free_slice(struct table *table, struct flow *flow)
{
    const struct config *config = &table->config;
    if (flow->slice_record)
        table->release(flow->slice_record, (uint8_t)config->n_dissections, (uint16_t)config->splt_packets, 1);
    flow->slice_record = NULL;
}

/* Let the engine finish the slice, give its record, free it. */
static void close_slice(struct table *table, struct flow *flow, enum ending ending, int64_t covered_until_ms)
{
    const struct config *config = &table->config;
    table->expire(flow->slice_record, (uint8_t)config->n_dissections, (void *)(uintptr_t)config->dissector);
    emit(table, flow, ending, covered_until_ms);
    free_slice(table, flow);
}

static int64_t idle_at(const struct table *table, const struct flow *flow)
{
    return flow->last_seen_ms + (int64_t)table->config.idle_timeout_ms;
}

/* --- snapshots ------------------------------------------------------------------------------------------- */

/* When the flow's next snapshot is due; behind the last age, one each time that age has passed again. */
static int64_t next_due_ms(const struct table *table, const struct flow *flow)
{
    uint32_t last = table->n_ages - 1;
    if (flow->snapshots <= last)
        return flow->started_ms + (int64_t)table->ages_ms[flow->snapshots];
    return flow->started_ms + (int64_t)(table->ages_ms[last] * (flow->snapshots - last + 1));
}

static void schedule(struct table *table, struct flow *flow)
{
    if (!table->n_ages)
        return;
    int64_t slot = (next_due_ms(table, flow) + SLOT_MS - 1) / SLOT_MS;
    while (slot <= table->slot) { /* ages that have passed already */
        flow->snapshots++;
        slot = (next_due_ms(table, flow) + SLOT_MS - 1) / SLOT_MS;
    }
    link_out(&flow->schedule);
    link_before(&flow->schedule, &table->wheel[slot % WHEEL_SLOTS]);
}

/* Take the snapshots of one slot: its flows have had all their packets before that time, and no later one. */
static void take_snapshots(struct table *table, int64_t slot)
{
    struct link *head = &table->wheel[slot % WHEEL_SLOTS];
    int64_t time_ms = slot * SLOT_MS;
    table->slot = slot;
    while (head->next != head) {
        struct flow *flow = scheduled_flow(head->next);
        link_out(&flow->schedule);
        if (idle_at(table, flow) <= time_ms)
            continue; /* it ended before: its last record follows */
        if (flow->ring.used)
            emit(table, flow, SNAPSHOT, time_ms);
        schedule(table, flow);
    }
}

/* --- time ------------------------------------------------------------------------------------------------ */

static bool has_room(const struct table *table)
{
    return table->records < table->config.batch_records;
}

static void expire_idle(struct table *table)
{
    while (has_room(table) && table->recency.next != &table->recency) {
        struct flow *flow = (struct flow *)table->recency.next;
        if (idle_at(table, flow) > table->clock_ms)
            return;
        close_slice(table, flow, IDLE, idle_at(table, flow));
        forget(table, flow);
    }
}

/* Set the clock forward: snapshots slot by slot, then the flows that are idle by now. */
static void advance(struct table *table, int64_t now_ms)
{
    int64_t now_slot = now_ms / SLOT_MS;
    table->clock_ms = now_ms;
    if (now_slot == table->slot)
        return;
    /* behind that slot every flow of now is idle */
    int64_t last_slot = table->slot + (int64_t)table->config.idle_timeout_ms / SLOT_MS + 1;
    if (table->flows && table->n_ages)
        for (int64_t slot = table->slot + 1; slot <= now_slot && slot <= last_slot; slot++)
            take_snapshots(table, slot);
    table->slot = now_slot;
    expire_idle(table);
}

static void follow_wall_clock(struct table *table)
{
    int64_t now_ms = wall_clock_ms() - WALL_CLOCK_LAG_MS;
    if (table->clock_ms && now_ms > table->clock_ms)
        advance(table, now_ms);
}

static bool was_set_back(const struct table *table)
{
    return wall_clock_ms() + STEP_BACK_MS < table->clock_ms;
}

/* --- packets --------------------------------------------------------------------------------------------- */

static bool ring_has_room(struct table *table, struct ring *ring)
{
    if (ring->used < ring->room)
        return true;
    uint32_t most = (uint32_t)table->config.history_packets;
    if (ring->room == most)
        return false;
    uint32_t room = ring->room ? 2 * ring->room : 4;
    if (room > most)
        room = most;
    struct payload *packets = realloc(ring->packets, room * sizeof *packets);
    if (!packets)
        return false;
    /* a ring that can still grow has never turned: its packets begin at 0 */
    ring->packets = packets;
    ring->room = room;
    return true;
}

static void remember_payload(struct table *table, struct flow *flow)
{
    const struct config *config = &table->config;
    int32_t size = read16(table->packet, config->packet_payload_size);
    struct ring *ring = &flow->ring;
    if (!size)
        return;
    if (!ring_has_room(table, ring)) {
        ring->overflowed = true;
        if (!ring->used)
            return;
        ring->start = (ring->start + 1) % ring->room;
        ring->used--;
    }
    struct payload *place = &ring->packets[(ring->start + ring->used) % ring->room];
    place->time_ms = table->clock_ms;
    place->size_bytes = table->packet[config->packet_direction] ? -size : size;
    ring->used++;
}

static bool open_slice(struct table *table, struct flow *flow, uint8_t sender)
{
    const struct config *config = &table->config;
    flow->slice_record = table->initialize(
        table->packet, (uint8_t)config->accounting_mode, 1, (uint16_t)config->splt_packets,
        (uint8_t)config->n_dissections, (void *)(uintptr_t)config->dissector, 1);
    flow->sender_side = sender;
    flow->last_seen_ms = table->clock_ms;
    return flow->slice_record != NULL;
}

static void begin_flow(struct table *table, struct flow *flow, uint8_t sender)
{
    flow->uid = table->next_uid++;
    flow->slice = flow->snapshots = 0;
    flow->source_side = sender;
    flow->started_ms = table->clock_ms;
    schedule(table, flow);
}

static void evict(struct table *table)
{
    struct flow *oldest = (struct flow *)table->recency.next;
    close_slice(table, oldest, EVICTED, table->clock_ms);
    forget(table, oldest);
    table->counters.evicted++;
}

static struct flow *open_flow(struct table *table, const struct key *key, uint64_t hash, uint8_t sender)
{
    if (table->flows >= table->config.max_flows)
        evict(table);
    struct flow *flow = calloc(1, sizeof *flow);
    if (!flow || !open_slice(table, flow, sender)) {
        free(flow);
        table->out_of_memory = true;
        return NULL;
    }
    flow->hash = hash;
    flow->key = *key;
    flow->schedule.previous = flow->schedule.next = &flow->schedule;
    link_before(&flow->recency, &table->recency);
    insert(table, flow);
    begin_flow(table, flow, sender);
    return flow;
}

/* The packet came after a timeout: its slice ends before it, and another begins with it. */
static struct flow *next_slice(struct table *table, struct flow *flow, uint8_t sender, bool is_idle)
{
    if (is_idle) {
        close_slice(table, flow, IDLE, idle_at(table, flow));
    } else {
        int64_t first_seen_ms = (int64_t)read64(flow->slice_record, table->config.flow_first_seen);
        close_slice(table, flow, ACTIVE, first_seen_ms + (int64_t)table->config.active_timeout_ms);
    }
    if (!open_slice(table, flow, sender)) {
        table->out_of_memory = true;
        forget(table, flow);
        return NULL;
    }
    if (is_idle)
        begin_flow(table, flow, sender);
    else
        flow->slice++;
    return flow;
}

static struct flow *update_flow(struct table *table, struct flow *flow, uint8_t sender)
{
    const struct config *config = &table->config;
    uint8_t expired = table->update(
        flow->slice_record, table->packet, config->idle_timeout_ms, config->active_timeout_ms,
        (uint8_t)config->accounting_mode, 1, (uint16_t)config->splt_packets, (uint8_t)config->n_dissections,
        (void *)(uintptr_t)config->dissector, 1);
    if (expired)
        flow = next_slice(table, flow, sender, expired == 1);
    if (!flow)
        return NULL;
    flow->last_seen_ms = table->clock_ms;
    link_out(&flow->recency);
    link_before(&flow->recency, &table->recency);
    return flow;
}

static void take_packet(struct table *table)
{
    uint64_t time_ms = read64(table->packet, table->config.packet_time);
    table->counters.packets++;
    if ((int64_t)time_ms > table->clock_ms)
        advance(table, (int64_t)time_ms);
    else /* time never runs backwards: a late packet counts as if it came now */
        memcpy(table->packet + table->config.packet_time, &table->clock_ms, sizeof table->clock_ms);
    struct key key;
    uint8_t sender = packet_key(table, &key);
    uint64_t hash = hash_key(table, &key);
    struct flow *flow = find(table, &key, hash);
    flow = flow ? update_flow(table, flow, sender) : open_flow(table, &key, hash, sender);
    if (flow)
        remember_payload(table, flow);
}

/* Give what capture_next said; the packet is zeroed before, because the engine leaves the upper half of IPv4
 * addresses and the link-layer addresses untouched. */
static int read_packet(struct table *table, void *capture, int mode)
{
    memset(table->packet, 0, table->config.packet_bytes);
    int got = table->capture_next(capture, table->packet, 1, 1, 0, mode);
    if (got == METERED)
        take_packet(table);
    else if (got >= IGNORED)
        table->counters.ignored++;
    return got;
}

static int run_file(struct table *table, void *capture, uint64_t max_packets)
{
    for (uint64_t i = 0; i < max_packets; i++) {
        if (!has_room(table))
            return BATCH_FULL;
        if (table->out_of_memory)
            return NO_MEMORY;
        int got = read_packet(table, capture, MODE_FILE);
        if (got == NOTHING)
            return READ_FAILED;
        if (got < NOTHING)
            return END_OF_FILE;
    }
    return DEADLINE;
}

/* --- interfaces ------------------------------------------------------------------------------------------ */

#define MAX_INPUTS 16

struct inputs {
    nfds_t count;
    void *capture[MAX_INPUTS];
    struct pollfd polled[MAX_INPUTS];
};

static bool has_failed(struct table *table, struct inputs *inputs)
{
    for (nfds_t i = 0; i < inputs->count; i++) {
        if (!(inputs->polled[i].revents & (POLLERR | POLLHUP | POLLNVAL)))
            continue;
        int error = 0;
        socklen_t length = sizeof error;
        getsockopt(inputs->polled[i].fd, SOL_SOCKET, SO_ERROR, &error, &length);
        table->counters.failed_input = (int64_t)i;
        table->counters.error_number = error ? error : EIO;
        return true;
    }
    return false;
}

/* Read one packet from every socket that has one: libpcap would block for ever on one that has none. */
static int read_ready(struct table *table, struct inputs *inputs)
{
    for (nfds_t i = 0; i < inputs->count; i++) {
        if (!(inputs->polled[i].revents & POLLIN))
            continue;
        if (read_packet(table, inputs->capture[i], MODE_INTERFACE) >= IGNORED) {
            table->counters.empty_reads = 0;
        } else if (++table->counters.empty_reads > MAX_EMPTY_READS) {
            table->counters.failed_input = (int64_t)i;
            return READ_FAILED;
        }
    }
    return BATCH_FULL;
}

static int run_live(struct table *table, struct inputs *inputs, int64_t deadline_ms)
{
    for (uint32_t i = 0;; i++) {
        if (!has_room(table))
            return BATCH_FULL;
        if (table->out_of_memory)
            return NO_MEMORY;
        int ready = poll(inputs->polled, inputs->count, 0);
        if (ready <= 0 || i % 64 == 0) { /* a signal, silence, or time to look at the clock */
            struct timespec now;
            clock_gettime(CLOCK_MONOTONIC, &now);
            int64_t left_ms = deadline_ms - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
            if (left_ms <= 0)
                return DEADLINE;
            if (was_set_back(table))
                return CLOCK_STEPPED_BACK;
            follow_wall_clock(table);
            if (ready <= 0 && has_room(table))
                ready = poll(inputs->polled, inputs->count, left_ms < SLOT_MS ? (int)left_ms : SLOT_MS);
            if (ready < 0)
                return DEADLINE; /* a signal: Python runs its handlers between two calls */
        }
        if (ready <= 0)
            continue;
        if (has_failed(table, inputs))
            return LINK_ERROR;
        int status = read_ready(table, inputs);
        if (status != BATCH_FULL)
            return status;
    }
}

/* --- the Python type ------------------------------------------------------------------------------------- */

static void clear(struct table *table)
{
    while (table->recency.next && table->recency.next != &table->recency) {
        struct flow *flow = (struct flow *)table->recency.next;
        free_slice(table, flow);
        forget(table, flow);
    }
}

static void table_dealloc(PyObject *self)
{
    struct table *table = (struct table *)self;
    PyTypeObject *type = Py_TYPE(self);
    struct vector *vectors[] = {&table->record, &table->facts, &table->times, &table->sizes, &table->splt};
    clear(table);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        free(vectors[i]->bytes);
    free(table->bucket);
    free(table->ages_ms);
    free(table->packet);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static void set_functions(struct table *table)
{
    table->capture_next = (capture_next_f)(uintptr_t)table->config.capture_next;
    table->initialize = (initialize_f)(uintptr_t)table->config.meter_initialize_flow;
    table->update = (update_f)(uintptr_t)table->config.meter_update_flow;
    table->expire = (expire_f)(uintptr_t)table->config.meter_expire_flow;
    table->release = (free_f)(uintptr_t)table->config.meter_free_flow;
}

static bool allocate(struct table *table, const uint8_t *ages, size_t ages_bytes)
{
    table->buckets = FIRST_BUCKETS;
    table->bucket = calloc(table->buckets, sizeof *table->bucket);
    table->packet = calloc(1, table->config.packet_bytes);
    table->ages_ms = malloc(ages_bytes ? ages_bytes : 8);
    if (!table->bucket || !table->packet || !table->ages_ms)
        return false;
    memcpy(table->ages_ms, ages, ages_bytes);
    table->n_ages = (uint32_t)(ages_bytes / sizeof *table->ages_ms);
    table->recency.previous = table->recency.next = &table->recency;
    for (size_t i = 0; i < WHEEL_SLOTS; i++)
        table->wheel[i].previous = table->wheel[i].next = &table->wheel[i];
    return true;
}

static PyObject *table_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    const char *config, *ages;
    Py_ssize_t config_bytes, ages_bytes;
    (void)keywords;
    if (!PyArg_ParseTuple(arguments, "y#y#", &config, &config_bytes, &ages, &ages_bytes))
        return NULL;
    if (config_bytes != sizeof(struct config) || ages_bytes % 8) {
        PyErr_Format(PyExc_ValueError, "got %zd bytes of configuration and %zd of ages", config_bytes, ages_bytes);
        return NULL;
    }
    allocfunc allocate_type = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct table *table = (struct table *)allocate_type(type, 0);
    if (!table)
        return NULL;
    memcpy(&table->config, config, sizeof table->config);
    set_functions(table);
    if (!allocate(table, (const uint8_t *)ages, (size_t)ages_bytes)) {
        Py_DECREF(table);
        return PyErr_NoMemory();
    }
    return (PyObject *)table;
}

/* One thread at a time: the loop runs without the interpreter's lock. */
static bool enter(struct table *table)
{
    if (table->busy) {
        PyErr_SetString(PyExc_RuntimeError, "the table is in use by another thread");
        return false;
    }
    return table->busy = true;
}

static PyObject *leave(struct table *table, int status)
{
    table->busy = false;
    if (status == NO_MEMORY || table->out_of_memory) {
        table->out_of_memory = false;
        return PyErr_NoMemory();
    }
    return PyLong_FromLong(status);
}

static PyObject *table_run_file(PyObject *self, PyObject *arguments)
{
    struct table *table = (struct table *)self;
    unsigned long long capture, max_packets;
    if (!PyArg_ParseTuple(arguments, "KK", &capture, &max_packets) || !enter(table))
        return NULL;
    int status;
    Py_BEGIN_ALLOW_THREADS
    expire_idle(table);
    status = run_file(table, (void *)(uintptr_t)capture, max_packets);
    Py_END_ALLOW_THREADS
    return leave(table, status);
}

static PyObject *table_run_live(PyObject *self, PyObject *arguments)
{
    struct table *table = (struct table *)self;
    const char *pairs;
    Py_ssize_t pairs_bytes;
    long long deadline_ms;
    if (!PyArg_ParseTuple(arguments, "y#L", &pairs, &pairs_bytes, &deadline_ms))
        return NULL;
    if (pairs_bytes % 16 || pairs_bytes > 16 * MAX_INPUTS) {
        PyErr_Format(PyExc_ValueError, "got %zd bytes of inputs, expected up to %d pairs", pairs_bytes, MAX_INPUTS);
        return NULL;
    }
    struct inputs inputs = {.count = (nfds_t)(pairs_bytes / 16)};
    for (nfds_t i = 0; i < inputs.count; i++) {
        inputs.capture[i] = (void *)(uintptr_t)read64((const uint8_t *)pairs, 16 * i);
        inputs.polled[i] = (struct pollfd){.fd = (int)read64((const uint8_t *)pairs, 16 * i + 8), .events = POLLIN};
    }
    if (!enter(table))
        return NULL;
    int status;
    Py_BEGIN_ALLOW_THREADS
    expire_idle(table);
    status = run_live(table, &inputs, deadline_ms);
    Py_END_ALLOW_THREADS
    return leave(table, status);
}

/* Close flows, the least recently used first, as many as a batch holds: call it until no flow is open. */
static PyObject *table_flush(PyObject *self, PyObject *arguments)
{
    struct table *table = (struct table *)self;
    int is_end_of_file;
    if (!PyArg_ParseTuple(arguments, "p", &is_end_of_file) || !enter(table))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    while (has_room(table) && table->recency.next != &table->recency) {
        struct flow *flow = (struct flow *)table->recency.next;
        close_slice(table, flow, FLUSHED, is_end_of_file ? idle_at(table, flow) : table->clock_ms);
        forget(table, flow);
    }
    Py_END_ALLOW_THREADS
    return leave(table, table->recency.next == &table->recency ? END_OF_FILE : BATCH_FULL);
}

static PyObject *table_restart_clock(PyObject *self, PyObject *ignored)
{
    struct table *table = (struct table *)self;
    (void)ignored;
    if (table->flows) {
        PyErr_SetString(PyExc_RuntimeError, "flows are open: flush them before the clock is set back");
        return NULL;
    }
    table->clock_ms = table->slot = 0;
    Py_RETURN_NONE;
}

static PyObject *taken(struct vector *vector)
{
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)vector->bytes, (Py_ssize_t)vector->used);
    if (bytes)
        vector->used = 0;
    return bytes;
}

/* Give the batch as bytes: records, facts, times, sizes, sequences of NFStream; and begin another. */
static PyObject *table_take(PyObject *self, PyObject *ignored)
{
    struct table *table = (struct table *)self;
    struct vector *vectors[] = {&table->record, &table->facts, &table->times, &table->sizes, &table->splt};
    (void)ignored;
    if (!enter(table))
        return NULL;
    PyObject *batch = PyTuple_New(5);
    for (Py_ssize_t i = 0; batch && i < 5; i++) {
        PyObject *bytes = taken(vectors[i]);
        if (!bytes || PyTuple_SetItem(batch, i, bytes) < 0)
            Py_CLEAR(batch);
    }
    table->records = 0;
    table->busy = false;
    return batch;
}

static PyObject *table_counters(PyObject *self, PyObject *ignored)
{
    struct table *table = (struct table *)self;
    (void)ignored;
    table->counters.open_flows = (int64_t)table->flows;
    table->counters.clock_ms = table->clock_ms;
    return PyBytes_FromStringAndSize((const char *)&table->counters, sizeof table->counters);
}

static PyObject *table_clear(PyObject *self, PyObject *ignored)
{
    struct table *table = (struct table *)self;
    (void)ignored;
    if (!enter(table))
        return NULL;
    clear(table);
    table->busy = false;
    Py_RETURN_NONE;
}

static PyMethodDef table_methods[] = {
    {"run_file", table_run_file, METH_VARARGS, "run_file(capture, max_packets): meter a file; gives a status"},
    {"run_live", table_run_live, METH_VARARGS,
     "run_live(inputs, deadline_ms): meter interfaces until then (monotonic clock); gives a status"},
    {"flush", table_flush, METH_VARARGS, "flush(is_end_of_file): close flows; END_OF_FILE when none is open"},
    {"take", table_take, METH_NOARGS, "take(): records, facts, times, sizes and sequences as bytes"},
    {"counters", table_counters, METH_NOARGS, "counters(): COUNTER_FIELDS as bytes of int64"},
    {"restart_clock", table_restart_clock, METH_NOARGS, "restart_clock(): let time begin anew, without flows"},
    {"clear", table_clear, METH_NOARGS, "clear(): free all flows without a record"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot table_slots[] = {
    {Py_tp_doc, "Table of open flows: FlowTable(config, ages_ms), both as bytes of uint64."},
    {Py_tp_new, table_new},
    {Py_tp_dealloc, table_dealloc},
    {Py_tp_methods, table_methods},
    {0, NULL},
};

static PyType_Spec table_spec = {
    .name = "flowml.capture._meter.FlowTable",
    .basicsize = sizeof(struct table),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = table_slots,
};

static int add_names(PyObject *module, const char *name, const char *const *fields)
{
    PyObject *names = PyList_New(0);
    for (; names && *fields; fields++) {
        PyObject *text = PyUnicode_FromString(*fields);
        if (!text || PyList_Append(names, text) < 0)
            Py_CLEAR(names);
        Py_XDECREF(text);
    }
    int added = names ? PyModule_AddObjectRef(module, name, names) : -1;
    Py_XDECREF(names);
    return added;
}

static int add_constants(PyObject *module)
{
    static const struct {
        const char *name;
        long value;
    } constants[] = {
        {"IDLE", IDLE}, {"ACTIVE", ACTIVE}, {"SNAPSHOT", SNAPSHOT}, {"EVICTED", EVICTED}, {"FLUSHED", FLUSHED},
        {"BATCH_FULL", BATCH_FULL}, {"END_OF_FILE", END_OF_FILE}, {"DEADLINE", DEADLINE},
        {"READ_FAILED", READ_FAILED}, {"LINK_ERROR", LINK_ERROR}, {"CLOCK_STEPPED_BACK", CLOCK_STEPPED_BACK},
        {"SLOT_MS", SLOT_MS}, {"WHEEL_SLOTS", WHEEL_SLOTS}, {"MAX_INPUTS", MAX_INPUTS},
    };
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (PyModule_AddIntConstant(module, constants[i].name, constants[i].value) < 0)
            return -1;
    return 0;
}

static int execute(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &table_spec, NULL);
    int added = type ? PyModule_AddObjectRef(module, "FlowTable", type) : -1;
    Py_XDECREF(type);
    if (added < 0 || add_constants(module) < 0 || add_names(module, "CONFIG_FIELDS", config_fields) < 0 ||
        add_names(module, "FACT_FIELDS", facts_fields) < 0)
        return -1;
    return add_names(module, "COUNTER_FIELDS", counters_fields);
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, execute}, {0, NULL}};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "flowml.capture._meter",
    .m_doc = "The meter's loop over packets around NFStream's engine.",
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__meter(void)
{
    return PyModuleDef_Init(&module);
}
