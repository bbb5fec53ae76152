/* What makes a flow one: its key, the same for both directions, and which process has it. */
#ifndef FLOWML_FLOW_KEY_H
#define FLOWML_FLOW_KEY_H

#include <stdbool.h>
#include <stdint.h>

/* In whole words, and written as such: what was written in pieces, the processor cannot read at once as a word. */
struct key {
    uint64_t address[2][2];
    uint64_t ends; /* both ports, VLAN, protocol */
    uint64_t tunnel_id;
};

struct headers { /* of a packet, as far as they make the key */
    uint64_t source[2], target[2];
    uint16_t source_port, target_port, vlan_id;
    uint8_t protocol;
    uint32_t tunnel_id;
};

struct sent { /* the key of a packet, and which of its sides is the sender */
    struct key key;
    uint8_t side;
};

/* Without branches: which side is the lower one is as good as random. */
static inline bool source_is_first(const struct headers *headers)
{
    const uint64_t *source = headers->source, *target = headers->target;
    bool by_port = headers->source_port <= headers->target_port;
    bool by_low = (source[0] < target[0]) | ((source[0] == target[0]) & by_port);
    return (source[1] < target[1]) | ((source[1] == target[1]) & by_low);
}

/* Filled in where it stays: to copy it now would wait for the words just written, too. */
static inline void set_sent(struct sent *sent, const struct headers *headers)
{
    uint8_t side = source_is_first(headers) ? 0 : 1;
    unsigned source_shift = 16u * side, target_shift = 16 - source_shift;
    for (int i = 0; i < 2; i++) {
        sent->key.address[side][i] = headers->source[i];
        sent->key.address[1 - side][i] = headers->target[i];
    }
    sent->side = side;
    sent->key.ends = (uint64_t)headers->source_port << source_shift | (uint64_t)headers->target_port << target_shift |
                    (uint64_t)headers->vlan_id << 32 | (uint64_t)headers->protocol << 48;
    sent->key.tunnel_id = headers->tunnel_id;
}

static inline uint8_t key_protocol(const struct key *key)
{
    return (uint8_t)(key->ends >> 48);
}

/* Both halves of the product of two words, laid over each other. */
static inline uint64_t fold(uint64_t left, uint64_t right)
{
    __extension__ unsigned __int128 product = (unsigned __int128)left * right;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Which of so many processes has the flow. What makes one connection stays together, so tunnels do not count;
 * without a secret, because all processes must agree: whoever chooses addresses can make one of them busier. */
static inline uint64_t key_shard(const struct key *key, uint64_t shards)
{
    uint64_t hash = fold(key->address[0][0] ^ 0x9e3779b97f4a7c15ULL, key->address[0][1] ^ 0xbf58476d1ce4e5b9ULL);
    hash ^= fold(key->address[1][0] ^ 0x94d049bb133111ebULL, key->address[1][1] ^ 0xd6e8feb86659fd93ULL);
    hash = fold(hash ^ key->ends, 0x2545f4914f6cdd1dULL);
    return (hash >> 32) * shards >> 32;
}

#endif
