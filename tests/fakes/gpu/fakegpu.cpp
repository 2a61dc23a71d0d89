// Imaginary GPUs for the real llama-server: a ggml backend with N devices of declared size, loaded through
// GGML_BACKEND_PATH. Memory is accounted as a driver would, across processes, and runs out as on a real card;
// the arithmetic itself is done by the CPU backend.
//
//   FAKE_GPU=24576,12288    the devices, in MiB
//   FAKE_GPU_STATE=FILE     the ledger that all processes share (without it, each sees empty devices)
//   FAKE_GPU_PREFIX=CUDA    device names CUDA0, CUDA1 (default FAKE)
//   FAKE_GPU_CTX_MIB=300    what each process pays per device before its first byte, like a CUDA context
//
//   c++ -O2 -shared -fPIC -std=c++17 fakegpu.cpp -o libfakegpu.so
#include "ggml_abi.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <mutex>
#include <string>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr size_t MIB = 1024 * 1024;

// ---- the ledger: who holds how much of which device; tests/fakes/gpus.py reads and writes the same records ----

struct Entry {
    int32_t pid;  // 0: free
    int32_t device;
    int64_t bytes;
    uint64_t born;  // start time of the process in clock ticks: a pid that was given again holds nothing
};
constexpr int ENTRIES = 4096;

// 0 when the process is gone. A zombie's memory is free on a real card too.
uint64_t born(int32_t pid) {
    std::string path = "/proc/" + std::to_string(pid) + "/stat";
    FILE * file = fopen(path.c_str(), "r");
    if (!file) return 0;
    char line[1024] = {};
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    const char * rest = length ? strrchr(line, ')') : nullptr;  // a name may contain anything, even ") Z"
    char state = 0;
    unsigned long long ticks = 0;
    if (!rest || sscanf(rest, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                        &state, &ticks) != 2) return 0;
    return state == 'Z' || state == 'X' ? 0 : ticks;
}

