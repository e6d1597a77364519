"""The notebook server of a student's container."""

import os
import re
from pathlib import Path

from jelai_telemetry.exporter import configure
from tornado.log import access_log
from traitlets.config import get_config

c = get_config()
home = Path.home()
data = home / ".local" / "share" / "jupyter"

c.ServerApp.root_dir = os.environ.get("NOTEBOOK_ROOT", str(home / "work"))
c.ServerApp.ip = "0.0.0.0"  # noqa: S104  in a container; what is published is the operator's choice
c.ServerApp.port = 8888
c.ServerApp.port_retries = 0  # another port would be one that nobody looks at
c.ServerApp.open_browser = False
c.ServerApp.default_url = "/lab"
c.KernelManager.shutdown_wait_time = 2  # a kernel that does not listen must not use up docker's patience
c.FileContentsManager.delete_to_trash = False  # the trash would fill the student's volume unseen

# Nothing asks the outside world, no pop-up covers the chat, and the page offers no extensions.
c.LabApp.extension_manager = "readonly"
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabApp.custom_css = True
c.ServerApp.tornado_settings = {"static_custom_path": ["/etc/jupyter/custom"]}  # no trait of its own is configurable

# A page that is open when the container is made anew goes on without asking for the token again.
c.ServerApp.cookie_secret_file = str(data / "cookie_secret")

# What collaboration remembers goes to the home's data folder, not among the student's files.
c.SQLiteYStore.db_path = str(data / "ystore.db")
c.YDocExtension.session_store_path = str(data / "collaboration_sessions.json")

configure(c)  # telemetry

# A single-user server logs each request. Juno's look every two seconds whether it is there and the page's events would
# hide what a person opens, and what fails.
ORDINARY = re.compile(r"200 (GET \S*/lab \(\S*@127\.0\.0\.1\)|POST \S*/jupyterlab-pioneer/export\b)")
access_log.addFilter(lambda record: not ORDINARY.match(record.getMessage()))
