#!/usr/bin/env bash
# start-dockerd.sh LOG SECONDS: starts dockerd on a host without systemd, detached, and waits until it answers.
# Survives what a killed engine leaves behind: its pid file, and a dead process that nobody has reaped yet.
set -euo pipefail

log=$1
deadline=$((SECONDS + $2))

# A process that runs the program: not another one that has its number now, and not a dead one whose parent lets it lie.
alive() {
    local pid=$1 program=$2
    [[ -r /proc/$pid/stat ]] && [[ $(cut -d' ' -f2,3 "/proc/$pid/stat") == "($program) "[!ZX] ]]
}

# The engine would take such a pid file for a running process, and not start for as long as it lies there.
forget_stale() {
    local file=$1 program=$2
    if [[ -f $file ]] && ! alive "$(<"$file")" "$program"; then
        rm -f "$file"
    fi
}

running() { [[ -f /var/run/docker.pid ]] && alive "$(</var/run/docker.pid)" dockerd; }

# Two at once would each start one, and the second would take the first one's network away.
exec 9>/run/lock/jelai-dockerd
flock 9

said=waited
daemon=none
while ((SECONDS < deadline)); do
    forget_stale /var/run/docker.pid dockerd
    forget_stale /var/run/docker/containerd/containerd.pid containerd
    if ! running; then
        setsid nohup dockerd >>"$log" 2>&1 </dev/null 9>&- &
        daemon=$!
        said=started
    fi
    # Until it answers, or ends because the one before it is not quite gone.
    while ((SECONDS < deadline)) && { running || [[ -d /proc/$daemon ]]; }; do
        if docker info >/dev/null 2>&1; then
            echo "$said"
            exit 0
        fi
        sleep 0.3
    done
    sleep 1
done
echo "the engine does not answer; its last words, from $log:" >&2
tail -n 15 "$log" >&2 || true
exit 1
