/* libFuzzer's loop inside Python: it makes inputs, a Python function judges them.
 *
 * Built into one library with the extension, whose branches and comparisons guide libFuzzer. NFStream's engine
 * comes compiled and tells nothing, so the Python function says what it saw the engine do: see(number).
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>

#define SIGHTS 8192

int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*one)(const uint8_t *data, size_t size));

__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t sights[SIGHTS];
static PyObject *judge;

static int one_input(const uint8_t *data, size_t size)
{
    PyObject *given = PyObject_CallFunction(judge, "y#", (const char *)data, (Py_ssize_t)size);
    if (!given) { /* libFuzzer keeps the input of whatever aborts */
        PyErr_Print();
        abort();
    }
    Py_DECREF(given);
    return 0;
}

static PyObject *run(PyObject *module, PyObject *arguments)
{
    PyObject *list;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!O", &PyList_Type, &list, &judge))
        return NULL;
    int count = (int)PyList_Size(list);
    char **words = calloc((size_t)count + 1, sizeof *words);
    if (!words)
        return PyErr_NoMemory();
    for (int i = 0; i < count; i++) {
        words[i] = (char *)PyUnicode_AsUTF8AndSize(PyList_GetItem(list, i), NULL);
        if (!words[i]) {
            free(words);
            return NULL;
        }
    }
    int status = LLVMFuzzerRunDriver(&count, &words, one_input); /* mostly it ends the process itself */
    free(words);
    return PyLong_FromLong(status);
}

static PyObject *see(PyObject *module, PyObject *number)
{
    (void)module;
    unsigned long seen = PyLong_AsUnsignedLong(number);
    if (PyErr_Occurred())
        return NULL;
    sights[seen % SIGHTS] = 1;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"run", run, METH_VARARGS, "run(arguments, judge): libFuzzer's main, with judge(bytes) for every input"},
    {"see", see, METH_O, "see(number): tell libFuzzer that this input did something new"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "harness",
    .m_doc = "libFuzzer's loop.",
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit_harness(void)
{
    return PyModule_Create(&definition);
}
