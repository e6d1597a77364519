#!/bin/bash
# Stands for the start script of the base; must never run.
exit 99
