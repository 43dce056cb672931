# For the scripts beside it: what figures are worth nothing without, and how they are taken out of what `hammer --json` printed.
machine() { # load average at the start
    local cpu memory
    cpu=$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs)
    memory=$(grep -m1 MemTotal /proc/meminfo | tr -s ' ' | cut -d' ' -f2-)
    echo "$(nproc) cores of $cpu, $memory, Linux $(uname -r); load average at the start $1"
}

field() { # name, line of JSON
    sed -E "s/.*\"$1\":([^,}]*).*/\1/" <<<"$2"
}

median() { # file of JSON lines: the line whose rate is in the middle
    while read -r line; do
        printf '%s\t%s\n' "$(field requests_per_s "$line")" "$line"
    done <"$1" | sort -n | sed -n "$(((runs + 1) / 2))p" | cut -f2-
}
