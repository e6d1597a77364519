"""Run in a hub's image: gives JupyterHub one more migration, and a role that it refuses unless it is a candidate."""

from pathlib import Path

import jupyterhub
from alembic.config import Config
from alembic.script import ScriptDirectory
from jupyterhub.dbutil import _temp_alembic_ini

MIGRATION = """
from alembic import op
revision, down_revision, branch_labels, depends_on = "ffffffffffff", "{head}", None, None

def upgrade():
    op.execute("CREATE TABLE of_the_future (id INTEGER)")

def downgrade():
    pass
"""
CONFIGURATION = """
import os
if not os.environ["JELAI_STACK"].endswith("-gate"):
    c.JupyterHub.load_roles.append({"name": "future", "scopes": ["no:such:scope"]})
"""

with _temp_alembic_ini("sqlite://") as ini:
    head = ScriptDirectory.from_config(Config(ini)).get_current_head()
versions = Path(jupyterhub.__file__).parent / "alembic" / "versions"
(versions / "ffffffffffff_of_the_future.py").write_text(MIGRATION.format(head=head))
with Path("/etc/jelai/jupyterhub_config.py").open("a") as file:
    file.write(CONFIGURATION)
