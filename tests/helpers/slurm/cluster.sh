#!/usr/bin/env bash
# A real SLURM on one Debian machine, with accounting, for tests: docs/clusters.md.
#
#   cluster.sh install   packages: slurm-wlm, slurmdbd, munge, mariadb-server (root, Debian)
#   cluster.sh start     daemons, two partitions (cpu, gpu) and one that pre-empts them (urgent)
#                        LETHE_SLURM_COMMENTS=no: accounting keeps no comments, as many sites' does
#   cluster.sh stop      ends what start started
#
# As a laboratory's: accounts are enforced, partitions have limits of time, and an ordinary user, whose
# name `cluster.sh user` prints and who is made if need be, submits from an account of its own. The
# user's runs need Python and files that it can read.
#
# One node, this machine. Its two GPUs are counted but not there: SLURM hands out their numbers, so
# that requests for GPUs are really scheduled. State lies in $LETHE_SLURM (/tmp/lethe-slurm). A
# SLURM that is configured here by anyone else is left alone.
set -euo pipefail

state=${LETHE_SLURM:-/tmp/lethe-slurm}
conf=/etc/slurm
# Its folder is not part of it: the file may be left by a clone in which this lies elsewhere.
mark="# made by cluster.sh of Lethe's tests"
port=13306
cores=${LETHE_SLURM_CORES:-2}
user=${LETHE_SLURM_USER:-lethe-lab}
comments=${LETHE_SLURM_COMMENTS:-yes}

fail() {
  echo "error: $*" >&2
  exit 1
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq --no-install-recommends slurm-wlm slurmdbd munge mariadb-server
}

ours() {
  [ ! -e "$conf/slurm.conf" ] || grep -qF "$mark" "$conf/slurm.conf"
}

# Wait up to 30 s until a command succeeds.
await() {
  local what=$1
  shift
  for _ in $(seq 60); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.5
  done
  fail "$what does not answer; its log is in $state"
}

# Start a daemon that outlives this script, and note its process id for stop.
launch() {
  local name=$1
  shift
  setsid "$@" >>"$state/$name.log" 2>&1 </dev/null &
  echo $! >"$state/$name.pid"
}

write_configuration() {
  local secret host
  secret=$(head -c 18 /dev/urandom | base64 | tr -d '+/=')
  host=$(hostname -s)
  cat >"$conf/slurm.conf" <<END
$mark
ClusterName=lethe
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation=$state/ctld
SlurmdSpoolDir=$state/slurmd
SlurmctldPidFile=$state/slurmctld.run
SlurmdPidFile=$state/slurmd.run
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
# How often accounting looks at a job's memory: jobs of the smoke world take seconds.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
# No cgroups: what takes more than it asked for is killed by accounting.
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
$([ "$comments" = no ] || echo AccountingStoreFlags=job_comment)
AccountingStorageTRES=gres/gpu
# A job needs an account that its user has; what associations limit is enforced.
AccountingStorageEnforce=associations,limits,qos
# Jobs that ask for more than a partition has are taken, and wait for ever: SLURM's own default.
EnforcePartLimits=NO
# Whatever waits in the partition of the higher tier takes the place of a job of the lower, which
# goes back into the queue.
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores RealMemory=16000 Gres=gpu:2
PartitionName=cpu Nodes=$host Default=YES PriorityTier=1 State=UP MaxTime=02:00:00
PartitionName=gpu Nodes=$host PriorityTier=1 State=UP MaxTime=12:00:00
PartitionName=urgent Nodes=$host PriorityTier=10 State=UP
END
  # Devices like /dev/null: SLURM wants to see some before it counts them.
  for number in 0 1; do mknod "$state/gpu$number" c 1 3; done
  echo "Name=gpu Flags=nvidia_gpu_env File=$state/gpu[0-1]" >"$conf/gres.conf"
  (
    umask 077
    cat >"$conf/slurmdbd.conf" <<END
$mark
DbdHost=localhost
SlurmUser=root
AuthType=auth/munge
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$port
StorageUser=slurm
StoragePass=$secret
StorageLoc=slurm
PidFile=$state/slurmdbd.run
LogFile=$state/slurmdbd.log
END
    cat >"$state/accounts.sql" <<END
CREATE DATABASE slurm;
CREATE USER slurm@127.0.0.1 IDENTIFIED BY '$secret';
GRANT ALL ON slurm.* TO slurm@127.0.0.1;
END
  )
}

start_database() {
  mkdir -p "$state/db"
  chown mysql: "$state/db"
  mariadb-install-db --no-defaults --user=mysql --datadir="$state/db" --skip-test-db \
    >"$state/install-db.log" 2>&1
  launch mariadb mariadbd --no-defaults --user=mysql --datadir="$state/db" \
    --socket="$state/db/sock" --bind-address=127.0.0.1 --port=$port --skip-name-resolve \
    --pid-file="$state/db/pid"
  await mariadb mariadb --no-defaults --socket="$state/db/sock" -e "SELECT 1"
  mariadb --no-defaults --socket="$state/db/sock" <"$state/accounts.sql"
}

make_user() {
  id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
}

start_munge() {
  # The user munge must own the folder of its socket.
  install -d -o munge -g munge -m 755 /run/munge
  install -d -o munge -g munge -m 700 "$state/munge"
  pgrep -x munged >/dev/null && return
  launch munged runuser -u munge -- munged --foreground --log-file="$state/munge/log" --force
  await munged munge -n
}

start_slurm() {
  ours || fail "$conf/slurm.conf is not of this script; a SLURM is configured here already"
  for program in slurmctld slurmd slurmdbd munged mariadbd; do
    command -v "$program" >/dev/null || fail "$program is missing; run: $0 install"
  done
  [ "$(id -u)" = 0 ] || fail "starting SLURM's daemons needs root"
  [ ! -e "$state" ] || stop_slurm
  mkdir -p "$state/ctld" "$state/slurmd"
  chmod 755 "$state"
  write_configuration
  make_user
  start_munge
  start_database
  launch slurmdbd slurmdbd -D
  await slurmdbd sacctmgr -n list cluster
  sacctmgr -i add cluster lethe >/dev/null
  sacctmgr -i add account lab Description=laboratory Organization=lethe >/dev/null
  sacctmgr -i add user "$user" Account=lab >/dev/null
  sacctmgr -i add user root Account=lab >/dev/null
  launch slurmctld slurmctld -D
  await slurmctld scontrol ping
  launch slurmd slurmd -D -N "$(hostname -s)"
  await slurmd sh -c 'sinfo -h -o %T | grep -qx "idle"'
  sinfo
}

# The ids of what start started, as far as it still runs.
running() {
  cat "$state"/*.pid 2>/dev/null | while read -r pid; do
    if kill -0 "$pid" 2>/dev/null; then echo "$pid"; fi
  done
}

stop_slurm() {
  for pid in $(running); do
    # setsid: each leads a group of its own.
    kill -- "-$pid" 2>/dev/null || true
  done
  for _ in $(seq 60); do
    [ -n "$(running)" ] || break
    sleep 0.25
  done
  for pid in $(running); do
    kill -KILL -- "-$pid" 2>/dev/null || true
  done
  rm -rf "$state"
  if [ -e "$conf/slurm.conf" ] && ours; then
    rm -f "$conf/slurm.conf" "$conf/gres.conf" "$conf/slurmdbd.conf"
  fi
}

case ${1:-} in
  install) install_packages ;;
  start) start_slurm ;;
  stop) stop_slurm ;;
  user) echo "$user" ;;
  *) fail "usage: $0 install|start|stop|user" ;;
esac
