/* From packets to flows: files, interfaces, and the clock. */
#include "flow_table.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define WALL_CLOCK_LAG_MS 1500 /* the ring gives packets late, more so on a busy machine: the clock waits */
#define STEP_BACK_MS 2000 /* a wall clock that is further behind the meter's was set back */
#define LATEST_MS 253402300799999 /* the end of the year 9999: what claims to be later has no clock at all */
#define MAX_EMPTY_READS 1000 /* so many reads in a row without a packet, each after the socket had one */
#define MAX_READ 32 /* packets of one interface between two looks at its socket */

/* --- packets --------------------------------------------------------------------------------------------- */

/* The key of the packet that the engine has just parsed. */
static void parsed_key(const struct table *table, struct sent *sent)
{
    const struct config *config = &table->config;
    const uint8_t *packet = table->packet;
    struct headers headers = {
        .source_port = read16(packet, config->packet_src_port),
        .target_port = read16(packet, config->packet_dst_port),
        .vlan_id = read16(packet, config->packet_vlan_id),
        .protocol = packet[config->packet_protocol],
        .tunnel_id = read32(packet, config->packet_tunnel_id),
    };
    memcpy(headers.source, packet + config->packet_src_ip, sizeof headers.source);
    memcpy(headers.target, packet + config->packet_dst_ip, sizeof headers.target);
    set_sent(sent, &headers);
}

static bool ring_has_room(struct table *table, struct ring *ring)
{
    if (ring->used < ring->room)
        return true;
    uint32_t most = (uint32_t)table->config.history_packets;
    if (ring->room == most || ring->start)
        return false; /* once it has turned, for lack of memory too, it keeps its size */
    uint32_t room = ring->room ? 2 * ring->room : 4;
    if (room > most)
        room = most;
    struct payload *packets = realloc(ring->packets, room * sizeof *packets);
    if (!packets)
        return false;
    ring->packets = packets;
    ring->room = room;
    return true;
}

static void remember_payload(struct table *table, struct ring *ring, int32_t size_bytes)
{
    if (!ring_has_room(table, ring)) {
        ring->overflowed = true;
        if (!ring->used)
            return;
        ring->start = (ring->start + 1) % ring->room;
        ring->used--;
    }
    struct payload *place = &ring->packets[(ring->start + ring->used) % ring->room];
    place->time_ms = table->clock_ms;
    place->size_bytes = size_bytes;
    ring->used++;
}

static void take_payload(struct table *table, struct flow *flow)
{
    int32_t size = read16(table->packet, table->config.packet_payload_size);
    if (!size)
        return;
    remember_payload(table, &flow->ring, table->packet[table->config.packet_direction] ? -size : size);
    count_payload(table, flow);
}

static bool has_payload(const struct table *table)
{
    return read16(table->packet, table->config.packet_payload_size) > 0;
}

/* nDPI's part of a slice is twice the rest of it, and a handshake names nothing: where only names are wanted it
 * begins with the first payload. Without memory for it the slice has no names. */
static uint8_t dissections(struct table *table, struct flow *flow)
{
    const struct config *config = &table->config;
    if (!flow->awaits_payload)
        return (uint8_t)config->n_dissections;
    if (!has_payload(table))
        return 0;
    void *dissection = table->allocate_dissection(1, config->dissection_bytes);
    if (!dissection)
        return 0;
    memcpy(flow->slice_record + config->flow_ndpi_flow, &dissection, sizeof dissection);
    flow->awaits_payload = false;
    begin_dissection(table, flow);
    return (uint8_t)config->n_dissections;
}

static bool open_slice(struct table *table, struct flow *flow, uint8_t sender)
{
    const struct config *config = &table->config;
    flow->awaits_payload = config->waits_for_payload && config->n_dissections && !has_payload(table);
    flow->slice_record = table->initialize(
        table->packet, (uint8_t)config->accounting_mode, 1, (uint16_t)config->splt_packets,
        flow->awaits_payload ? 0 : (uint8_t)config->n_dissections, (void *)(uintptr_t)config->dissector, 0);
    flow->sender_side = sender;
    flow->last_seen_ms = table->clock_ms;
    if (flow->slice_record && config->n_dissections && !flow->awaits_payload)
        begin_dissection(table, flow);
    return flow->slice_record != NULL;
}

static void begin_flow(struct table *table, struct flow *flow, uint8_t sender)
{
    flow->uid = table->next_uid++;
    flow->slice = flow->snapshots = flow->payload_packets = flow->counts_passed = 0;
    flow->has_news = false;
    link_out(&flow->schedule);
    flow->source_side = sender;
    flow->started_ms = table->clock_ms;
}

static struct flow *open_flow(struct table *table, const struct key *key, uint64_t hash, uint8_t sender)
{
    if (table->flows >= table->config.max_flows)
        evict(table);
    struct flow *flow = calloc(1, sizeof *flow);
    if (flow)
        flow->dissection.previous = flow->dissection.next = &flow->dissection;
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
        (uint8_t)config->accounting_mode, 1, (uint16_t)config->splt_packets, dissections(table, flow),
        (void *)(uintptr_t)config->dissector, 0);
    if (expired)
        flow = next_slice(table, flow, sender, expired == 1);
    if (!flow)
        return NULL;
    flow->last_seen_ms = table->clock_ms;
    link_out(&flow->recency);
    link_before(&flow->recency, &table->recency);
    return flow;
}