class Ledger {
  public:
    void open_shared() {
        const char * path = getenv("FAKE_GPU_STATE");
        file_ = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
        if (file_ >= 0 && ftruncate(file_, sizeof(Entry) * ENTRIES) == 0) {
            void * shared = mmap(nullptr, sizeof(Entry) * ENTRIES, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
            if (shared != MAP_FAILED) entries_ = static_cast<Entry *>(shared);
        }
        if (!entries_) entries_ = static_cast<Entry *>(calloc(ENTRIES, sizeof(Entry)));
    }

    size_t used(int device) {
        Lock lock(*this);
        return used_locked(device);
    }

    bool take(int device, size_t bytes, size_t total) {
        Lock lock(*this);
        Entry * mine = own_entry(device);
        if (!mine || used_locked(device) + bytes > total) return false;
        *mine = {getpid(), device, mine->bytes + static_cast<int64_t>(bytes), born(getpid())};
        return true;
    }

    void give(int device, size_t bytes) {
        Lock lock(*this);
        Entry * mine = own_entry(device);
        if (!mine) return;
        mine->bytes -= static_cast<int64_t>(bytes);
        if (mine->bytes <= 0) *mine = {};
    }

  private:
    struct Lock {  // against threads and against other processes
        explicit Lock(Ledger & l) : ledger(l) {
            ledger.mutex_.lock();
            if (ledger.file_ >= 0) flock(ledger.file_, LOCK_EX);
        }
        ~Lock() {
            if (ledger.file_ >= 0) flock(ledger.file_, LOCK_UN);
            ledger.mutex_.unlock();
        }
        Ledger & ledger;
    };

    size_t used_locked(int device) {
        int64_t sum = 0;
        for (int i = 0; i < ENTRIES; i++) {
            Entry & entry = entries_[i];
            if (entry.pid && entry.device == device && born(entry.pid) != entry.born) entry = {};
            if (entry.pid && entry.device == device) sum += entry.bytes;
        }
        return static_cast<size_t>(sum);
    }

    // The record of this process, or a free one.
    Entry * own_entry(int device) {
        Entry * unused = nullptr;
        for (int i = 0; i < ENTRIES; i++) {
            Entry & entry = entries_[i];
            if (entry.pid == getpid() && entry.device == device) return &entry;
            if (!entry.pid && !unused) unused = &entry;
        }
        return unused;
    }

    Entry * entries_ = nullptr;
    int file_ = -1;
    std::mutex mutex_;
};

Ledger ledger;

struct Gpu {
    int index;
    std::string name, description, pci;
    size_t total;
    bool context_paid = false;
    ggml_backend_buffer_type buffer_type{};
    ggml_backend_device device{};
};

std::deque<Gpu> gpus;  // a deque: the engine keeps pointers into it
ggml_backend_reg registry{};

Gpu & gpu_of(device_t device) { return *static_cast<Gpu *>(device->context); }
Gpu & gpu_of(buft_t type) { return *static_cast<Gpu *>(type->context); }

// ---- buffers: memory that costs nothing until something other than zero is written ----

struct Memory {
    Gpu & gpu;
    void * base;
    size_t size, mapped;
    bool written = false;  // models on sparse files are all zero: 400 GiB of them fit a small machine
};

Memory & memory_of(buffer_t buffer) { return *static_cast<Memory *>(buffer->context); }

bool all_zero(const void * data, size_t size) {
    const char * bytes = static_cast<const char *>(data);
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

char * at(const ggml_tensor * tensor, size_t offset) { return static_cast<char *>(tensor->data) + offset; }

void buffer_free(buffer_t buffer) {
    Memory * memory = &memory_of(buffer);
    if (memory->base) munmap(memory->base, memory->mapped);
    ledger.give(memory->gpu.index, memory->size);
    delete memory;
}

void * buffer_base(buffer_t buffer) { return memory_of(buffer).base; }

void buffer_fill(buffer_t buffer, ggml_tensor * tensor, uint8_t value, size_t offset, size_t size) {
    Memory & memory = memory_of(buffer);
    if (value == 0 && !memory.written) return;
    memory.written = true;
    memset(at(tensor, offset), value, size);
}

void buffer_set(buffer_t buffer, ggml_tensor * tensor, const void * data, size_t offset, size_t size) {
    Memory & memory = memory_of(buffer);
    if (!memory.written && all_zero(data, size)) return;
    memory.written = true;
    memcpy(at(tensor, offset), data, size);
}

void buffer_get(buffer_t, const ggml_tensor * tensor, void * data, size_t offset, size_t size) {
    memcpy(data, at(tensor, offset), size);
}

void buffer_clear(buffer_t buffer, uint8_t value) {
    Memory & memory = memory_of(buffer);
    if (!memory.size || (value == 0 && !memory.written)) return;
    if (value == 0) {
        madvise(memory.base, memory.mapped, MADV_DONTNEED);
        return;
    }
    memset(memory.base, value, memory.size);
    memory.written = true;
}

buffer_t type_allocate(buft_t type, size_t size) {
    Gpu & gpu = gpu_of(type);
    if (!ledger.take(gpu.index, size, gpu.total)) {
        // The words of the CUDA backend: who reads logs for the cause must find it here too.
        ggml_log_internal(LOG_LEVEL_ERROR, "%s: allocating %.2f MiB on device %d: cudaMalloc failed: out of memory\n",
                          __func__, static_cast<double>(size) / MIB, gpu.index);
        return nullptr;
    }
    size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    size_t mapped = (size + page - 1) / page * page;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void * base = mapped ? mmap(nullptr, mapped, PROT_READ | PROT_WRITE, flags, -1, 0) : nullptr;
    if (base == MAP_FAILED) {
        ledger.give(gpu.index, size);
        return nullptr;
    }
    buffer_i iface{};
    iface.free_buffer = buffer_free;
    iface.get_base = buffer_base;
    iface.memset_tensor = buffer_fill;
    iface.set_tensor = buffer_set;
    iface.get_tensor = buffer_get;
    iface.clear = buffer_clear;
    return ggml_backend_buffer_init(type, iface, new Memory{gpu, base, size, mapped}, size);
}

const char * type_name(buft_t type) { return gpu_of(type).name.c_str(); }
size_t type_alignment(buft_t) { return 128; }

// CUDA pads rows of quantised matrices to 512 elements; estimates must meet the same rounding here.
size_t type_size(buft_t, const ggml_tensor * tensor) {
    size_t size = ggml_nbytes(tensor);
    int64_t rest = tensor->ne[0] % 512;
    return ggml_is_quantized(tensor->type) && rest ? size + ggml_row_size(tensor->type, 512 - rest) : size;
}

// ---- a stream: everything is computed at once, by the CPU ----

struct Stream {
    Gpu & gpu;
    backend_t cpu;
};

Stream & stream_of(backend_t backend) { return *static_cast<Stream *>(backend->context); }

const char * stream_name(backend_t backend) { return stream_of(backend).gpu.name.c_str(); }

void stream_free(backend_t backend) {
    Stream * stream = &stream_of(backend);
    ggml_backend_free(stream->cpu);
    delete stream;
    delete backend;
}

int stream_compute(backend_t backend, ggml_cgraph * graph) {
    for (int i = 0; i < ggml_graph_n_nodes(graph); i++) {
        buffer_t target = ggml_graph_node(graph, i)->buffer;
        if (target && target->iface.get_base == buffer_base) memory_of(target).written = true;
    }
    return ggml_backend_graph_compute(stream_of(backend).cpu, graph);
}

void stream_synchronize(backend_t) {}
void stream_event(backend_t, event_t) {}

// ---- devices ----

const char * device_name(device_t device) { return gpu_of(device).name.c_str(); }
const char * device_description(device_t device) { return gpu_of(device).description.c_str(); }
int device_type(device_t) { return DEVICE_TYPE_GPU; }
buft_t device_buffer_type(device_t device) { return &gpu_of(device).buffer_type; }

void device_memory(device_t device, size_t * free, size_t * total) {
    size_t used = ledger.used(gpu_of(device).index);
    *total = gpu_of(device).total;
    *free = used > *total ? 0 : *total - used;
}

void device_properties(device_t device, device_props * props) {
    Gpu & gpu = gpu_of(device);
    *props = {gpu.name.c_str(), gpu.description.c_str(), 0, 0, DEVICE_TYPE_GPU, gpu.pci.c_str(), {}};
    device_memory(device, &props->memory_free, &props->memory_total);
    props->caps.async = true;
    props->caps.events = true;  // makes pipeline parallelism over several devices possible, with its extra buffers
    props->caps.mmap_support = true;
}

backend_t device_stream(device_t device, const char *) {
    static uint8_t guid[16] = {'i', 'm', 'a', 'g', 'i', 'n', 'a', 'r', 'y', ' ', 'g', 'p', 'u', 's', ' ', '1'};
    Gpu & gpu = gpu_of(device);
    const char * context = getenv("FAKE_GPU_CTX_MIB");
    if (context && !gpu.context_paid) {
        if (!ledger.take(gpu.index, strtoull(context, nullptr, 10) * MIB, gpu.total)) {
            ggml_log_internal(LOG_LEVEL_ERROR, "%s: no memory for the context: out of memory\n", __func__);
            return nullptr;
        }
        gpu.context_paid = true;
    }
    backend_i iface{};
    iface.get_name = stream_name;
    iface.free = stream_free;
    iface.synchronize = stream_synchronize;
    iface.graph_compute = stream_compute;
    iface.event_record = stream_event;
    iface.event_wait = stream_event;
    return new ggml_backend{guid, iface, device, new Stream{gpu, ggml_backend_init_by_type(DEVICE_TYPE_CPU, nullptr)}};
}

bool is_op(const ggml_tensor * tensor, const char * name) { return strcmp(ggml_op_name(tensor->op), name) == 0; }

// What CUDA would refuse among common models: looking up rows of most quantised types.
bool device_supports(device_t, const ggml_tensor * tensor) {
    if (!is_op(tensor, "GET_ROWS")) return true;
    std::string type = ggml_type_name(tensor->src[0]->type);
    return type == "f32" || type == "f16" || type == "q8_0" || type == "q4_0";
}

bool device_supports_type(device_t device, buft_t type) { return type == device_buffer_type(device); }

// Batches of 32 and more are worth the copy of their weights to the device: CUDA's rule.
bool device_wants(device_t, const ggml_tensor * tensor) {
    if (is_op(tensor, "GET_ROWS")) return false;
    if (is_op(tensor, "MUL_MAT")) return tensor->ne[1] >= 32;
    if (is_op(tensor, "MUL_MAT_ID") || is_op(tensor, "ROPE")) return tensor->ne[2] >= 32;
    return ggml_nrows(tensor) >= 32;
}

event_t event_new(device_t device) { return new ggml_backend_event{device, nullptr}; }
void event_free(device_t, event_t event) { delete event; }
void event_synchronize(device_t, event_t) {}

// ---- the registry ----

const char * prefix() {
    const char * name = getenv("FAKE_GPU_PREFIX");
    return name ? name : "FAKE";
}

const char * registry_name(reg_t) { return prefix(); }
size_t registry_count(reg_t) { return gpus.size(); }
device_t registry_device(reg_t, size_t index) { return &gpus[index].device; }

void set_threads(backend_t backend, int count) {
    backend_t cpu = stream_of(backend).cpu;
    reg_t owner = ggml_backend_dev_backend_reg(ggml_backend_get_device(cpu));
    void * setter = ggml_backend_reg_get_proc_address(owner, "ggml_backend_set_n_threads");
    if (setter) reinterpret_cast<void (*)(backend_t, int)>(setter)(cpu, count);
}

void * registry_function(reg_t, const char * name) {
    return strcmp(name, "ggml_backend_set_n_threads") == 0 ? reinterpret_cast<void *>(set_threads) : nullptr;
}

device_i device_interface() {
    device_i iface{};
    iface.get_name = device_name;
    iface.get_description = device_description;
    iface.get_memory = device_memory;
    iface.get_type = device_type;
    iface.get_props = device_properties;
    iface.init_backend = device_stream;
    iface.get_buffer_type = device_buffer_type;
    iface.supports_op = device_supports;
    iface.supports_buft = device_supports_type;
    iface.offload_op = device_wants;
    iface.event_new = event_new;
    iface.event_free = event_free;
    iface.event_synchronize = event_synchronize;
    return iface;
}

void add_gpu(size_t mib) {
    int index = static_cast<int>(gpus.size());
    char pci[32];
    snprintf(pci, sizeof pci, "0000:%02x:00.0", index + 1);
    std::string description = "Imaginary GPU " + std::to_string(mib) + " MiB";
    Gpu & gpu = gpus.emplace_back(Gpu{index, prefix() + std::to_string(index), description, pci, mib * MIB});
    gpu.device = {device_interface(), &registry, &gpu};
    buffer_type_i iface{};
    iface.get_name = type_name;
    iface.alloc_buffer = type_allocate;
    iface.get_alignment = type_alignment;
    iface.get_alloc_size = type_size;
    gpu.buffer_type = {iface, &gpu.device, &gpu};
}

}  // namespace

// The one symbol that ggml looks for.
extern "C" reg_t ggml_backend_init() {
    if (registry.api_version) return &registry;
    const char * sizes = getenv("FAKE_GPU");
    for (const char * next = sizes ? sizes : "24576"; next; next = strchr(next, ',') ? strchr(next, ',') + 1 : nullptr)
        add_gpu(strtoull(next, nullptr, 10));
    ledger.open_shared();
    registry = {BACKEND_API_VERSION, {registry_name, registry_count, registry_device, registry_function}, nullptr};
    return &registry;
}
