"""The machine: files, processes, probes. The only place with psutil, pynvml, subprocess and /proc."""
