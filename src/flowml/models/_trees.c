/* Sums of the leaves that rows reach in many small trees; flowml.models.trees is the whole of it, and can do
 * without this.
 *
 * A leaf is a node whose children are itself, so that every row takes as many steps as its tree is deep: a loop
 * without a branch that could be guessed wrong. Rows go through a tree a block at a time: the steps of one
 * row wait for memory, those of several do not wait for each other.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>

#define BLOCK 32 /* rows; their features stay in the first cache */

struct node {
    double threshold;
    int32_t feature;
    int32_t nan_goes_left;
    int32_t child[2]; /* where the value is above the threshold, and where it is not */
};

struct forest {
    const struct node *nodes;
    const double *values;
    const int32_t *roots, *depths;
    Py_ssize_t n_trees;
};

static int32_t step(const struct node *node, double value)
{
    int goes_left = (value <= node->threshold) | (node->nan_goes_left & !(value > node->threshold));
    return node->child[goes_left];
}

static void add_block(const struct forest *forest, const double *rows, Py_ssize_t n_features, int count, double *sums)
{
    int32_t at[BLOCK];
    for (Py_ssize_t tree = 0; tree < forest->n_trees; tree++) {
        for (int row = 0; row < count; row++)
            at[row] = forest->roots[tree];
        for (int32_t level = 0; level < forest->depths[tree]; level++)
            for (int row = 0; row < count; row++) {
                const struct node *node = &forest->nodes[at[row]];
                at[row] = step(node, rows[row * n_features + node->feature]);
            }
        for (int row = 0; row < count; row++)
            sums[row] += forest->values[at[row]];
    }
}

/* Whether the buffers fit each other; what the numbers in them mean, trees.py has checked. */
static int fits(const Py_buffer *buffers, Py_ssize_t n_features)
{
    const Py_buffer *nodes = &buffers[0], *values = &buffers[1], *roots = &buffers[2], *depths = &buffers[3];
    const Py_buffer *rows = &buffers[4], *sums = &buffers[5];
    Py_ssize_t n_nodes = nodes->len / (Py_ssize_t)sizeof(struct node);
    return n_features > 0 && values->len == 8 * n_nodes && roots->len == depths->len &&
           rows->len == sums->len * n_features;
}

static PyObject *add_leaves(PyObject *module, PyObject *arguments)
{
    Py_buffer buffers[6];
    Py_ssize_t n_features;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*y*w*n", &buffers[0], &buffers[1], &buffers[2], &buffers[3],
                          &buffers[4], &buffers[5], &n_features))
        return NULL;
    int is_good = fits(buffers, n_features);
    if (is_good) {
        struct forest forest = {buffers[0].buf, buffers[1].buf, buffers[2].buf, buffers[3].buf, buffers[2].len / 4};
        const double *rows = buffers[4].buf;
        double *sums = buffers[5].buf;
        Py_ssize_t n_rows = buffers[5].len / 8;
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t row = 0; row < n_rows; row += BLOCK) {
            int count = n_rows - row < BLOCK ? (int)(n_rows - row) : BLOCK;
            add_block(&forest, rows + row * n_features, n_features, count, sums + row);
        }
        Py_END_ALLOW_THREADS
    }
    for (size_t i = 0; i < 6; i++)
        PyBuffer_Release(&buffers[i]);
    if (is_good)
        Py_RETURN_NONE;
    PyErr_SetString(PyExc_ValueError, "the buffers do not fit each other");
    return NULL;
}

static PyMethodDef module_functions[] = {
    {"add_leaves", add_leaves, METH_VARARGS,
     "add_leaves(nodes, values, roots, depths, rows, sums, n_features): add each row's leaves to its sum"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {{0, NULL}};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "flowml.models._trees",
    .m_doc = "Sums over the leaves of many small trees.",
    .m_methods = module_functions,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__trees(void)
{
    return PyModuleDef_Init(&module);
}
