"""A filtering proxy in front of the Docker API, for JupyterHub's DockerSpawner and nothing else.

A request's way: `listener` → `wire` (HTTP in, by h11) → `routes` (which call this is) → `gate` (may it pass; asks the
engine whose container it is) → `create`, `volumes` (what a body may hold) → `engine` (HTTP out). No byte that came in
is passed on: what goes to the engine is written anew from what was understood. `routes`, `create`, `volumes`, `strict`
and what they use are pure.
"""
