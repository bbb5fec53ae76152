/* The fast way through a capture file's record headers; flowml.capture.framing is the whole of it.
 *
 * Both walks stop in front of whatever is not plainly a good packet: the Python walker looks at that.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "flow_table.h"

#include <stdlib.h>

#define MAX_CAPTURED_BYTES 262144u
#define MAX_BLOCK_BYTES (16u << 20)
#define ENHANCED_PACKET 6u
#define ENHANCED_FIXED 32u /* block type and length, five fields, and the length again */

struct packets {
    struct vector starts, captured, times, interfaces;
};

static uint32_t word(const uint8_t *data, Py_ssize_t at, int is_big)
{
    uint32_t value = read32(data, (uint64_t)at);
    return is_big ? __builtin_bswap32(value) : value;
}

static bool add(struct packets *packets, int64_t start, int64_t captured, int64_t time, int64_t interface)
{
    if (!reserve(&packets->starts, 8) || !reserve(&packets->captured, 8) || !reserve(&packets->times, 8) ||
        !reserve(&packets->interfaces, 8))
        return false;
    append(&packets->starts, &start, 8);
    append(&packets->captured, &captured, 8);
    append(&packets->times, &time, 8);
    append(&packets->interfaces, &interface, 8);
    return true;
}

/* Give (end, starts, captured, times, interfaces), the last four as bytes of int64. */
static PyObject *given(struct packets *packets, Py_ssize_t end, bool is_complete)
{
    const struct vector *all[] = {&packets->starts, &packets->captured, &packets->times, &packets->interfaces};
    PyObject *result = NULL;
    if (is_complete)
        result = Py_BuildValue("(ny#y#y#y#)", end, all[0]->bytes ? (char *)all[0]->bytes : "",
                               (Py_ssize_t)all[0]->used, all[1]->bytes ? (char *)all[1]->bytes : "",
                               (Py_ssize_t)all[1]->used, all[2]->bytes ? (char *)all[2]->bytes : "",
                               (Py_ssize_t)all[2]->used, all[3]->bytes ? (char *)all[3]->bytes : "",
                               (Py_ssize_t)all[3]->used);
    else
        PyErr_NoMemory();
    for (size_t i = 0; i < 4; i++)
        free(all[i]->bytes);
    return result;
}

PyObject *walk_pcap(PyObject *module, PyObject *arguments)
{
    Py_buffer data;
    int is_big;
    unsigned int fractions, header;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y*pII", &data, &is_big, &fractions, &header))
        return NULL;
    struct packets packets = {0};
    const uint8_t *bytes = data.buf;
    Py_ssize_t at = 0;
    bool is_complete = true;
    while (is_complete && data.len - at >= (Py_ssize_t)header) {
        uint32_t fraction = word(bytes, at + 4, is_big), captured = word(bytes, at + 8, is_big);
        if (captured > MAX_CAPTURED_BYTES || fraction >= fractions || captured > data.len - at - header)
            break;
        int64_t time_us = (int64_t)word(bytes, at, is_big) * 1000000 + fraction / (fractions / 1000000);
        is_complete = add(&packets, at + header, captured, time_us, 0);
        at += (Py_ssize_t)header + captured;
    }
    PyBuffer_Release(&data);
    return given(&packets, at, is_complete);
}

PyObject *walk_enhanced_packets(PyObject *module, PyObject *arguments)
{
    Py_buffer data;
    int is_big;
    unsigned int interfaces;
    Py_ssize_t at;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y*npI", &data, &at, &is_big, &interfaces))
        return NULL;
    struct packets packets = {0};
    const uint8_t *bytes = data.buf;
    bool is_complete = true;
    while (is_complete && at >= 0 && data.len - at >= (Py_ssize_t)ENHANCED_FIXED) {
        uint32_t length = word(bytes, at + 4, is_big), number = word(bytes, at + 8, is_big);
        uint32_t captured = word(bytes, at + 20, is_big);
        if (word(bytes, at, is_big) != ENHANCED_PACKET || length % 4 || length < ENHANCED_FIXED ||
            length > MAX_BLOCK_BYTES || length > data.len - at || number >= interfaces ||
            captured > MAX_CAPTURED_BYTES || captured > length - ENHANCED_FIXED ||
            word(bytes, at + length - 4, is_big) != length)
            break;
        uint64_t time = (uint64_t)word(bytes, at + 12, is_big) << 32 | word(bytes, at + 16, is_big);
        is_complete = add(&packets, at + 28, captured, (int64_t)time, number);
        at += length;
    }
    PyBuffer_Release(&data);
    return given(&packets, at, is_complete);
}
