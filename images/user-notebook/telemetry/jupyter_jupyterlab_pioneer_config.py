"""jupyterlab_pioneer's configuration, for a folder on Jupyter's configuration path: every event to our exporter."""

from jelai_telemetry.exporter import configure
from traitlets.config import get_config

configure(get_config())
