"""What a deploy, a rollback and the verbs around them know and decide. No Ansible in here, so all of it is tested."""
