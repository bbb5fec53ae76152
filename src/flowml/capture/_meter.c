/* The meter's loop over packets, around NFStream's own compiled engine: its Python type.
 *
 * The engine takes packets from libpcap, keeps the statistics of a flow and asks nDPI for names. This
 * extension adds what it has not: a table of open flows with a true least-recently-used order, expiry by the
 * clock, snapshots of open flows, a bound, and the last payload packets of every flow. It is compiled without
 * any header of the engine: flowml.capture.engine hands over the addresses of its functions and the offsets
 * of the fields of its two structures, after comparing their types with those that it relies on.
 *
 * Words: a flow is what has one key (addresses, ports, protocol, VLAN, tunnel); a slice is the part of a flow
 * between two expiries, and the engine knows slices only; a record is what leaves: a slice, or its snapshot.
 *
 * flow_table.c keeps the open flows, packet_loop.c, plain_file.c and live_feed.c feed them; none of them knows of
 * Python.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "flow_table.h"

#define AS_TEXT(name) #name,

/* The names of all fields go to Python, so that neither side can drift from the other. */
static const char *const config_fields[] = {CONFIG(AS_TEXT) NULL};
static const char *const facts_fields[] = {FACTS(AS_TEXT) NULL};
static const char *const counters_fields[] = {COUNTERS(AS_TEXT) NULL};

struct table_object {
    PyObject_HEAD
    struct table table;
    bool busy;
};

static void set_functions(struct table *table)
{
    table->capture_next = (capture_next_f)(uintptr_t)table->config.capture_next;
    table->initialize = (initialize_f)(uintptr_t)table->config.meter_initialize_flow;
    table->update = (update_f)(uintptr_t)table->config.meter_update_flow;
    table->expire = (expire_f)(uintptr_t)table->config.meter_expire_flow;
    table->release = (free_f)(uintptr_t)table->config.meter_free_flow;
    table->close = (close_f)(uintptr_t)table->config.capture_close;
    table->allocate_dissection = (calloc_f)(uintptr_t)table->config.ndpi_calloc;
    table->free_dissection = (flow_free_f)(uintptr_t)table->config.ndpi_flow_free;
    table->dispatch = (dispatch_f)(uintptr_t)table->config.pcap_dispatch;
    table->fopen_offline = (fopen_offline_f)(uintptr_t)table->config.pcap_fopen_offline;
    table->datalink = (datalink_f)(uintptr_t)table->config.pcap_datalink;
}

static void object_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    table_free(&((struct table_object *)self)->table);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *object_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    const char *config, *ages, *counts;
    Py_ssize_t config_bytes, ages_bytes, counts_bytes;
    (void)keywords;
    if (!PyArg_ParseTuple(arguments, "y#y#y#", &config, &config_bytes, &ages, &ages_bytes, &counts,
                          &counts_bytes))
        return NULL;
    if (config_bytes != sizeof(struct config) || ages_bytes % 8 || counts_bytes % 8) {
        PyErr_Format(PyExc_ValueError, "got %zd bytes of configuration, %zd of ages and %zd of counts",
                     config_bytes, ages_bytes, counts_bytes);
        return NULL;
    }
    struct plan plan = {(const uint8_t *)ages, (const uint8_t *)counts, (size_t)ages_bytes,
                        (size_t)counts_bytes};
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct table_object *object = (struct table_object *)allocate(type, 0);
    if (!object)
        return NULL;
    memcpy(&object->table.config, config, sizeof(struct config));
    set_functions(&object->table);
    if (!table_allocate(&object->table, &plan)) {
        Py_DECREF(object);
        return PyErr_NoMemory();
    }
    return (PyObject *)object;
}

/* One thread at a time: the loop runs without the interpreter's lock. Gives NULL with an exception set. */
static struct table *enter(PyObject *self)
{
    struct table_object *object = (struct table_object *)self;
    if (object->busy) {
        PyErr_SetString(PyExc_RuntimeError, "the table is in use by another thread");
        return NULL;
    }
    object->busy = true;
    return &object->table;
}

static PyObject *leave(PyObject *self, long status)
{
    struct table_object *object = (struct table_object *)self;
    object->busy = false;
    if (object->table.out_of_memory) {
        object->table.out_of_memory = false;
        return PyErr_NoMemory();
    }
    return PyLong_FromLong(status);
}

static PyObject *object_open_plain(PyObject *self, PyObject *arguments)
{
    struct plain_layout layout;
    long long position;
    if (!PyArg_ParseTuple(arguments, "iLpIIi", &layout.descriptor, &position, &layout.is_big, &layout.fractions,
                          &layout.header_bytes, &layout.link_type))
        return NULL;
    layout.position = position;
    struct table *table = enter(self);
    if (!table)
        return NULL;
    bool is_open = plain_open(table, &layout);
    ((struct table_object *)self)->busy = false;
    return PyBool_FromLong(is_open);
}

