/* library.c: what the shared library offers once, whatever the instruction set: the workspace's
 * size and the table of its arrays. */
#include "layout.h"
#include "export.h"

typedef enum { PARAMETER, FIRST_MOMENT, SECOND_MOMENT, PARAMETER_GRADIENT, ACTIVATION, ACTIVATION_GRADIENT } Kind;

typedef struct {
    char name[40]; /* a site of activations.py or a parameter: layer0.attn.q */
    int32_t kind, ndim;
    int64_t offset;               /* bytes from the start of the workspace */
    int64_t shape[3], strides[3]; /* strides in elements */
} ArrayInfo;

typedef struct {
    ArrayInfo *out;
    int64_t capacity, count;
    const double *workspace;
    const Sizes *z;
} Listing;

static int append_text(char *to, int at, const char *text) {
    while (*text) to[at++] = *text++;
    return at;
}

/* layer < 0: a name outside layers */
static void write_name(char *to, int64_t layer, const char *name) {
    int at = 0;
    if (layer >= 0) {
        at = append_text(to, at, "layer");
        if (layer >= 100) to[at++] = (char)('0' + layer / 100 % 10);
        if (layer >= 10) to[at++] = (char)('0' + layer / 10 % 10);
        to[at++] = (char)('0' + layer % 10);
        to[at++] = '.';
    }
    to[append_text(to, at, name)] = 0;
}

static void add(Listing *list, Kind kind, int64_t layer, const char *name, const double *start, int ndim,
                const int64_t shape[3], const int64_t strides[3]) {
    if (list->count < list->capacity) {
        ArrayInfo *info = &list->out[list->count];
        write_name(info->name, layer, name);
        info->kind = kind;
        info->ndim = ndim;
        info->offset = (start - list->workspace) * 8;
        for (int axis = 0; axis < 3; axis++) {
            info->shape[axis] = axis < ndim ? shape[axis] : 1;
            info->strides[axis] = axis < ndim ? strides[axis] : 0;
        }
    }
    list->count++;
}

/* The axes of a site, as the table in layout.h spells them. */
static void add_site(Listing *list, Kind kind, int64_t layer, const char *name, const double *start, Axes axes) {
    const Sizes *z = list->z;
    switch (axes) {
        /* clang-format off */
#define ARE(...) (const int64_t[3]){__VA_ARGS__}
    case T_:  add(list, kind, layer, name, start, 1, ARE(z->T), ARE(1)); break;
    case TC:  add(list, kind, layer, name, start, 2, ARE(z->T, z->C), ARE(z->c, 1)); break;
    case TF:  add(list, kind, layer, name, start, 2, ARE(z->T, z->F), ARE(z->f, 1)); break;
    case TV:  add(list, kind, layer, name, start, 2, ARE(z->T, z->V), ARE(z->v, 1)); break;
    case QKV: add(list, kind, layer, name, start, 2, ARE(z->T, z->C), ARE(z->qkv, 1)); break;
    case HTS: add(list, kind, layer, name, start, 3, ARE(z->H, z->T, z->T), ARE(z->T * z->s, z->s, 1)); break;
    case ONE: add(list, kind, layer, name, start, 0, ARE(1), ARE(1)); break;
        /* clang-format on */
    }
}

static void add_weights(Listing *list, const Model *m, Kind kind, double *flat) {
    const Sizes *z = list->z;
    Weights w = weights_at(z, flat);
#define ADD_WEIGHT(field, name, rows, columns, stride) \
    add(list, kind, layer, name, w.field, 2, ARE(rows, columns), ARE(stride, 1));
    int64_t layer = -1;
    PARAMETERS(ADD_WEIGHT)
    for (layer = 0; layer < z->L; layer++) {
        LayerWeights w = layer_weights(m, flat, layer);
        LAYER_PARAMETERS(ADD_WEIGHT)
    }
}

static void add_sites(Listing *list, const Model *m, Kind kind) {
    Sites s = kind == ACTIVATION ? m->site : m->dsite;
#define ADD_SITE(field, name, axes, elements) add_site(list, kind, layer, name, s.field, axes);
    int64_t layer = -1;
    SITES(ADD_SITE)
    for (layer = 0; layer < list->z->L; layer++) {
        LayerSites s = kind == ACTIVATION ? layer_values(m, layer) : layer_gradients(m, layer);
        LAYER_SITES(ADD_SITE)
    }
    layer = -1;
    LAST_SITES(ADD_SITE)
}

/* Bytes of the workspace: zero-filled and 64-byte aligned by the caller. */
EXPORT int64_t glass_workspace_size(const Dims *dims) {
    uintptr_t nowhere = 64; /* any address will do: nothing is read */
    return (int64_t)((uintptr_t)model_at(dims, (double *)nowhere).end - nowhere);
}

/* Fills `out` with at most `capacity` arrays and returns how many there are. */
EXPORT int64_t glass_arrays(const Dims *dims, const double *workspace, ArrayInfo *out, int64_t capacity) {
    Model m = model_at(dims, (double *)workspace);
    Listing list = {out, capacity, 0, workspace, &m.z};
    add_weights(&list, &m, PARAMETER, m.weights);
    add_weights(&list, &m, FIRST_MOMENT, m.m);
    add_weights(&list, &m, SECOND_MOMENT, m.v);
    add_weights(&list, &m, PARAMETER_GRADIENT, m.grads);
    add_sites(&list, &m, ACTIVATION);
    add_sites(&list, &m, ACTIVATION_GRADIENT);
    return list.count;
}
