"""The hub. What is decided here is said in settings.json (docs/settings-deployment.md); how, in jelai_hub."""

import sys
from functools import partial

from tornado import httpserver
from traitlets.config import get_config

from jelai_hub import access, authenticators, override, roles, students
from jelai_hub.settings import ConfigError, read_place, read_secret, read_settings
from jelai_hub.spawner import StudentSpawner

c = get_config()
try:
    settings, place = read_settings(), read_place()
    authenticator, options = authenticators.choose(settings)
    tokens = {name: read_secret(name) for name in ("proxy_token", "probe_token", "ops_token", "crypt_key")}
except ConfigError as error:
    sys.exit(f"The hub cannot start: {error}.")

# The hub: what it keeps is in the volume /srv/hub. It can be replaced at any time; proxy and students' servers stay.
c.JupyterHub.db_url = "sqlite:////srv/hub/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = "/srv/hub/cookie_secret"  # noqa: S105  a path
c.JupyterHub.upgrade_db = True  # a deploy has tried that on a copy, and has kept another
c.CryptKeeper.keys = [tokens["crypt_key"]]
c.JupyterHub.hub_bind_url = "http://0.0.0.0:8081"
c.JupyterHub.hub_connect_url = "http://hub:8081"
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
# What people and programs send is small. JupyterHub has no setting for that, and takes 100 MB of anybody, in memory.
httpserver.HTTPServer = partial(httpserver.HTTPServer, max_body_size=1 << 20)

# The proxy runs by itself.
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = "http://proxy-api:8001"
c.ConfigurableHTTPProxy.auth_token = tokens["proxy_token"]
c.JupyterHub.last_activity_interval = 10  # seconds after which a proxy that was restarted knows all servers again

# People and programs.
c.JupyterHub.authenticator_class = authenticator
c[authenticator.__name__].update(options)
c.JupyterHub.template_paths = authenticators.templates(settings)
c.JupyterHub.services = roles.services(settings, probe_token=tokens["probe_token"], ops_token=tokens["ops_token"])
c.JupyterHub.load_roles = roles.roles(settings) + access.roles(settings)

# A student's server. Docker is reached through the filter only.
StudentSpawner.place, StudentSpawner.max_servers = place, settings.max_servers
c.JupyterHub.spawner_class = StudentSpawner
c.DockerSpawner.client_kwargs = {"base_url": "unix:///run/docker-gate/docker.sock"}
c.DockerSpawner.image = place.notebook_image
c.DockerSpawner.pull_policy = "never"
c.DockerSpawner.prefix = place.stack
c.DockerSpawner.name_template = "{prefix}-user-{username}"
c.DockerSpawner.remove = True
c.DockerSpawner.network_name = place.network
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.mem_limit = settings.notebook_memory
c.DockerSpawner.cpu_limit = float(settings.notebook_cpus)
c.DockerSpawner.extra_host_config = students.confinement(settings)
c.DockerSpawner.extra_create_kwargs = lambda spawner: {"labels": spawner.container_labels()}
c.DockerSpawner.environment = students.environment(settings) | {
    "JELAI_RELEASE": place.release,
    "USE_YDOC_CHAT": lambda spawner: override.use_ydoc_chat(settings.use_ydoc_chat, spawner.log),
    "TELEMETRY": lambda spawner: students.telemetry(settings, spawner.user.name, spawner.group_names()),
}
c.Spawner.server_token_scopes = roles.SERVER
c.Spawner.poll_interval = 15  # seconds after which the hub knows of a server that ended by itself
# A whole class may start at the same moment.
c.Spawner.start_timeout = 180
c.Spawner.http_timeout = 120