static PyObject *object_run_file(PyObject *self, PyObject *arguments)
{
    unsigned long long capture, max_packets;
    if (!PyArg_ParseTuple(arguments, "KK", &capture, &max_packets))
        return NULL;
    struct table *table = enter(self);
    if (!table)
        return NULL;
    enum status status;
    Py_BEGIN_ALLOW_THREADS
    status = run_file(table, (void *)(uintptr_t)capture, max_packets);
    Py_END_ALLOW_THREADS
    return leave(self, status);
}

static PyObject *object_run_live(PyObject *self, PyObject *arguments)
{
    const char *pairs;
    Py_ssize_t pairs_bytes;
    long long deadline_ms;
    struct input inputs[MAX_INPUTS];
    if (!PyArg_ParseTuple(arguments, "y#L", &pairs, &pairs_bytes, &deadline_ms))
        return NULL;
    if (pairs_bytes % 16 || pairs_bytes > 16 * MAX_INPUTS) {
        PyErr_Format(PyExc_ValueError, "got %zd bytes of inputs, expected up to %d pairs", pairs_bytes,
                     MAX_INPUTS);
        return NULL;
    }
    size_t count = (size_t)pairs_bytes / 16;
    for (size_t i = 0; i < count; i++) {
        inputs[i].capture = (void *)(uintptr_t)read64((const uint8_t *)pairs, 16 * i);
        inputs[i].descriptor = (int)read64((const uint8_t *)pairs, 16 * i + 8);
    }
    struct table *table = enter(self);
    if (!table)
        return NULL;
    enum status status;
    Py_BEGIN_ALLOW_THREADS
    status = run_live(table, inputs, count, deadline_ms);
    Py_END_ALLOW_THREADS
    return leave(self, status);
}

static PyObject *object_flush(PyObject *self, PyObject *arguments)
{
    int is_end_of_file;
    if (!PyArg_ParseTuple(arguments, "p", &is_end_of_file))
        return NULL;
    struct table *table = enter(self);
    if (!table)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    table_flush(table, is_end_of_file);
    Py_END_ALLOW_THREADS
    return leave(self, table->flows ? BATCH_FULL : END_OF_FILE);
}

static PyObject *object_restart_clock(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    struct table *table = enter(self);
    if (!table)
        return NULL;
    ((struct table_object *)self)->busy = false;
    if (table->flows) {
        PyErr_SetString(PyExc_RuntimeError, "flows are open: flush them before time begins anew");
        return NULL;
    }
    table->clock_ms = table->slot = 0;
    Py_RETURN_NONE;
}

/* Give the batch as bytes: records, facts, times, sizes, sequences of NFStream; and begin another. */
static PyObject *object_take(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    struct table *table = enter(self);
    if (!table)
        return NULL;
    struct vector *vectors[] = {&table->record, &table->facts, &table->times, &table->sizes, &table->splt};
    PyObject *batch = PyTuple_New(5);
    for (Py_ssize_t i = 0; batch && i < 5; i++) {
        const char *start = (const char *)vectors[i]->bytes;
        PyObject *bytes = PyBytes_FromStringAndSize(start, (Py_ssize_t)vectors[i]->used);
        if (!bytes || PyTuple_SetItem(batch, i, bytes) < 0)
            Py_CLEAR(batch);
    }
    if (batch)
        forget_batch(table);
    ((struct table_object *)self)->busy = false;
    return batch;
}

/* Give the packets that the engine left out of interfaces, as bytes, and forget them. */
static PyObject *object_take_ignored(PyObject *self, PyObject *unused)
{
    (void)unused;
    struct table *table = enter(self);
    if (!table)
        return NULL;
    const char *start = (const char *)table->ignored.bytes;
    PyObject *bytes = PyBytes_FromStringAndSize(start, (Py_ssize_t)table->ignored.used);
    if (bytes)
        table->ignored.used = 0;
    ((struct table_object *)self)->busy = false;
    return bytes;
}

/* Give the headers that were kept, as records of a pcap file, and forget them. */
static PyObject *object_take_headers(PyObject *self, PyObject *unused)
{
    (void)unused;
    struct table *table = enter(self);
    if (!table)
        return NULL;
    const char *start = (const char *)table->headers.bytes;
    PyObject *bytes = PyBytes_FromStringAndSize(start, (Py_ssize_t)table->headers.used);
    if (bytes)
        table->headers.used = 0;
    ((struct table_object *)self)->busy = false;
    return bytes;
}

