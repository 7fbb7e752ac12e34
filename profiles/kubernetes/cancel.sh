#!/bin/sh
# Deletes jobs, and with them their pods: Snakemake was asked to end.
exec kubectl delete job "$@" --ignore-not-found --wait=false
