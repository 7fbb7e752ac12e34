#!/bin/sh
# Says of a job: running, success or failed, as Snakemake wants it.
# A job that is gone has failed; an API that does not answer has said nothing.
state=$(kubectl get job "$1" --ignore-not-found \
    -o 'jsonpath={.metadata.name} {.status.conditions[?(@.status=="True")].type}') \
    || state="unknown"
case "$state" in
    *Complete*) echo success ;;
    *Failed* | "") echo failed ;;
    *) echo running ;;
esac