static PyObject *object_counters(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    struct table *table = enter(self);
    if (!table)
        return NULL;
    ((struct table_object *)self)->busy = false;
    table->counters.open_flows = (int64_t)table->flows;
    table->counters.clock_ms = table->clock_ms;
    return PyBytes_FromStringAndSize((const char *)&table->counters, sizeof table->counters);
}

static PyObject *object_clear(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    struct table *table = enter(self);
    if (!table)
        return NULL;
    table_clear(table);
    ((struct table_object *)self)->busy = false;
    Py_RETURN_NONE;
}

static PyMethodDef object_methods[] = {
    {"open_plain", object_open_plain, METH_VARARGS,
     "open_plain(descriptor, position, is_big_endian, fractions, header_bytes, link_type): "
     "a pcap file for run_file(0, max_packets); gives whether it can be read"},
    {"run_file", object_run_file, METH_VARARGS, "run_file(capture, max_packets): meter a file; gives a status"},
    {"run_live", object_run_live, METH_VARARGS,
     "run_live(inputs, deadline_ms): meter interfaces until then (monotonic clock); gives a status"},
    {"flush", object_flush, METH_VARARGS, "flush(is_end_of_file): close flows; END_OF_FILE when none is open"},
    {"take", object_take, METH_NOARGS, "take(): records, facts, times, sizes and sequences as bytes"},
    {"take_ignored", object_take_ignored, METH_NOARGS,
     "take_ignored(): packets of interfaces that the engine left out: captured bytes, link type, first bytes"},
    {"take_headers", object_take_headers, METH_NOARGS,
     "take_headers(): headers of packets of interfaces, as records of a pcap file"},
    {"counters", object_counters, METH_NOARGS, "counters(): COUNTER_FIELDS as bytes of int64"},
    {"restart_clock", object_restart_clock, METH_NOARGS, "restart_clock(): let time begin anew, without flows"},
    {"clear", object_clear, METH_NOARGS, "clear(): free all flows without a record"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot object_slots[] = {
    {Py_tp_doc, "Table of open flows: FlowTable(config, ages_ms, counts), all as bytes of uint64."},
    {Py_tp_new, object_new},
    {Py_tp_dealloc, object_dealloc},
    {Py_tp_methods, object_methods},
    {0, NULL},
};

static PyType_Spec object_spec = {
    .name = "flowml.capture._meter.FlowTable",
    .basicsize = sizeof(struct table_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = object_slots,
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
        {"SLOT_MS", SLOT_MS}, {"WHEEL_SLOTS", WHEEL_SLOTS}, {"MAX_INPUTS", MAX_INPUTS}, {"IGNORED_HEAD", IGNORED_HEAD},
    };
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (PyModule_AddIntConstant(module, constants[i].name, constants[i].value) < 0)
            return -1;
    return 0;
}

static int execute(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &object_spec, NULL);
    int added = type ? PyModule_AddObjectRef(module, "FlowTable", type) : -1;
    Py_XDECREF(type);
    if (added < 0 || add_constants(module) < 0 || add_names(module, "CONFIG_FIELDS", config_fields) < 0 ||
        add_names(module, "FACT_FIELDS", facts_fields) < 0)
        return -1;
    return add_names(module, "COUNTER_FIELDS", counters_fields);
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, execute}, {0, NULL}};

/* framing.c */
PyObject *walk_pcap(PyObject *module, PyObject *arguments);
PyObject *walk_enhanced_packets(PyObject *module, PyObject *arguments);
/* census.c */
PyObject *count_packets(PyObject *module, PyObject *arguments);
PyObject *count_pcap(PyObject *module, PyObject *arguments);
/* header_ring.c */
PyObject *packet_header_length(PyObject *module, PyObject *arguments);

static PyMethodDef module_functions[] = {
    {"walk_pcap", walk_pcap, METH_VARARGS,
     "walk_pcap(data, is_big_endian, fractions, header_bytes): end, starts, captured, times, interfaces"},
    {"walk_enhanced_packets", walk_enhanced_packets, METH_VARARGS,
     "walk_enhanced_packets(data, at, is_big_endian, interfaces): the same for pcapng"},
    {"header_length", packet_header_length, METH_VARARGS,
     "header_length(packet, link_type): bytes before its payload"},
    {"count_packets", count_packets, METH_VARARGS,
     "count_packets(data, starts, captured, times, link_type, is_classified, counted): see census.py"},
    {"count_pcap", count_pcap, METH_VARARGS,
     "count_pcap(descriptor, position, is_big_endian, fractions, header_bytes, link_type, is_classified, counted): "
     "how far it came, and packets"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "flowml.capture._meter",
    .m_doc = "The meter's loop over packets around NFStream's engine.",
    .m_methods = module_functions,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__meter(void)
{
    return PyModuleDef_Init(&module);
}
