/* A libnvidia-ml.so.1 without a driver: the real pynvml runs on it and sees the world that a text file declares.
 *
 * FAKE_NVML names the file; it is read anew at every call, so a test changes the world by writing it:
 *   driver 550.54.14             (absent: the driver is not loaded)
 *   gpu UUID TOTAL RESERVED NAME (MiB; in PCI order; NAME to the end of the line)
 *   used DEVICE PID MIB          (a process; MIB "-": the driver gives no per-process figure)
 *   load DEVICE PERCENT CELSIUS WATT
 *   lost DEVICE                  (fell off the bus)
 *   denied DEVICE                (no permission for its processes)
 *   ledger FILE                  (the imaginary GPUs' FAKE_GPU_STATE: real processes on the same devices)
 *
 *   cc -O2 -shared -fPIC fake_nvml.c -o libnvidia-ml.so.1
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID = 2, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6,
       TOO_SMALL = 7, NO_DRIVER = 9, LOST = 15 };
enum { GPUS = 16, PROCESSES = 256 };
#define MIB (1024ull * 1024)
#define NOT_AVAILABLE (~0ull)

typedef struct { char uuid[96], name[96]; unsigned long long total, reserved; int lost, denied, load, celsius, watt; } Gpu;
typedef struct { unsigned gpu, pid; unsigned long long bytes; } Process;
typedef struct { int32_t pid, device; int64_t bytes; uint64_t born; } Entry; /* as in gpu/fakegpu.cpp */
typedef struct { unsigned pid; unsigned long long bytes; unsigned instance, compute; } ProcessInfo;
typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; } PciInfo;

static int initialised;
static char driver[80];
static unsigned gpu_count, process_count;
static Gpu gpus[GPUS];
static Process processes[PROCESSES];

static void add_process(unsigned gpu, unsigned pid, unsigned long long bytes) {
    if (process_count < PROCESSES) processes[process_count++] = (Process){gpu, pid, bytes};
}

static int runs(int pid) { /* a zombie's memory is free */
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE * file = fopen(path, "r");
    if (!file) return 0;
    const char * state = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    return state && state[2] != 'Z';
}

static void read_ledger(const char * path) {
    FILE * file = fopen(path, "rb");
    Entry entry;
    while (file && fread(&entry, sizeof entry, 1, file) == 1)
        if (entry.pid && runs(entry.pid)) add_process((unsigned)entry.device, (unsigned)entry.pid, (unsigned long long)entry.bytes);
    if (file) fclose(file);
}

static void read_line(const char * line) {
    char text[512], figure[32];
    unsigned long long total, reserved;
    unsigned gpu, pid;
    int load, celsius, watt, name = 0;
    if (sscanf(line, "driver %79s", driver) == 1) return;
    if (sscanf(line, "gpu %95s %llu %llu %n", text, &total, &reserved, &name) == 3 && gpu_count < GPUS) {
        Gpu * new = &gpus[gpu_count++];
        *new = (Gpu){.total = total * MIB, .reserved = reserved * MIB, .celsius = 40, .watt = 30};
        snprintf(new->uuid, sizeof new->uuid, "%.95s", text);
        snprintf(new->name, sizeof new->name, "%.*s", (int)strcspn(line + name, "\n"), line + name);
    } else if (sscanf(line, "used %u %u %31s", &gpu, &pid, figure) == 3) {
        add_process(gpu, pid, figure[0] == '-' ? NOT_AVAILABLE : strtoull(figure, NULL, 10) * MIB);
    } else if (sscanf(line, "load %u %d %d %d", &gpu, &load, &celsius, &watt) == 4 && gpu < GPUS) {
        gpus[gpu].load = load, gpus[gpu].celsius = celsius, gpus[gpu].watt = watt;
    } else if (sscanf(line, "lost %u", &gpu) == 1 && gpu < GPUS) {
        gpus[gpu].lost = 1;
    } else if (sscanf(line, "denied %u", &gpu) == 1 && gpu < GPUS) {
        gpus[gpu].denied = 1;
    } else if (sscanf(line, "ledger %511s", text) == 1) {
        read_ledger(text);
    }
}

static int read_world(void) {
    const char * path = getenv("FAKE_NVML");
    FILE * file = path ? fopen(path, "r") : NULL;
    char line[512];
    driver[0] = 0, gpu_count = process_count = 0;
    while (file && fgets(line, sizeof line, file)) read_line(line);
    if (file) fclose(file);
    return driver[0] ? SUCCESS : NO_DRIVER;
}

/* A handle is the device's number plus one: it stays good while the world changes. */
static int find(void * handle, unsigned * index) {
    if (!initialised) return UNINITIALIZED;
    int code = read_world();
    *index = (unsigned)(uintptr_t)handle - 1;
    if (code != SUCCESS) return code;
    if (*index >= gpu_count) return INVALID;
    return gpus[*index].lost ? LOST : SUCCESS;
}

static int copy(char * to, unsigned size, const char * text) {
    if (strlen(text) >= size) return TOO_SMALL;
    strcpy(to, text);
    return SUCCESS;
}

#define DEVICE(handle) unsigned i; int code = find(handle, &i); if (code != SUCCESS) return code

