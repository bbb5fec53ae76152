/* Packets of an interface, through our hands to the engine's parser.
 *
 * The engine reads from libpcap by itself and does not say why it left a packet out, nor show it. So we let
 * libpcap call us with the packet where it lies in the ring, and give it to the engine as the next record of a
 * capture file that is never written: a stream whose reader is here. All of that is libpcap's public interface,
 * and the packet is copied once, as libpcap itself would. What the engine then leaves out is at hand.
 */
#define _GNU_SOURCE
#include "flow_table.h"

#include <stdlib.h>
#include <sys/types.h>

#define ERROR_BYTES 256 /* PCAP_ERRBUF_SIZE */
#define LONGEST 262144  /* libpcap's longest packet */

struct file_header { /* of a pcap file; byte order and unit of time are told by its first word */
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy, snapshot_bytes, link_type;
};

/* The stream's reader. It gives one part, a header or a packet, however much it is asked for, and libpcap reads
 * no further than that: so the stream may have a buffer, without which it would ask for byte after byte. */
static ssize_t give(void *cookie, char *place, size_t room)
{
    struct feed *feed = cookie;
    int next = feed->waiting[0].length ? 0 : 1;
    size_t length = feed->waiting[next].length < room ? feed->waiting[next].length : room;
    memcpy(place, feed->waiting[next].bytes, length);
    feed->waiting[next].bytes += length;
    feed->waiting[next].length -= length;
    return (ssize_t)length;
}

static void wait_with(struct feed *feed, const void *header, size_t header_bytes, const uint8_t *packet,
                      size_t packet_bytes)
{
    feed->waiting[0].bytes = header;
    feed->waiting[0].length = header_bytes;
    feed->waiting[1].bytes = packet;
    feed->waiting[1].length = packet_bytes;
}

bool feed_open(struct feed *feed, struct table *table, void *live)
{
    if (feed->live == live)
        return true;
    feed_close(feed);
    int link_type = table->datalink(live);
    struct file_header header = {0xa1b2c3d4, 2, 4, 0, 0, LONGEST, (uint32_t)link_type};
    char error[ERROR_BYTES];
    FILE *stream = fopencookie(feed, "r", (cookie_io_functions_t){.read = give});
    if (!stream)
        return false;
    wait_with(feed, &header, sizeof header, NULL, 0);
    feed->parsed = table->fopen_offline(stream, error);
    if (!feed->parsed) {
        fclose(stream);
        return false;
    }
    feed->live = live;
    feed->table = table;
    feed->link_type = link_type;
    return true;
}

void feed_close(struct feed *feed)
{
    if (feed->parsed)
        feed->table->close(feed->parsed); /* and the stream */
    memset(feed, 0, sizeof *feed);
}

static void keep_ignored(const struct feed *feed, const struct packet_header *header, const uint8_t *bytes)
{
    struct ignored ignored = {.captured_bytes = header->captured_bytes, .link_type = (uint32_t)feed->link_type};
    size_t length = header->captured_bytes < IGNORED_HEAD ? header->captured_bytes : IGNORED_HEAD;
    memcpy(ignored.head, bytes, length);
    if (reserve(&feed->table->ignored, sizeof ignored)) /* without memory it is one of unknown reason */
        append(&feed->table->ignored, &ignored, sizeof ignored);
}

static void take(uint8_t *context, const struct packet_header *header, const uint8_t *bytes)
{
    struct feed *feed = (struct feed *)context;
    struct record_header record = {(uint32_t)header->time.tv_sec, (uint32_t)header->time.tv_usec,
                                   header->captured_bytes, header->bytes};
    wait_with(feed, &record, sizeof record, bytes, header->captured_bytes);
    feed->got = read_packet(feed->table, feed->parsed, NULL);
    if (feed->got == IGNORED)
        keep_ignored(feed, header, bytes);
    else if (feed->got > IGNORED && feed->table->config.kept_bytes)
        keep_headers(feed->table, header, bytes, feed->link_type);
}

int feed_read(struct feed *feed, int most)
{
    feed->got = IGNORED;
    int packets = feed->table->dispatch(feed->live, most, take, (uint8_t *)feed);
    return feed->got < IGNORED ? NOTHING : packets;
}
