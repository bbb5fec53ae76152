/* Open flows: their records, their order of use, their snapshots and their end. */
#include "flow_table.h"

#include <stdlib.h>

#define FIRST_BUCKETS 4096
#define KEPT_BYTES (32u << 20)

/* --- output ---------------------------------------------------------------------------------------------- */

bool reserve(struct vector *vector, size_t more)
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

void append(struct vector *vector, const void *bytes, size_t length)
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
    return reserve(&table->record, table->config.record_bytes) &&
           reserve(&table->facts, sizeof(struct facts)) && reserve(&table->times, 8 * (size_t)ring->used) &&
           reserve(&table->sizes, 4 * (size_t)ring->used) && reserve(&table->splt, 13 * table->config.splt_packets);
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

static void make_hash_keys(struct table *table)
{
    for (uint64_t i = 0; i < HASH_KEYS; i++)
        table->hash_key[i] = mix(table->config.hash_seed + (i + 1) * 0x9e3779b97f4a7c15ULL);
}

/* Every word is added to a secret before it is multiplied, so that nobody outside can choose addresses that all
 * fall into one bucket; the three products do not wait for each other. */
uint64_t key_hash(const struct table *table, const struct key *key)
{
    const uint64_t *secret = table->hash_key;
    uint64_t hash = fold(key->address[0][0] + secret[0], key->address[0][1] + secret[1]);
    hash ^= fold(key->address[1][0] + secret[2], key->address[1][1] + secret[3]);
    hash ^= fold(key->ends + secret[4], key->tunnel_id + secret[5]);
    return fold(hash + secret[6], 0xd6e8feb86659fd93ULL);
}

struct flow *find(const struct table *table, const struct key *key, uint64_t hash)
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

void insert(struct table *table, struct flow *flow)
{
    struct flow **head = &table->bucket[flow->hash & (table->buckets - 1)];
    flow->chain = *head;
    *head = flow;
    if (++table->flows > table->buckets)
        grow(table);
}

/* Take a flow whose slice the engine has already freed out of the table. */
void forget(struct table *table, struct flow *flow)
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

/* How many packets of a slice nDPI looks at: of one that awaits its first payload it has not begun with. */
static uint8_t dissected(const struct table *table, const struct flow *flow)
{
    return flow->awaits_payload ? 0 : (uint8_t)table->config.n_dissections;
}

static void end_dissection(struct table *table, struct flow *flow)
{
    if (flow->dissection.next == &flow->dissection)
        return;
    link_out(&flow->dissection);
    table->dissections--;
}

static void free_slice(struct table *table, struct flow *flow)
{
    const struct config *config = &table->config;
    end_dissection(table, flow);
    if (flow->slice_record)
        table->release(flow->slice_record, dissected(table, flow), (uint16_t)config->splt_packets, 1);
    flow->slice_record = NULL;
}

/* Let the engine finish the slice, give its record, free it. */
void close_slice(struct table *table, struct flow *flow, enum ending ending, int64_t covered_until_ms)
{
    const struct config *config = &table->config;
    table->expire(flow->slice_record, dissected(table, flow), (void *)(uintptr_t)config->dissector);
    emit(table, flow, ending, covered_until_ms);
    free_slice(table, flow);
}

/* Let nDPI say what it knows of a slice, and give back what it keeps, twice the rest of it. The engine takes the
 * names over when a slice expires, looks at no packet of it any more, and bears that afterwards there is nothing
 * to take. */
static void give_up_dissection(struct table *table, struct flow *flow)
{
    const struct config *config = &table->config;
    uint8_t *slice = flow->slice_record;
    void *dissection = (void *)(uintptr_t)read64(slice, config->flow_ndpi_flow);
    end_dissection(table, flow);
    if (!dissection)
        return;
    table->expire(slice, (uint8_t)config->n_dissections, (void *)(uintptr_t)config->dissector);
    table->free_dissection(dissection);
    memset(slice + config->flow_ndpi_flow, 0, sizeof dissection);
}

void release_dissection(struct table *table, struct flow *flow)
{
    if (dissected(table, flow) && flow->slice_record[table->config.flow_detection_completed])
        give_up_dissection(table, flow);
}

/* Of many flows that never tell enough, those that began first are given up: nDPI keeps up to 3 KiB of each. */
void begin_dissection(struct table *table, struct flow *flow)
{
    if (table->dissections >= table->config.max_dissections) {
        struct link *oldest = table->dissected.next;
        give_up_dissection(table, (struct flow *)((uint8_t *)oldest - offsetof(struct flow, dissection)));
    }
    link_before(&flow->dissection, &table->dissected);
    table->dissections++;
}

int64_t idle_at(const struct table *table, const struct flow *flow)
{
    return flow->last_seen_ms + (int64_t)table->config.idle_timeout_ms;
}

/* --- snapshots ------------------------------------------------------------------------------------------- */

static struct flow *scheduled_flow(struct link *link)
{
    return (struct flow *)((uint8_t *)link - offsetof(struct flow, schedule));
}

/* When the flow's next snapshot is due; behind the last age, one each time that age has passed again. */
static int64_t next_due_ms(const struct table *table, const struct flow *flow)
{
    uint32_t last = table->n_ages - 1;
    if (flow->snapshots <= last)
        return flow->started_ms + (int64_t)table->ages_ms[flow->snapshots];
    return flow->started_ms + (int64_t)(table->ages_ms[last] * (flow->snapshots - last + 1));
}

