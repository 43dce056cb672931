# For the scripts beside it that compare kinds of connections or callers, run by run and in turns: how long a run is, how many there
# are, and one run. Takes the arguments of the script that reads it: seconds a run, default 4; runs, default 5.
seconds=${1:-4}
runs=${2:-5}
source "$(dirname "$0")/daemon.sh"
load=$(cut -d' ' -f1 /proc/loadavg)

load_it() { # side, arguments of hammer: loads the daemon, which ends with its log
    local side=$1 ticks
    shift
    ticks=$(cpu_ticks)
    "$bin/hammer" --url "$url" --connections 64 --seconds "$seconds" --json --data-dir "$work" "$@" >>"$work/$side"
    echo "$(($(cpu_ticks) - ticks)) $(entries)" >>"$work/$side.cpu"
    stop_daemon
    rm -rf "$work/data"
}
