"""Keeps the rules of the host's packet filter that isolate students' containers.

`settings` → `rules` (what must be there) and `tables` (what is there, what differs, how to put it right; both pure) →
`iptables` (reads and writes the host's rules) → `keeper` (again and again). `host` says whether the kernel filters.

    python3 -m firewall keep      put the rules there, and back whenever somebody takes them away; until a signal
    python3 -m firewall check     0 when all of them are there now; else one sentence
    python3 -m firewall remove    take exactly these rules away
"""
