"""Releases of a deployment: what lies on a hub host, who may change it, and what was done. Standard library only.

Ansible's modules import it on the host, the unit tests and the programs of scripts/ import it as `release`.
"""