bool is_elsewhere(const struct table *table, const struct key *key)
{
    return table->config.shards > 1 && key_shard(key, table->config.shards) != table->config.shard;
}

/* Count a packet that is metered, here or elsewhere, and let its time drive the clock. Gives its time here: time
 * never runs backwards. A late packet counts as if it came now, one without time too. */
int64_t count_packet(struct table *table, uint64_t time_ms)
{
    table->counters.packets++;
    if ((int64_t)time_ms > table->clock_ms && time_ms <= LATEST_MS)
        advance_clock(table, (int64_t)time_ms);
    return table->clock_ms;
}

static void take_packet(struct table *table, const struct sent *sent)
{
    const struct key *key = &sent->key;
    if (table->config.only_protocol && key_protocol(key) != table->config.only_protocol) {
        table->counters.passed_over++;
        return;
    }
    uint64_t hash = key_hash(table, key);
    struct flow *flow = find(table, key, hash);
    flow = flow ? update_flow(table, flow, sent->side) : open_flow(table, key, hash, sent->side);
    if (!flow)
        return;
    release_dissection(table, flow);
    take_payload(table, flow);
}

/* Give what capture_next said; the packet is zeroed before, because the engine leaves the upper half of IPv4
 * addresses and the link-layer addresses untouched. */
int read_packet(struct table *table, void *capture, const struct sent *known)
{
    memset(table->packet, 0, table->config.packet_bytes);
    int got = table->capture_next(capture, table->packet, 1, 1, 0, MODE_FILE);
    if (got == METERED) {
        uint8_t *time = table->packet + table->config.packet_time;
        int64_t time_ms = count_packet(table, read64(time, 0));
        memcpy(time, &time_ms, sizeof time_ms);
        struct sent parsed;
        if (!known)
            parsed_key(table, &parsed);
        if (!known && is_elsewhere(table, &parsed.key))
            table->counters.elsewhere++;
        else
            take_packet(table, known ? known : &parsed);
    } else if (got >= IGNORED) {
        table->counters.ignored++;
    }
    return got;
}

enum status run_file(struct table *table, void *capture, uint64_t max_packets)
{
    expire_idle(table); /* what the last batch had no room for */
    for (uint64_t i = 0; i < max_packets; i++) {
        if (!has_room(table))
            return BATCH_FULL;
        if (table->out_of_memory)
            return NO_MEMORY;
        int got = capture ? read_packet(table, capture, NULL) : plain_next(table);
        if (got == NOTHING)
            return READ_FAILED;
        if (got < NOTHING)
            return END_OF_FILE;
    }
    return has_room(table) ? DEADLINE : BATCH_FULL;
}

/* --- interfaces ------------------------------------------------------------------------------------------ */

struct polled_inputs {
    nfds_t count;
    struct pollfd polled[MAX_INPUTS];
};

static bool has_failed(struct table *table, struct polled_inputs *inputs)
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

/* Read from every socket that has packets: libpcap would block for ever on one that has none. Of several, one
 * packet in turn, because time never runs backwards. */
static enum status read_ready(struct table *table, struct polled_inputs *inputs)
{
    for (nfds_t i = 0; i < inputs->count; i++) {
        if (!(inputs->polled[i].revents & POLLIN) || !has_room(table))
            continue;
        if (feed_read(&table->feed[i], inputs->count == 1 ? MAX_READ : 1) > 0) {
            table->counters.empty_reads = 0;
        } else if (++table->counters.empty_reads > MAX_EMPTY_READS) {
            table->counters.failed_input = (int64_t)i;
            return READ_FAILED;
        }
    }
    return BATCH_FULL;
}

static int64_t wall_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void follow_wall_clock(struct table *table)
{
    int64_t now_ms = wall_clock_ms() - WALL_CLOCK_LAG_MS;
    if (table->clock_ms && now_ms > table->clock_ms)
        advance_clock(table, now_ms);
}

static bool was_set_back(const struct table *table)
{
    return wall_clock_ms() + STEP_BACK_MS < table->clock_ms;
}

static enum status run_polled(struct table *table, struct polled_inputs *inputs, int64_t deadline_ms)
{
    for (uint32_t i = 0;; i++) {
        if (!has_room(table))
            return BATCH_FULL;
        if (table->out_of_memory)
            return NO_MEMORY;
        int ready = poll(inputs->polled, inputs->count, 0);
        if (ready <= 0 || i % 8 == 0) { /* a signal, silence, or time to look at the clock */
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
        enum status status = read_ready(table, inputs);
        if (status != BATCH_FULL)
            return status;
    }
}

enum status run_live(struct table *table, const struct input *inputs, size_t count, int64_t deadline_ms)
{
    struct polled_inputs polled = {.count = (nfds_t)count};
    for (size_t i = 0; i < count; i++) {
        if (!feed_open(&table->feed[i], table, inputs[i].capture)) {
            table->out_of_memory = true;
            return NO_MEMORY;
        }
        polled.polled[i] = (struct pollfd){.fd = inputs[i].descriptor, .events = POLLIN};
    }
    expire_idle(table);
    return run_polled(table, &polled, deadline_ms);
}