/* Only flows that have something to tell are on the wheel: of many that were silent since their last snapshot
 * nothing is due, and they cost nothing. */
static void schedule(struct table *table, struct flow *flow)
{
    if (!table->n_ages)
        return;
    int64_t slot = (next_due_ms(table, flow) + SLOT_MS - 1) / SLOT_MS;
    while (slot <= table->slot) { /* ages that have passed already */
        flow->snapshots++;
        slot = (next_due_ms(table, flow) + SLOT_MS - 1) / SLOT_MS;
    }
    link_before(&flow->schedule, &table->wheel[slot % WHEEL_SLOTS]);
}

/* Let nDPI say what it knows so far. The engine does that at a slice's end only, where it also stops looking
 * or guesses: so not while the protocol is unknown, and the mark that it stopped is taken back. */
static void name_so_far(struct table *table, struct flow *flow)
{
    const struct config *config = &table->config;
    uint8_t *completed = flow->slice_record + config->flow_detection_completed, before = *completed;
    if (!dissected(table, flow) || !(before || read16(flow->slice_record, config->flow_app_protocol)))
        return;
    table->expire(flow->slice_record, (uint8_t)config->n_dissections, (void *)(uintptr_t)config->dissector);
    *completed = before;
}

static void take_snapshot(struct table *table, struct flow *flow, int64_t time_ms)
{
    name_so_far(table, flow);
    emit(table, flow, SNAPSHOT, time_ms);
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
        flow->has_news = false;
        take_snapshot(table, flow, time_ms); /* without packets if a count has told of them */
    }
}

/* Count a payload packet, and report the flow where that makes one of the counts. More packets of this very
 * millisecond may follow, so the record vouches for what was before it only. */
void count_payload(struct table *table, struct flow *flow)
{
    flow->payload_packets++;
    if (!flow->has_news) {
        flow->has_news = true;
        schedule(table, flow);
    }
    if (flow->counts_passed == table->n_counts || flow->payload_packets < table->counts[flow->counts_passed])
        return;
    flow->counts_passed++;
    take_snapshot(table, flow, table->clock_ms);
}

/* --- time ------------------------------------------------------------------------------------------------ */

bool has_room(const struct table *table)
{
    return table->records < table->config.batch_records &&
           table->ignored.used < MAX_IGNORED * sizeof(struct ignored);
}

void expire_idle(struct table *table)
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
void advance_clock(struct table *table, int64_t now_ms)
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

void evict(struct table *table)
{
    struct flow *oldest = (struct flow *)table->recency.next;
    close_slice(table, oldest, EVICTED, table->clock_ms);
    forget(table, oldest);
    table->counters.evicted++;
}

/* --- the whole table ------------------------------------------------------------------------------------- */

static bool copy_words(uint64_t **words, uint32_t *count, const uint8_t *bytes, size_t length)
{
    *words = malloc(length ? length : 8);
    if (!*words)
        return false;
    memcpy(*words, bytes, length);
    *count = (uint32_t)(length / sizeof **words);
    return true;
}

bool table_allocate(struct table *table, const struct plan *plan)
{
    table->buckets = FIRST_BUCKETS;
    table->bucket = calloc(table->buckets, sizeof *table->bucket);
    table->packet = calloc(1, table->config.packet_bytes);
    if (!table->bucket || !table->packet ||
        !copy_words(&table->ages_ms, &table->n_ages, plan->ages_ms, plan->ages_bytes) ||
        !copy_words(&table->counts, &table->n_counts, plan->counts, plan->counts_bytes))
        return false;
    make_hash_keys(table);
    table->recency.previous = table->recency.next = &table->recency;
    table->dissected.previous = table->dissected.next = &table->dissected;
    for (size_t i = 0; i < WHEEL_SLOTS; i++)
        table->wheel[i].previous = table->wheel[i].next = &table->wheel[i];
    return true;
}

void table_clear(struct table *table)
{
    for (size_t i = 0; i < MAX_INPUTS; i++)
        feed_close(&table->feed[i]);
    plain_close(table);
    while (table->recency.next && table->recency.next != &table->recency) {
        struct flow *flow = (struct flow *)table->recency.next;
        free_slice(table, flow);
        forget(table, flow);
    }
}

void table_free(struct table *table)
{
    struct vector *vectors[] = {&table->record, &table->facts, &table->times,
                                &table->sizes,  &table->splt,  &table->ignored, &table->headers};
    table_clear(table);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        free(vectors[i]->bytes);
    free(table->bucket);
    free(table->ages_ms);
    free(table->counts);
    free(table->packet);
}

void table_flush(struct table *table, bool is_end_of_file)
{
    while (has_room(table) && table->recency.next != &table->recency) {
        struct flow *flow = (struct flow *)table->recency.next;
        close_slice(table, flow, FLUSHED, is_end_of_file ? idle_at(table, flow) : table->clock_ms);
        forget(table, flow);
    }
}

/* Large buffers go back to the system: one burst must not count for ever. */
void forget_batch(struct table *table)
{
    struct vector *vectors[] = {&table->record, &table->facts, &table->times, &table->sizes, &table->splt};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        if (vectors[i]->room > KEPT_BYTES) {
            free(vectors[i]->bytes);
            vectors[i]->bytes = NULL;
            vectors[i]->room = 0;
        }
        vectors[i]->used = 0;
    }
    table->records = 0;
}
