# For the scripts beside it: what figures are worth nothing without.
machine() { # load average at the start
    local cpu memory
    cpu=$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs)
    memory=$(grep -m1 MemTotal /proc/meminfo | tr -s ' ' | cut -d' ' -f2-)
    echo "$(nproc) cores of $cpu, $memory, Linux $(uname -r); load average at the start $1"
}