int nvmlInitWithFlags(unsigned flags) { (void)flags; int code = read_world(); initialised += code == SUCCESS; return code; }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return initialised ? (initialised--, SUCCESS) : UNINITIALIZED; }

int nvmlSystemGetDriverVersion(char * text, unsigned size) { return initialised ? copy(text, size, driver) : UNINITIALIZED; }
int nvmlDeviceGetCount_v2(unsigned * count) {
    int code = initialised ? read_world() : UNINITIALIZED;
    return *count = gpu_count, code;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void ** handle) {
    DEVICE(*handle = (void *)(uintptr_t)(index + 1));
    return SUCCESS;
}

int nvmlDeviceGetHandleByUUID(const char * uuid, void ** handle) {
    int code = initialised ? read_world() : UNINITIALIZED;
    for (unsigned i = 0; code == SUCCESS && i < gpu_count; i++)
        if (!strcmp(gpus[i].uuid, uuid)) return nvmlDeviceGetHandleByIndex_v2(i, handle);
    return code == SUCCESS ? NOT_FOUND : code;
}

int nvmlDeviceGetIndex(void * device, unsigned * index) { DEVICE(device); *index = i; return SUCCESS; }
int nvmlDeviceGetName(void * device, char * text, unsigned size) { DEVICE(device); return copy(text, size, gpus[i].name); }
int nvmlDeviceGetUUID(void * device, char * text, unsigned size) { DEVICE(device); return copy(text, size, gpus[i].uuid); }

int nvmlDeviceGetPciInfo_v3(void * device, PciInfo * pci) {
    DEVICE(device);
    *pci = (PciInfo){.bus = i + 1, .id = 0x220410de};
    snprintf(pci->legacy, sizeof pci->legacy, "0000:%02X:00.0", (i + 1) & 0xff);
    snprintf(pci->bus_id, sizeof pci->bus_id, "00000000:%02X:00.0", (i + 1) & 0xff);
    return SUCCESS;
}

static unsigned long long used(unsigned gpu) {
    unsigned long long sum = 0;
    for (unsigned p = 0; p < process_count; p++)
        if (processes[p].gpu == gpu && processes[p].bytes != NOT_AVAILABLE) sum += processes[p].bytes;
    unsigned long long most = gpus[gpu].total - gpus[gpu].reserved;
    return sum < most ? sum : most;
}

/* v1 counts the driver's reserve as used; v2 shows it apart. */
int nvmlDeviceGetMemoryInfo(void * device, unsigned long long memory[3]) {
    DEVICE(device);
    unsigned long long taken = used(i) + gpus[i].reserved;
    memory[0] = gpus[i].total, memory[1] = gpus[i].total - taken, memory[2] = taken;
    return SUCCESS;
}

typedef struct { unsigned version; unsigned long long total, reserved, free, used; } Memory2;
int nvmlDeviceGetMemoryInfo_v2(void * device, Memory2 * memory) {
    DEVICE(device);
    unsigned long long taken = used(i);
    *memory = (Memory2){memory->version, gpus[i].total, gpus[i].reserved, gpus[i].total - gpus[i].reserved - taken, taken};
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void * device, unsigned * count, ProcessInfo * info) {
    DEVICE(device);
    if (gpus[i].denied) return NO_PERMISSION;
    unsigned found = 0, room = info ? *count : 0;
    for (unsigned p = 0; p < process_count; p++) {
        if (processes[p].gpu != i) continue;
        if (found < room) info[found] = (ProcessInfo){processes[p].pid, processes[p].bytes, ~0u, ~0u};
        found++;
    }
    *count = found;
    return found > room ? TOO_SMALL : SUCCESS;
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(void * device, unsigned * count) {
    DEVICE(device);
    return *count = 0, gpus[i].denied ? NO_PERMISSION : SUCCESS;
}

int nvmlDeviceGetUtilizationRates(void * device, unsigned rates[2]) { DEVICE(device); rates[0] = (unsigned)gpus[i].load, rates[1] = rates[0] / 2; return SUCCESS; }
int nvmlDeviceGetTemperature(void * device, int sensor, unsigned * celsius) { (void)sensor; DEVICE(device); *celsius = (unsigned)gpus[i].celsius; return SUCCESS; }
int nvmlDeviceGetTemperatureV(void * device, int reading[3]) { DEVICE(device); reading[2] = gpus[i].celsius; return SUCCESS; }
int nvmlDeviceGetPowerUsage(void * device, unsigned * milliwatt) { DEVICE(device); *milliwatt = (unsigned)gpus[i].watt * 1000; return SUCCESS; }
int nvmlDeviceGetMigMode(void * device, unsigned * now, unsigned * pending) { (void)now, (void)pending; DEVICE(device); return NOT_SUPPORTED; }

const char * nvmlErrorString(int code) {
    static const char * const names[] = {
        "Success", "Uninitialized", "Invalid Argument", "Not Supported", "Insufficient Permissions", "Already Initialized",
        "Not Found", "Insufficient Size", "Insufficient External Power", "Driver Not Loaded",
    };
    if (code == LOST) return "GPU is lost";
    return code >= 0 && code <= NO_DRIVER ? names[code] : "Unknown Error";
}
