"""Juno: answers the messages that students write in JupyterLab's chats."""

__version__ = "0.1.0"
